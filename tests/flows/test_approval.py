"""When a person has to be asked."""

import pytest

from flows.approval import exceeds
from infra.forecast import Forecast, StageForecast

KNOWN = StageForecast("train", 2.0, 60.0)
UNKNOWN = StageForecast("score", None, None)


@pytest.mark.parametrize(
    ("stages", "limit", "unknown_is_costly", "asked"),
    [
        ((KNOWN,), None, True, False),
        ((KNOWN,), 2.0, False, False),
        ((KNOWN,), 1.99, False, True),
        ((KNOWN, UNKNOWN), 2.0, False, False),
        ((KNOWN, UNKNOWN), 2.0, True, True),
        ((), 0.0, True, False),
    ],
)
def test_over_the_limit_or_unknown_on_a_paid_machine(
    stages: tuple[StageForecast, ...], limit: float | None, unknown_is_costly: bool, asked: bool
) -> None:
    assert exceeds(Forecast(stages), limit_dollars=limit, unknown_is_costly=unknown_is_costly) is asked
