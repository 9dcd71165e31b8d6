"""How much a feature tells: little when many texts of the pool and the benchmarks have it.

The weight of a feature that n of N texts have is log((N + 1) / n) / (1 + n / 40). The first factor is the usual
inverse document frequency; the second one is our own and makes a phrase of hundreds of questions nearly weightless.
Shares of weights are compared, never weights: copies of one benchmark question make all of its features common
alike, which changes no share.

Example::

    rarity = Rarity(num_features=3, texts=[{0, 1}, {1, 2}])
    rarity.observe({1})
    rarity.weigh({0, 1})
"""

import math
from collections.abc import Iterable, Sequence

_COMMON = 40
"""Texts that have a feature at which its weight is half of what its inverse document frequency says."""


class Rarity:
    """Counts in how many texts each feature occurs."""

    def __init__(self, *, num_features: int, texts: Iterable[Iterable[int]]) -> None:
        """Features are numbered from 0; texts to begin with are those of the benchmarks."""
        self._counts = [0] * num_features
        self._num_texts = 0
        self._weights: list[float] | None = None
        for features in texts:
            self.observe(features)
        self._at_first = self._totals()

    def observe(self, features: Iterable[int]) -> None:
        """One more text, by its different features."""
        counts = self._counts
        for feature in features:
            counts[feature] += 1
        self._num_texts += 1
        self._weights = None

    def observed(self) -> list[int]:
        """Texts, and texts with each feature, beyond those to begin with; these numbers add up over parts of a pool."""
        return [now - first for now, first in zip(self._totals(), self._at_first, strict=True)]

    def add_observed(self, observed: Sequence[int]) -> None:
        """Count what others observed, by their ``observed()``."""
        num_texts, *counts = observed
        self._num_texts += num_texts
        self._counts = [own + other for own, other in zip(self._counts, counts, strict=True)]
        self._weights = None

    def _totals(self) -> list[int]:
        return [self._num_texts, *self._counts]

    def weigh(self, features: Iterable[int]) -> float:
        """Sum of the features' weights."""
        if self._weights is None:
            self._weights = [self._information(count) / (1 + count / _COMMON) for count in self._counts]
        return sum(map(self._weights.__getitem__, features))

    def weigh_unknown(self, num_features: int) -> float:
        """Weight of features that no benchmark has, taken to be in one text."""
        return num_features * self._information(1) / (1 + 1 / _COMMON)

    def inform(self, features: Iterable[int]) -> float:
        """Sum of the features' information alone, log((N + 1) / n); numbers are short and soon common."""
        return sum(self._information(self._counts[feature]) for feature in features)

    def information_at_most(self) -> float:
        """What a feature of a single text has."""
        return self._information(1)

    def count_rare(self, features: Iterable[int]) -> float:
        """How many features these are, common ones counted as less than one."""
        return sum(1 / (1 + self._counts[feature] / _COMMON) for feature in features)

    def _information(self, count: int) -> float:
        return math.log((self._num_texts + 1) / max(count, 1))
