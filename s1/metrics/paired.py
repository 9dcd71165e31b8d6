"""Paired tests between two runs or two points: which questions flipped, and whether it can be chance.

Knows right and wrong per question and sample; knows no files and runs no model. The test flips the sign of every
question's difference: exactly, over all flips, where the differences are fractions (for one sample per question that is
McNemar's exact test), else over seeded random flips. Many comparisons at once are corrected by Holm's method.

Example::

    first, second = outcomes_of(scores_with_wait), outcomes_of(scores_without)
    comparison = compare_outcomes(first, second, num_resamples=10_000, confidence=0.95, seed=0)
    comparison.num_gained, comparison.num_lost, comparison.verdict      # (12, 3, 'better')
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import fmean, variance
from typing import Literal

import numpy as np
import numpy.typing as npt

from s1.metrics.estimates import Estimate, estimate_difference, paired_differences
from s1.metrics.power import detectable_difference, questions_needed, samples_needed
from s1.records import Score

Outcomes = Mapping[str, Sequence[float]]
"""Question -> what each of its samples is worth, 0 to 1."""

TestKind = Literal["exact McNemar", "exact sign flips", "sampled sign flips"]

_MAX_DENOMINATOR = 10_000
_MAX_WORK = 50_000_000
"""Additions that the exact test may take."""
_MAX_CHUNK = 4_000_000
"""Signs held at once."""
_MANY = 100_000
"""From so many questions on, a verdict says only that it takes more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison:
    """Two points on the same questions; gained and better mean that the first is right where the second is wrong."""

    difference: Estimate
    """Accuracy of the first minus that of the second."""
    num_gained: int
    """Questions on which the first did better (for single samples: wrong to right, seen from the second)."""
    num_lost: int
    """Questions on which the first did worse."""
    p_value: float
    """Chance of a difference at least so large, either way, were the two interchangeable on every question."""
    test: TestKind
    confidence: float
    adjusted_p_value: float | None = None
    """``p_value`` corrected for the comparisons that were made together (Holm); None for a comparison by itself."""
    num_questions_needed: int | None
    """Questions that would show this difference with a chance of 80%; None without a difference."""
    num_samples_needed: int | None
    """Samples of each of these questions that would; None where unknown (single samples) or where none are enough."""
    detectable_difference: float | None
    """The smallest difference that these questions would show with a chance of 80%."""

    @property
    def verdict(self) -> str:
        """What follows, in words about the first point."""
        if not self.num_gained and not self.num_lost:
            return "the same on every question"
        level = 1 - self.confidence
        better = "better" if self.difference.value > 0 else "worse"
        if self.p_value <= level:
            corrected = self.p_value if self.adjusted_p_value is None else self.adjusted_p_value
            return better if corrected <= level else f"{better} if compared alone, unsettled among all comparisons"
        return f"unsettled: {self._settling()}"

    def _settling(self) -> str:
        if self.num_questions_needed is None:
            return "as many gained as lost"
        if self.num_questions_needed >= _MANY:
            return f"more than {_MANY:,} questions would be needed"
        return f"about {self.num_questions_needed:,} questions would be needed"


def outcomes_of(rows: Iterable[Score]) -> dict[str, tuple[float, ...]]:
    """Right (1) or wrong (0) of every sample by question (``outcome_key``).

    Raises:
        ValueError: a question has two scores of one sample.
    """
    samples: dict[str, dict[int, float]] = {}
    for row in rows:
        of_question = samples.setdefault(outcome_key(row), {})
        if row.sample in of_question:
            raise ValueError(
                f"question {row.question_id} of {row.benchmark} has two scores of sample {row.sample} under "
                f"{row.model}/{row.setting}: give the scores of one point of one run"
            )
        of_question[row.sample] = float(row.correct)
    return {key: tuple(value for _, value in sorted(of_question.items())) for key, of_question in samples.items()}


def outcome_key(row: Score) -> str:
    """A question's key in outcomes; questions of several benchmarks stay apart."""
    return f"{row.benchmark}/{row.question_id}"


def mean_outcomes(outcomes: Outcomes) -> dict[str, float]:
    """Mean worth of each question's samples, in the order of the questions: what accuracies are means of."""
    return {key: fmean(outcomes[key]) for key in sorted(outcomes)}


def compare_outcomes(
    first: Outcomes, second: Outcomes, *, num_resamples: int, confidence: float, seed: int
) -> PairedComparison:
    """Compare two points by the outcomes of their questions.

    Raises:
        ValueError: there are no questions, or not the same ones.
    """
    if first.keys() != second.keys() or not first:
        missing = sorted(first.keys() ^ second.keys())
        raise ValueError(
            f"a paired comparison needs the same questions; one side has {len(first)} and the other {len(second)}"
            + (f", for example {missing[0]} stands on one side only" if missing else "")
        )
    keys = sorted(first)
    ones, others = [fmean(first[key]) for key in keys], [fmean(second[key]) for key in keys]
    differences = paired_differences(ones, others)
    estimate = estimate_difference(ones, others, num_resamples=num_resamples, confidence=confidence, seed=seed)
    assert estimate is not None, "there are questions"
    p_value, test = sign_flip_test(differences, num_flips=num_resamples, seed=seed)
    variances = [_sampling_variances(first[key], second[key]) for key in keys]
    known = [pair for pair in variances if pair is not None]
    return PairedComparison(
        difference=estimate,
        num_gained=sum(value > 0 for value in differences),
        num_lost=sum(value < 0 for value in differences),
        p_value=p_value,
        test=test,
        confidence=confidence,
        num_questions_needed=questions_needed(differences, confidence=confidence),
        num_samples_needed=samples_needed(
            differences,
            [of_all for of_all, _ in known],
            of_one_sample=[of_one for _, of_one in known],
            confidence=confidence,
        )
        if len(known) == len(keys)
        else None,
        detectable_difference=detectable_difference(differences, confidence=confidence),
    )


def _sampling_variances(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """How a question's difference varies by the luck of its samples: with all of them, and with one on either side.

    Where both sides have as many, samples of one number share their beginning.
    """
    if min(len(first), len(second)) < 2:
        return None
    if len(first) == len(second):
        paired = variance([one - other for one, other in zip(first, second, strict=True)])
        return paired / len(first), paired
    return variance(first) / len(first) + variance(second) / len(second), variance(first) + variance(second)


def sign_flip_test(differences: Sequence[float], *, num_flips: int, seed: int) -> tuple[float, TestKind]:
    """Two-sided chance of a sum at least as large as the observed one when every difference's sign is a coin's."""
    changed = [abs(value) for value in differences if value != 0]
    if all(value == 1 for value in changed):
        gained = sum(value > 0 for value in differences)
        return mcnemar_p_value(gained, len(changed) - gained), "exact McNemar"
    scaled = _as_integers(changed)
    if scaled is not None:
        observed = sum(size if value > 0 else -size for value, size in zip(_nonzero(differences), scaled, strict=True))
        return _exact_sign_flips(scaled, abs(observed)), "exact sign flips"
    # The observed signs are one more draw, so that no p-value is 0; the slack keeps ties from being lost to rounding.
    sums = np.abs(_flipped_sums(np.asarray(changed), num_flips=num_flips, seed=seed))
    extreme = int((sums >= abs(math.fsum(differences)) - 1e-9).sum())
    return (extreme + 1) / (num_flips + 1), "sampled sign flips"


def _flipped_sums(sizes: npt.NDArray[np.float64], *, num_flips: int, seed: int) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    num_rows = max(1, _MAX_CHUNK // len(sizes))
    chunks = [
        rng.choice((-1.0, 1.0), size=(min(num_rows, num_flips - start), len(sizes))) @ sizes
        for start in range(0, num_flips, num_rows)
    ]
    return np.concatenate(chunks)


def mcnemar_p_value(num_gained: int, num_lost: int) -> float:
    """McNemar's exact two-sided p-value: the binomial chance of so uneven a split of the questions that changed."""
    num = num_gained + num_lost
    tail = sum(math.comb(num, index) for index in range(min(num_gained, num_lost) + 1))
    return min(1.0, float(Fraction(2 * tail, 2**num)))


def holm(comparisons: Mapping[str, PairedComparison]) -> dict[str, PairedComparison]:
    """Correct comparisons that were made together: Holm keeps the chance of any false "better" below the level."""
    adjusted: dict[str, float] = {}
    smallest = 0.0
    for rank, name in enumerate(sorted(comparisons, key=lambda name: comparisons[name].p_value)):
        smallest = max(smallest, min(1.0, (len(comparisons) - rank) * comparisons[name].p_value))
        adjusted[name] = smallest
    return {name: replace(item, adjusted_p_value=adjusted[name]) for name, item in comparisons.items()}


def _nonzero(values: Sequence[float]) -> list[float]:
    return [value for value in values if value != 0]


def _as_integers(sizes: Sequence[float]) -> list[int] | None:
    """The sizes as whole multiples of one fraction, as averages over samples are; None where that is none."""
    fractions = [Fraction(size).limit_denominator(_MAX_DENOMINATOR) for size in sizes]
    if any(abs(float(fraction) - size) > 1e-12 for fraction, size in zip(fractions, sizes, strict=True)):
        return None
    unit = math.lcm(*(fraction.denominator for fraction in fractions))
    scaled = [int(fraction * unit) for fraction in fractions]
    return scaled if sum(scaled) * len(scaled) <= _MAX_WORK else None


def _exact_sign_flips(sizes: Sequence[int], observed: int) -> float:
    total = sum(sizes)
    chances = np.zeros(total + 1)
    chances[0] = 1.0
    for size in sizes:  # chances[i]: that the sizes with a plus add up to i
        chances[size:] = (chances[size:] + chances[:-size]) / 2
        chances[:size] /= 2
    sums = np.abs(2 * np.arange(total + 1) - total)
    return min(1.0, float(chances[sums >= observed].sum()))
