"""What each point costs: the decoding stage's measured dollars spread over the tokens that it decoded.

Points share one trace as far as they agree, and are decoded together. A point's cost is what it would take alone: the
tokens that the model decodes for it, at the stage's own dollars per decoded token (loading and prefill of the stage
included).

Example::

    point_costs(result, TokenPrice(dollars=0.02, decoded_tokens=100_000))[0].per_solved_question
"""

from collections.abc import Sequence
from dataclasses import dataclass

from s1.report.content import TokenPrice
from s1.report.results import BenchmarkResult, Point
from s1.setting_names import MADE_OF_SAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class PointCost:
    """What one point would cost alone, in dollars; None where it cannot be known."""

    point: Point
    per_question: float
    """One answer to one question; for votes and rejection sampling all the samples that it takes."""
    total: float | None
    """One answer to every question of the benchmark."""
    per_solved_question: float | None
    """None where nothing was solved."""
    per_extra_wait: float | None = None
    """One more suppressed end of thinking, against the next smaller number of Waits."""


def point_costs(result: BenchmarkResult, price: TokenPrice) -> list[PointCost]:
    """Costs of every point whose decoded tokens are known, in the order of the page."""
    return [
        PointCost(
            point=point,
            per_question=per_question,
            total=None if point.num_questions is None else per_question * point.num_questions,
            per_solved_question=per_question / point.accuracy if point.accuracy else None,
            per_extra_wait=_per_extra_wait(point, result.of_kind("wait"), price) if point.kind == "wait" else None,
        )
        for point in result.in_order
        if (per_question := _per_question(point, price)) is not None
    ]


def alone_tokens(results: Sequence[BenchmarkResult]) -> float | None:
    """Tokens that all decoded points would take if each were decoded alone; None where one is not known.

    Votes and rejection sampling are not in it: they reuse the parallel samples.
    """
    points = [point for result in results for point in result.points if point.kind not in MADE_OF_SAMPLES]
    counts = [
        None
        if point.mean_sampled_tokens is None or point.num_generations is None
        else point.mean_sampled_tokens * point.num_generations
        for point in points
    ]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _per_question(point: Point, price: TokenPrice) -> float | None:
    return None if point.mean_sampled_tokens is None else point.mean_sampled_tokens * price.per_token


def _per_extra_wait(point: Point, waits: Sequence[Point], price: TokenPrice) -> float | None:
    """More dollars over more Waits; None where no Wait was added to the next smaller count."""
    smaller = [other for other in waits if (other.amount or 0) < (point.amount or 0)]
    if not smaller:
        return None
    before, after = _per_question(smaller[-1], price), _per_question(point, price)
    if None in (before, after, smaller[-1].mean_waits, point.mean_waits):
        return None
    assert before is not None and after is not None
    more_waits = (point.mean_waits or 0.0) - (smaller[-1].mean_waits or 0.0)
    return (after - before) / more_waits if more_waits > 0 else None
