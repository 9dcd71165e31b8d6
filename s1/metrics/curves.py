"""Control, Scaling and Performance of a curve of points (paper section 3.2).

Knows points as numbers; knows no settings and no files. Scaling is the plain mean of the slopes of all pairs, as in the
paper. Two points with almost equal thinking have a slope made of noise, and it counts as much as any other: in the
paper's token-conditional control, two runs 50 tokens apart make a mean of +10 over the other nine pairs the published
-24. So a least-squares slope, in which a pair weighs by the square of its distance, and the median of the slopes (Theil
and Sen) stand beside it.

Example::

    short, long = CurvePoint(thinking_tokens=512, accuracy=0.3), CurvePoint(thinking_tokens=2048, accuracy=0.5)
    curve_figures([short, long]).scaling_per_doubling       # 10.0
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What was asked of the thinking, in tokens, both ends included; None: no such limit."""

    low: float | None = None
    high: float | None = None
    is_strict: bool = False
    """The ends themselves do not keep to it (longer or shorter than something)."""

    def hold(self, num_tokens: float) -> bool:
        """Whether so many thinking tokens keep to the limits."""
        if self.is_strict and num_tokens in (self.low, self.high):
            return False
        return (self.low is None or num_tokens >= self.low) and (self.high is None or num_tokens <= self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One setting of a curve."""

    thinking_tokens: float
    """Mean thinking tokens of the run: where the point lies."""
    accuracy: float
    """0 to 1."""
    limits: Limits | None = None
    """What the setting asked for; None where it asked for nothing."""
    controlled_tokens: float | None = None
    """What is held against the limits; None: ``thinking_tokens``."""

    @property
    def keeps(self) -> bool | None:
        """Whether the run's mean keeps to what was asked; None where nothing was."""
        if self.limits is None:
            return None
        return self.limits.hold(self.thinking_tokens if self.controlled_tokens is None else self.controlled_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFigures:
    """The three figures of one curve; slopes in accuracy points."""

    control: float | None
    """Share of the runs that were asked for something whose mean thinking tokens keep to it."""
    scaling_per_doubling: float | None
    """Mean slope over all pairs of points per doubling of thinking tokens (the paper's Table 3)."""
    scaling_per_1000_tokens: float | None
    """The same per 1,000 thinking tokens (the paper's formula)."""
    performance: float | None
    """Highest accuracy, 0 to 1."""
    fitted_per_doubling: float | None
    """Least-squares slope per doubling: close points weigh little."""
    median_per_doubling: float | None
    """Median of the pairs' slopes per doubling (Theil and Sen)."""


def curve_figures(points: Sequence[CurvePoint]) -> CurveFigures:
    """Control, Scaling and Performance of a curve.

    Scaling is the mean of (f(b) - f(a)) / (b - a) over all pairs of points with different thinking tokens. The paper's
    formula has raw tokens; its Table 3 holds the slopes over log2 of the tokens. Both are returned.
    """
    kept = [point.keeps for point in points if point.keeps is not None]
    tokens = [point.thinking_tokens for point in points]
    accuracy = [100 * point.accuracy for point in points]
    doublings = [math.log2(count) for count in tokens] if all(count > 0 for count in tokens) else []
    slope = mean_slope(tokens, accuracy)
    return CurveFigures(
        control=sum(kept) / len(kept) if kept else None,
        scaling_per_doubling=mean_slope(doublings, accuracy) if doublings else None,
        scaling_per_1000_tokens=None if slope is None else 1000 * slope,
        performance=max((point.accuracy for point in points), default=None),
        fitted_per_doubling=fitted_slope(doublings, accuracy) if doublings else None,
        median_per_doubling=median_slope(doublings, accuracy) if doublings else None,
    )


def mean_slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Mean slope over all pairs with different ``x``; None where there is no such pair."""
    slopes = _slopes(x, y)
    return math.fsum(slopes) / len(slopes) if slopes else None


def median_slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Median slope over all pairs with different ``x``; None where there is no such pair."""
    slopes = _slopes(x, y)
    return median(slopes) if slopes else None


def fitted_slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Least-squares slope; None where all ``x`` are the same."""
    pairs = list(combinations(zip(x, y, strict=True), 2))
    weight = math.fsum((x_b - x_a) ** 2 for (x_a, _), (x_b, _) in pairs)
    # The least-squares line's slope is the mean of the pairs' slopes weighted by the squares of their distances.
    return math.fsum((y_b - y_a) * (x_b - x_a) for (x_a, y_a), (x_b, y_b) in pairs) / weight if weight else None


def _slopes(x: Sequence[float], y: Sequence[float]) -> list[float]:
    return [
        (y_b - y_a) / (x_b - x_a) for (x_a, y_a), (x_b, y_b) in combinations(zip(x, y, strict=True), 2) if x_a != x_b
    ]
