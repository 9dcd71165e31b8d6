"""What a run is about to cost, stage by stage, from what the same stages cost the last time.

Knows ledgers and prices; does not know what a stage does, so a stage with changed parameters is expected to cost what
it did before. A stage without a ledger may have been planned; else it has no known cost: that is told, never taken for
zero.

Example::

    forecast = predict(["train", "generate"], ledgers=Path("ledger"), prices=load_prices())
    forecast.dollars                # 0.0031
    forecast.unknown                # ['generate']
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.prices import Prices
from s1.not_run import WORDS


@dataclass(frozen=True, slots=True)
class StageForecast:
    """One stage's expected cost."""

    stage: str
    dollars: float | None
    """None: no earlier run is known here, not all of its machine time was measured, or it asked an unpriced model."""
    seconds: float | None
    source: str = "its last run"
    """Where both are known from."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected cost of the stages that have to run."""

    stages: tuple[StageForecast, ...]

    @property
    def dollars(self) -> float:
        """Sum over the stages whose cost is known."""
        return sum(stage.dollars for stage in self.stages if stage.dollars is not None)

    @property
    def unknown(self) -> list[str]:
        """Stages whose cost nobody knows yet."""
        return [stage.stage for stage in self.stages if stage.dollars is None]

    def rows(self) -> list[dict[str, str]]:
        """The table to decide on."""
        rows = [
            {
                "stage": item.stage,
                "dollars": _dollars(item.dollars),
                "seconds": "unknown" if item.seconds is None else f"{item.seconds:.0f}",
                "known from": "nothing yet" if item.seconds is None else item.source,
            }
            for item in self.stages
        ]
        return [*rows, {"stage": "sum", "dollars": _dollars(self.dollars), "seconds": "", "known from": ""}]


def predict(
    stages: Sequence[str],
    *,
    ledgers: Path,
    prices: Prices,
    planned: Mapping[str, StageForecast] | None = None,
    not_run: Sequence[str] = (),
) -> Forecast:
    """Expect every stage to cost what its last ledger says; prices are today's.

    Args:
        planned: what plans say, by stage, for stages that have no ledger yet.
        not_run: stages that the profile leaves out, whatever they cost when they were run.
    """
    free = {stage: StageForecast(stage, 0.0, 0.0, WORDS) for stage in not_run}
    return Forecast(
        tuple(free.get(stage) or _predict(stage, ledgers / f"{stage}.json", prices, planned or {}) for stage in stages)
    )


def _predict(stage: str, ledger: Path, prices: Prices, planned: Mapping[str, StageForecast]) -> StageForecast:
    try:
        quantities: dict[str, float] = json.loads(ledger.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        quantities = {}
    if not quantities:  # never run here, or last with a profile that leaves it out
        return planned.get(stage, StageForecast(stage, None, None))
    return StageForecast(stage, prices.dollars(quantities), quantities.get("wall_seconds"))


def _dollars(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
