"""When a person has to be asked."""

import pytest

from flows.approval import exceeds
from infra.forecast import Forecast, StageForecast

KNOWN = StageForecast("train", 2.0, 60.0)
UNKNOWN = StageForecast("score", None, None)


@pytest.mark.parametrize(
    ("stages", "limit", "asked"),
    [
        ((KNOWN,), 2.0, False),
        ((KNOWN,), 1.99, True),
        ((KNOWN, UNKNOWN), 2.0, True),
        ((), 0.0, False),
    ],
)
def test_over_the_limit_or_of_unknown_cost(stages: tuple[StageForecast, ...], limit: float, asked: bool) -> None:
    assert exceeds(Forecast(stages), limit_dollars=limit) is asked
