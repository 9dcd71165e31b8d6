"""How many questions, or samples of each question, would settle a comparison that the data left open.

Knows paired differences of one number per question; knows no settings. Power is 80%: were the observed difference the
true one, four of five repetitions with so many questions would find it. For right-or-wrong questions the formula is
Connor's (1987) for McNemar's test; averaged samples use the same with their second moments.

Example::

    questions_needed([1, 1, -1, 0, 0, 0, 0, 0], confidence=0.95)        # 186
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

from s1.metrics.estimates import two_sided_z

POWER = 0.8
"""Chance of finding a difference that is there."""


def questions_needed(differences: Sequence[float], *, confidence: float) -> int | None:
    """Questions that would show the observed mean difference; None where there is none to be shown."""
    mean = fmean(differences) if differences else 0.0
    if mean == 0:
        return None
    spread = fmean(value * value for value in differences)
    null = two_sided_z(confidence) * math.sqrt(spread)
    alternative = _power_z() * math.sqrt(max(0.0, spread - mean * mean))
    return math.ceil(((null + alternative) / mean) ** 2 - 1e-9)


def samples_needed(
    differences: Sequence[float],
    sampling_variances: Sequence[float],
    *,
    of_one_sample: Sequence[float],
    confidence: float,
) -> int | None:
    """Samples of each of these questions that would show the observed mean difference.

    Args:
        sampling_variances: per question, how far its difference varies by the luck of its samples (a variance).
        of_one_sample: the same, were there a single sample on either side.

    Returns:
        None where no number of samples is enough: the questions themselves differ too much, so more of them are needed.
    """
    mean = fmean(differences) if differences else 0.0
    if mean == 0 or len(differences) < 2:
        return None
    within = fmean(sampling_variances)
    total = math.fsum((value - mean) ** 2 for value in differences) / (len(differences) - 1)
    between = max(0.0, total - within)
    allowed = len(differences) * (mean / (two_sided_z(confidence) + _power_z())) ** 2 - between
    return max(1, math.ceil(fmean(of_one_sample) / allowed - 1e-9)) if allowed > 0 else None


def detectable_difference(differences: Sequence[float], *, confidence: float) -> float | None:
    """The smallest true difference that as many questions, changing as often, would show; None where none changed."""
    spread = fmean(value * value for value in differences) if differences else 0.0
    if spread == 0:
        return None
    return min(1.0, (two_sided_z(confidence) + _power_z()) * math.sqrt(spread / len(differences)))


def _power_z() -> float:
    return NormalDist().inv_cdf(POWER)
