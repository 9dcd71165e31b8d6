"""Statistics of scores: accuracy with its uncertainty, paired differences, and the paper's three figures of a curve.

Knows numbers per question; knows no files, models or settings. The unit of chance is the question: several samples of
one question are averaged first. Undefined is ``None``, never zero.

Example::

    estimate = estimate_mean([1.0, 0.0, 1.0, 1.0], num_resamples=10_000, confidence=0.95, seed=0)
    estimate.value                  # 0.75
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

_MAX_CHUNK = 4_000_000
"""Resampled indices held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over questions and how sure it is."""

    value: float
    standard_error: float | None
    """None for a single question."""
    low: float
    """Lower end of the bootstrap percentile interval."""
    high: float
    num_questions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One setting of a curve."""

    thinking_tokens: float
    """Mean thinking tokens of the run."""
    accuracy: float
    """0 to 1."""
    max_tokens: float | None = None
    """Upper limit that the setting asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFigures:
    """Control, Scaling and Performance (paper section 3.2) of one curve."""

    control: float | None
    """Share of limited runs whose mean thinking tokens keep to their limit."""
    scaling_per_doubling: float | None
    """Mean slope over all pairs of points, accuracy points per doubling of thinking tokens (the paper's Table 3)."""
    scaling_per_1000_tokens: float | None
    """The same per 1,000 thinking tokens."""
    performance: float | None
    """Highest accuracy, 0 to 1."""


def estimate_mean(values: Sequence[float], *, num_resamples: int, confidence: float, seed: int) -> Estimate | None:
    """Mean of one number per question with standard error and bootstrap percentile interval; None without values.

    The standard error is the sample standard deviation (n - 1) over the root of n.
    """
    if not values:
        return None
    data = np.asarray(values, dtype=np.float64)
    means = _resampled_means(data, num_resamples=num_resamples, seed=seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    spread = float(data.std(ddof=1)) / math.sqrt(len(data)) if len(data) > 1 else None
    return Estimate(
        value=float(data.mean()),
        standard_error=spread,
        low=float(low),
        high=float(high),
        num_questions=len(data),
    )


def estimate_difference(
    first: Sequence[float], second: Sequence[float], *, num_resamples: int, confidence: float, seed: int
) -> Estimate | None:
    """Mean of ``first - second`` over the same questions in the same order; questions are resampled in pairs.

    Raises:
        ValueError: the sequences differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"a paired difference needs the same questions; got {len(first)} and {len(second)}")
    differences = [one - other for one, other in zip(first, second, strict=True)]
    return estimate_mean(differences, num_resamples=num_resamples, confidence=confidence, seed=seed)


def _resampled_means(data: npt.NDArray[np.float64], *, num_resamples: int, seed: int) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    num_rows = max(1, _MAX_CHUNK // len(data))
    chunks = [
        data[rng.integers(0, len(data), size=(min(num_rows, num_resamples - start), len(data)))].mean(axis=1)
        for start in range(0, num_resamples, num_rows)
    ]
    return np.concatenate(chunks)


def curve_figures(points: Sequence[CurvePoint]) -> CurveFigures:
    """Control, Scaling and Performance of a curve.

    Scaling is the mean of (f(b) - f(a)) / (b - a) over all pairs of points with different thinking tokens. The paper's
    formula has raw tokens; its Table 3 holds the slopes over log2 of the tokens. Both are returned, in accuracy points.
    """
    limited = [point for point in points if point.max_tokens is not None]
    kept = [point.thinking_tokens <= point.max_tokens for point in limited if point.max_tokens is not None]
    tokens = [point.thinking_tokens for point in points]
    accuracy = [100 * point.accuracy for point in points]
    doublings = [math.log2(count) for count in tokens] if all(count > 0 for count in tokens) else []
    slope = mean_slope(tokens, accuracy)
    return CurveFigures(
        control=sum(kept) / len(kept) if kept else None,
        scaling_per_doubling=mean_slope(doublings, accuracy) if doublings else None,
        scaling_per_1000_tokens=None if slope is None else 1000 * slope,
        performance=max((point.accuracy for point in points), default=None),
    )


def mean_slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Mean slope over all pairs with different ``x``; None where there is no such pair."""
    slopes = [
        (y_b - y_a) / (x_b - x_a) for (x_a, y_a), (x_b, y_b) in combinations(zip(x, y, strict=True), 2) if x_a != x_b
    ]
    return math.fsum(slopes) / len(slopes) if slopes else None
