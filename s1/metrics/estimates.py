"""Means over questions and how sure they are.

Knows one number per question; knows no files, models or settings. Intervals are bootstrap percentiles over questions.
Where nearly all questions agree, resampling hardly ever draws the others and the interval would collapse (0 of 30
right would read "0 to 0"): there it is widened to a closed form, Wilson's for a share, Agresti and Min's for a paired
difference of shares, and says so.

Example::

    estimate = estimate_mean([1.0, 0.0, 1.0, 1.0], num_resamples=10_000, confidence=0.95, seed=0)
    estimate.value                  # 0.75
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

_MAX_CHUNK = 4_000_000
"""Resampled indices held at once."""
_FEW_VALUES = 32
"""Up to so many different values (right and wrong are two), how often each is drawn is drawn at once: much faster."""
_FEW = 5
"""With fewer questions than so many on one side, the bootstrap's interval is too short."""
_SLACK = 1e-9
"""Rounding that an average may carry over the ends of its range."""

IntervalKind = Literal["bootstrap", "widened"]
"""How an interval was made: percentiles of resampled means, or those widened to a closed form."""


class MetricError(ValueError):
    """Scores break a rule that every figure made of them obeys; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over questions and how sure it is."""

    value: float
    standard_error: float | None
    """None for a single question."""
    low: float
    """Lower end of the interval."""
    high: float
    num_questions: int
    interval_kind: IntervalKind = "bootstrap"


def estimate_mean(values: Sequence[float], *, num_resamples: int, confidence: float, seed: int) -> Estimate | None:
    """Mean of one share (0 to 1) per question with standard error and interval; None without values.

    The standard error is the sample standard deviation (n - 1) over the root of n. Resampling questions with all
    their samples is the bootstrap of clustered data: its spread holds the variance between and within questions.

    Raises:
        MetricError: a value lies outside 0 to 1.
    """
    _check_range(values, 0.0, 1.0)
    if not values:
        return None
    estimate = _bootstrap(values, num_resamples=num_resamples, confidence=confidence, seed=seed)
    total = math.fsum(values)
    if min(total, len(values) - total) >= _FEW and _num_apart(values) >= _FEW:
        return estimate
    return _widen(estimate, *wilson_interval(total, len(values), confidence=confidence))


def estimate_difference(
    first: Sequence[float], second: Sequence[float], *, num_resamples: int, confidence: float, seed: int
) -> Estimate | None:
    """Mean of ``first - second`` over the same questions in the same order; questions are resampled in pairs.

    Raises:
        ValueError: the sequences differ in length.
        MetricError: a difference lies outside -1 to 1.
    """
    if len(first) != len(second):
        raise ValueError(f"a paired difference needs the same questions; got {len(first)} and {len(second)}")
    differences = paired_differences(first, second)
    _check_range(differences, -1.0, 1.0)
    if not differences:
        return None
    estimate = _bootstrap(differences, num_resamples=num_resamples, confidence=confidence, seed=seed)
    if _num_apart(differences) >= _FEW:
        return estimate
    return _widen(estimate, *agresti_min_interval(differences, confidence=confidence))


def paired_differences(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """``first - second`` question by question, without the rounding of averages: equal ones differ by exactly 0."""
    return [round(one - other, 12) + 0.0 for one, other in zip(first, second, strict=True)]


def _num_apart(values: Sequence[float]) -> int:
    """Questions that do not have the commonest value: where hardly any, resampled means all look alike."""
    return len(values) - Counter(values).most_common(1)[0][1]


def wilson_interval(num_right: float, num_questions: int, *, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share; never empty, not even at 0 or at all of them."""
    z = two_sided_z(confidence)
    share = num_right / num_questions
    centre = share + z * z / (2 * num_questions)
    reach = z * math.sqrt(share * (1 - share) / num_questions + (z / (2 * num_questions)) ** 2)
    scale = 1 + z * z / num_questions
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def agresti_min_interval(differences: Sequence[float], *, confidence: float) -> tuple[float, float]:
    """Agresti and Min's interval (2005) of a paired difference of shares: half a question more in every cell."""
    gained = math.fsum(value for value in differences if value > 0) + 0.5
    lost = -math.fsum(value for value in differences if value < 0) + 0.5
    num = len(differences) + 2
    centre = (gained - lost) / num
    reach = two_sided_z(confidence) * math.sqrt(gained + lost - (gained - lost) ** 2 / num) / num
    return max(-1.0, centre - reach), min(1.0, centre + reach)


def two_sided_z(confidence: float) -> float:
    """How many standard errors an interval of this confidence reaches to each side (1.96 at 0.95)."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _check_range(values: Sequence[float], low: float, high: float) -> None:
    wrong = next((value for value in values if not low - _SLACK <= value <= high + _SLACK), None)
    if wrong is not None:
        raise MetricError(
            f"a question's value is {wrong}, outside {low:g} to {high:g}: samples were counted twice or not averaged. "
            "Remove data/generate and data/score and run `dvc repro`; if it stays, report it"
        )


def _bootstrap(values: Sequence[float], *, num_resamples: int, confidence: float, seed: int) -> Estimate:
    data = np.asarray(values, dtype=np.float64)
    means = _resampled_means(data, num_resamples=num_resamples, seed=seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(
        value=float(data.mean()),
        standard_error=float(data.std(ddof=1)) / math.sqrt(len(data)) if len(data) > 1 else None,
        low=float(low),
        high=float(high),
        num_questions=len(data),
    )


def _widen(estimate: Estimate, low: float, high: float) -> Estimate:
    return replace(estimate, low=min(estimate.low, low), high=max(estimate.high, high), interval_kind="widened")


def _resampled_means(data: npt.NDArray[np.float64], *, num_resamples: int, seed: int) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    values, counts = np.unique(data, return_counts=True)
    if len(values) <= _FEW_VALUES:
        return np.asarray(rng.multinomial(len(data), counts / len(data), size=num_resamples) @ values / len(data))
    num_rows = max(1, _MAX_CHUNK // len(data))
    chunks = [
        data[rng.integers(0, len(data), size=(min(num_rows, num_resamples - start), len(data)))].mean(axis=1)
        for start in range(0, num_resamples, num_rows)
    ]
    return np.concatenate(chunks)
