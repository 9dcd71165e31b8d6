"""The figures of one benchmark as they stand in ``metrics/score.json`` (form: ``tasks.score``).

Knows points, comparisons and how intervals are made; knows no files. Undefined figures are None.

Example::

    statistics = Statistics(num_resamples=10_000, confidence=0.95, seed=0)
    estimates = [statistics.accuracy(point) for point in points]
    figures = benchmark_figures(points, estimates, None, statistics=statistics, vote_counts=[])
    figures["tuned"]["max-64"]["accuracy"]      # 0.41
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from pydantic import JsonValue

from s1.metrics.curves import CurvePoint, curve_figures
from s1.metrics.estimates import Estimate, estimate_mean
from s1.records import TUNED
from s1.scoring.comparisons import Comparison, compare_all
from s1.scoring.points import Point
from s1.scoring.sampled import Samples, sampled_figures
from s1.setting_names import SettingKind

Figures = dict[str, JsonValue]

_CURVES: Mapping[SettingKind, str] = {
    "budget": "budgets",
    "wait": "waits",
    "tokens": "tokens",
    "steps": "steps",
    "class": "class",
    "vote": "votes",
    "reject": "rejection",
}
"""Kinds of settings that make a curve, and what it is called."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """How intervals and tests are made."""

    num_resamples: int
    confidence: float
    seed: int

    def accuracy(self, point: Point) -> Estimate:
        """Accuracy of a point with its interval."""
        estimate = estimate_mean(
            point.accuracies(), num_resamples=self.num_resamples, confidence=self.confidence, seed=self.seed
        )
        assert estimate is not None, "a point has scores"
        return estimate


def benchmark_figures(
    points: Sequence[Point],
    estimates: Sequence[Estimate],
    samples: Samples | None,
    *,
    statistics: Statistics,
    vote_counts: Sequence[int],
) -> Figures:
    """All figures of one benchmark.

    Args:
        estimates: the accuracy of each point.
        samples: its parallel samples; None where there are none.

    Raises:
        ValueError: points were not decoded on the same questions, or figures contradict each other.
    """
    compared = compare_all(
        points, num_resamples=statistics.num_resamples, confidence=statistics.confidence, seed=statistics.seed
    )
    models: dict[str, Figures] = {}
    for point, estimate in zip(points, estimates, strict=True):
        models.setdefault(point.model, {})[point.setting] = _point_figures(point, estimate)
    return {
        **models,
        "parallel": None if samples is None else _parallel_figures(samples, vote_counts),
        "differences": {name: _comparison_figures(item) for name, item in compared.items()},
        "curve": {
            name: {**asdict(curve_figures([_curve_point(point) for point in of_curve]))}
            for name, of_curve in _curves(points).items()
        },
    }


def estimate_figures(name: str, estimate: Estimate) -> Figures:
    """An estimate with its uncertainty, the value under ``name``."""
    return {
        name: estimate.value,
        "standard_error": estimate.standard_error,
        "low": estimate.low,
        "high": estimate.high,
        "interval": estimate.interval_kind,
        "num_questions": estimate.num_questions,
    }


def _point_figures(point: Point, estimate: Estimate) -> Figures:
    return {
        "kind": point.name.kind,
        "amount": point.name.amount,
        **estimate_figures("accuracy", estimate),
        "mean_thinking_tokens": point.mean_thinking_tokens,
        "mean_sampled_tokens": point.mean_sampled_tokens,
        "mean_waits": point.mean_waits,
        "shares": {**point.shares},
        "control_per_question": point.control_per_question,
        "num_generations": point.num_generations,
        **point.details,
    }


def _comparison_figures(item: Comparison) -> Figures:
    compared = item.comparison
    return {
        "first": item.first.label,
        "second": item.second.label,
        **estimate_figures("difference", compared.difference),
        "num_gained": compared.num_gained,
        "num_lost": compared.num_lost,
        "p_value": compared.p_value,
        "p_value_holm": compared.adjusted_p_value,
        "test": compared.test,
        "verdict": compared.verdict,
        "num_questions_needed": compared.num_questions_needed,
        "num_samples_needed": compared.num_samples_needed,
        "detectable_difference": compared.detectable_difference,
    }


def _parallel_figures(samples: Samples, vote_counts: Sequence[int]) -> Figures:
    figures = sampled_figures(samples, vote_counts)
    return {
        "avg_at_k": _by_count(figures.average),
        "pass_at_k": _by_count(figures.any_right),
        "maj_at_k": _by_count(figures.majority),
    }


def _by_count(values: Mapping[int, float]) -> Figures:
    return {str(count): value for count, value in values.items()}


def _curves(points: Iterable[Point]) -> dict[str, list[Point]]:
    """The points of every curve; budgets, Waits and both together are always there."""
    curves: dict[str, list[Point]] = {"budgets": [], "waits": [], "all": []}
    for point in points:
        name = _CURVES.get(point.name.kind)
        if point.model == TUNED and name is not None:
            curves.setdefault(f"{name}_forced" if point.name.is_forced else name, []).append(point)
            if name in ("budgets", "waits"):
                curves["all"].append(point)
    return curves


def _curve_point(point: Point) -> CurvePoint:
    return CurvePoint(
        thinking_tokens=point.mean_thinking_tokens,
        accuracy=fmean(point.accuracies()),
        limits=point.limits,
        controlled_tokens=point.controlled_tokens,
    )
