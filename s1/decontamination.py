"""Finds benchmark questions hidden in other texts: a shared word n-gram, or the same text altogether.

Words are what white space separates in the lower-cased text, punctuation kept, as in the reference; a text with fewer
words than the n-gram never matches by n-gram (facts: "Dedupe and decontamination"). Equal normalised text is found at
any length. Knows texts and benchmark items; does not decide what happens to a match (``s1.curation``).

Example::

    index = BenchmarkIndex(benchmarks, ngram_size=8)
    index.find("Find the largest n such that ...")      # None, or Overlap(kind="ngram", benchmark="aime24", ...)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from s1.records import Question, normalize_text


@dataclass(frozen=True, slots=True)
class Overlap:
    """A match with one benchmark item: the first in the order in which the index was built."""

    kind: Literal["exact", "ngram"]
    benchmark: str
    item_id: str
    shared_text: str
    """The first shared n-gram, or the whole text of an exact match; normalised."""


class BenchmarkIndex:
    """All n-grams of all benchmark questions; one look-up costs time in proportion to the text's words."""

    def __init__(self, benchmarks: Iterable[Question], *, ngram_size: int) -> None:
        self.ngram_size = ngram_size
        self._exact: dict[str, Question] = {}
        self._ngrams: dict[str, Question] = {}
        for item in benchmarks:
            text = normalize_text(item.question)
            self._exact.setdefault(text, item)
            for ngram in word_ngrams(text, size=ngram_size):
                self._ngrams.setdefault(ngram, item)

    def find(self, text: str) -> Overlap | None:
        """The overlap of a question with the benchmarks, an exact one first."""
        normalized = normalize_text(text)
        item = self._exact.get(normalized)
        if item is not None:
            return Overlap(kind="exact", benchmark=item.source, item_id=item.id, shared_text=normalized)
        for ngram in word_ngrams(normalized, size=self.ngram_size):
            item = self._ngrams.get(ngram)
            if item is not None:
                return Overlap(kind="ngram", benchmark=item.source, item_id=item.id, shared_text=ngram)
        return None


def word_ngrams(normalized_text: str, *, size: int) -> list[str]:
    """All runs of ``size`` words of a normalised text, in order; none when it has fewer words."""
    words = normalized_text.split(" ")
    return [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]
