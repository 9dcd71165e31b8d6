"""Which points of a benchmark are compared with which, and what the paired tests say.

Each Wait count with the smallest, budgets with the next smaller one and the largest with the smallest, other settings
and prompted controls with plain thinking, everything with the base model, and sequential with parallel scaling: each
vote with the Wait count that takes most nearly as many tokens. All comparisons of one benchmark are corrected together.

Example::

    compare_all(points, num_resamples=10_000, confidence=0.95, seed=0)["wait-2_minus_wait-0"].comparison.verdict
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from s1.metrics.paired import PairedComparison, compare_outcomes, holm
from s1.records import BASE, TUNED
from s1.scoring.points import Point
from s1.setting_names import SettingKind, setting_name

_PLAIN = setting_name("wait", 0)
_AGAINST_PLAIN: tuple[SettingKind, ...] = ("other", "tokens", "steps", "class")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two points and their paired comparison."""

    first: Point
    second: Point
    comparison: PairedComparison


def compare_all(points: Sequence[Point], *, num_resamples: int, confidence: float, seed: int) -> dict[str, Comparison]:
    """Every comparison of one benchmark by name, corrected for their number.

    Raises:
        ValueError: two points are not of the same questions.
    """
    pairs = pairs_of(points)
    for first, second in pairs.values():
        if first.outcomes.keys() != second.outcomes.keys():
            raise ValueError(
                f"{first.label} and {second.label} were not decoded on the same questions ({len(first.outcomes)} and "
                f"{len(second.outcomes)}); remove data/generate and run `dvc repro`"
            )
    compared = holm(
        {
            name: compare_outcomes(
                first.outcomes, second.outcomes, num_resamples=num_resamples, confidence=confidence, seed=seed
            )
            for name, (first, second) in pairs.items()
        }
    )
    return {name: Comparison(*pairs[name], comparison) for name, comparison in compared.items()}


def pairs_of(points: Sequence[Point]) -> dict[str, tuple[Point, Point]]:
    """Name -> first and second point."""
    tuned = [point for point in points if point.model == TUNED]
    base = next((point for point in points if point.model == BASE and point.name.kind == "direct"), None)
    budgets, waits, votes = (_of_kind(tuned, kind) for kind in ("budget", "wait", "vote"))
    plain = next((point for point in waits if point.setting == _PLAIN), None)
    pairs = [(point, waits[0]) for point in waits[1:]]
    pairs += [(upper, lower) for lower, upper in pairwise(budgets)]
    pairs += [(budgets[-1], budgets[0])] if len(budgets) > 1 else []
    pairs += [(point, plain) for point in tuned if plain is not None and point.name.kind in _AGAINST_PLAIN]
    pairs += [(_closest(vote, waits), vote) for vote in votes if waits]
    named = {f"{first.setting}_minus_{second.setting}": (first, second) for first, second in pairs}
    if base is not None:
        named |= {f"{point.setting}_minus_{BASE}": (point, base) for point in tuned}
    return named


def _of_kind(points: Sequence[Point], kind: SettingKind) -> list[Point]:
    return sorted((point for point in points if point.name.kind == kind), key=lambda point: point.name.amount or 0)


def _closest(vote: Point, waits: Sequence[Point]) -> Point:
    """The Wait point whose thinking differs by the smallest factor from all votes' together."""
    tokens = vote.mean_thinking_tokens
    return min(waits, key=lambda wait: abs(math.log2((wait.mean_thinking_tokens + 1) / (tokens + 1))))
