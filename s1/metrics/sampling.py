"""What several samples of a question are worth: the average, any of k (pass@k), the majority of k (maj@k).

Knows how often each answer was given and which answers are right; knows no texts. Each figure is the exact mean over
all ways to take k of the n samples, not one draw. The rules that tie them together are checked whenever they are made:
an average does not depend on k, more tries never pass less often, and one sample's vote is that sample.

Example::

    question = SampledQuestion(num_samples=4, groups=(AnswerGroup(2, True), AnswerGroup(1, False)))
    question.pass_at(2), question.majority_at(4)        # (0.833, 1.0)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from s1.metrics.estimates import MetricError

_SLACK = 1e-9
"""Rounding; the figures are means of exact chances."""
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Samples of one question that gave the same answer."""

    count: int
    is_right: bool


@dataclass(frozen=True, slots=True)
class SampledQuestion:
    """All samples of one question. Those in no group gave no answer: they are wrong, and do not vote.

    Raises:
        MetricError: there are more votes than samples, or a group is empty.
    """

    num_samples: int
    groups: tuple[AnswerGroup, ...]

    def __post_init__(self) -> None:
        if self.num_samples < sum(group.count for group in self.groups) or any(
            not group.count for group in self.groups
        ):
            raise MetricError(f"{self.groups} are no groups of {self.num_samples} samples: one was counted twice")

    @property
    def num_right(self) -> int:
        """Samples that are right."""
        return sum(group.count for group in self.groups if group.is_right)

    def average_at(self, k: int) -> float:
        """Mean share of right ones among k samples."""
        return math.fsum(
            num / k * _chance_of(num, self.num_right, k, self.num_samples) for num in range(self._check(k) + 1)
        )

    def pass_at(self, k: int) -> float:
        """Chance that at least one of k samples is right (Chen et al. 2021)."""
        return 1 - _chance_of(0, self.num_right, self._check(k), self.num_samples)

    def answered_at(self, k: int) -> float:
        """Chance that at least one of k samples gives an answer."""
        return 1 - _chance_of(0, sum(group.count for group in self.groups), self._check(k), self.num_samples)

    def majority_at(self, k: int) -> float:
        """Chance that a majority vote of k samples is right; a tie is worth the share of its answers that are right."""
        self._check(k)
        rights = [index for index, group in enumerate(self.groups) if group.is_right]
        # Rounded, so that a vote that is certain is worth exactly 1: what differs by rounding is no difference.
        return round(min(1.0, math.fsum(self._wins(index, k) for index in rights)), _DIGITS)

    def _check(self, k: int) -> int:
        if not 1 <= k <= self.num_samples:
            raise ValueError(
                f"{k} samples of {self.num_samples} cannot be taken; raise generate.num_parallel, or ask for fewer"
            )
        return k

    def _wins(self, index: int, k: int) -> float:
        """Expected share of the first place that one answer has in a vote of k samples."""
        # Taking k of n is drawing each sample with chance k/n, on condition that k come together; the chance of each
        # group's count is then its own, and polynomials (by samples drawn and by groups that tie) multiply.
        share = k / self.num_samples
        own = _binomial(self.groups[index].count, share)
        others = [group.count for place, group in enumerate(self.groups) if place != index]
        silent = _binomial(self.num_samples - sum(group.count for group in self.groups), share)
        total = 0.0
        for votes in range(1, min(len(own) - 1, k) + 1):
            ways: Sequence[npt.NDArray[np.float64]] = [silent]
            for count in others:
                ways = _add_group(ways, _binomial(count, share), votes)
            left = k - votes
            chances = [row[left] / (ties + 1) for ties, row in enumerate(ways) if left < len(row)]
            total += own[votes] * math.fsum(chances)
        return float(total / _binomial(self.num_samples, share)[k])


def _add_group(
    ways: Sequence[npt.NDArray[np.float64]], chances: npt.NDArray[np.float64], votes: int
) -> list[npt.NDArray[np.float64]]:
    """Let one more answer take part: with fewer votes it only adds to the number drawn, with as many it also ties."""
    below = [np.convolve(row, chances[:votes]) for row in ways]
    if len(chances) <= votes:
        return below
    level = [np.concatenate([np.zeros(votes), row * chances[votes]]) for row in ways]
    nothing = np.zeros(1)
    return [_sum(one, other) for one, other in zip([*below, nothing], [nothing, *level], strict=True)]


def _sum(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.zeros(max(len(one), len(other)))
    total[: len(one)] += one
    total[: len(other)] += other
    return total


def _binomial(num: int, share: float) -> npt.NDArray[np.float64]:
    """Chances of 0 to ``num`` of ``num`` things when each happens with chance ``share``."""
    if share == 1:
        return np.asarray([0.0] * num + [1.0])
    logs = [
        math.lgamma(num + 1) - math.lgamma(i + 1) - math.lgamma(num - i + 1)
        + i * math.log(share) + (num - i) * math.log1p(-share)
        for i in range(num + 1)
    ]  # fmt: skip
    return np.asarray(np.exp(logs))


def _chance_of(num: int, num_marked: int, k: int, num_samples: int) -> float:
    """Chance that ``num`` of k samples drawn without putting back are among the marked ones."""
    return math.comb(num_marked, num) * math.comb(num_samples - num_marked, k - num) / math.comb(num_samples, k)


@dataclass(frozen=True, slots=True)
class SamplingFigures:
    """Means over questions by k, each 0 to 1."""

    average: Mapping[int, float]
    any_right: Mapping[int, float]
    majority: Mapping[int, float]


def sampling_figures(questions: Sequence[SampledQuestion], *, counts: Sequence[int]) -> SamplingFigures:
    """The figures at every k of ``counts``, checked.

    Raises:
        ValueError: a question has fewer samples than the largest k.
        MetricError: the figures break a rule that ties them together.
    """
    ks = sorted(set(counts))
    figures = SamplingFigures(
        average={k: fmean(question.average_at(k) for question in questions) for k in ks},
        any_right={k: fmean(question.pass_at(k) for question in questions) for k in ks},
        majority={k: fmean(question.majority_at(k) for question in questions) for k in ks},
    )
    check_sampling(figures, accuracy=fmean(question.num_right / question.num_samples for question in questions))
    return figures


def check_sampling(figures: SamplingFigures, *, accuracy: float) -> None:
    """Hold the figures against the rules that they obey whatever the samples are.

    Args:
        accuracy: the share of right samples, counted on its own.

    Raises:
        MetricError: a rule is broken (names it and the figures).
    """
    ks = sorted(figures.average)
    passes = [figures.any_right[k] for k in ks]
    broken = [
        *(f"avg@{k} is {figures.average[k]} where {accuracy} of all samples are right"
          for k in ks if abs(figures.average[k] - accuracy) > _SLACK),
        *(f"pass@{b} {figures.any_right[b]} is below pass@{a} {figures.any_right[a]}"
          for a, b, one, other in zip(ks, ks[1:], passes, passes[1:], strict=False) if other < one - _SLACK),
        *(f"maj@{k} {figures.majority[k]} is above pass@{k} {figures.any_right[k]}"
          for k in ks if figures.majority[k] > figures.any_right[k] + _SLACK),
        *(f"{name}@1 {by_k[1]} is not avg@1 {figures.average[1]}"
          for name, by_k in (("maj", figures.majority), ("pass", figures.any_right))
          if 1 in by_k and abs(by_k[1] - figures.average[1]) > _SLACK),
        *(f"{name}@{k} is {value}, outside 0 to 1"
          for name, by_k in (("avg", figures.average), ("pass", figures.any_right), ("maj", figures.majority))
          for k, value in by_k.items() if not -_SLACK <= value <= 1 + _SLACK),
    ]  # fmt: skip
    if broken:
        raise MetricError(
            f"the sampling metrics contradict each other: {'; '.join(broken)}. No figure was written; this is a fault "
            "of the program or of data/generate: remove data/generate and run `dvc repro`, and report it if it stays"
        )
