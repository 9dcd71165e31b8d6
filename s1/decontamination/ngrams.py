"""The paper's rule: one word n-gram shared with a benchmark question removes a question.

A text with fewer words than the n-gram never matches by n-gram (facts: "Dedupe and decontamination"); equal normalised
text is found at any length. Hashed benchmarks are compared by their 8-grams whatever ``size`` is.

Example::

    NgramSearch(benchmarks, hashed=[], size=8).find("Find the largest n such that ...")
"""

from collections.abc import Iterable, Iterator, Sequence

from s1.decontamination.hashed import HashedIndex
from s1.decontamination.overlap import Overlap
from s1.decontamination.words import word_ngrams
from s1.records import HashedItem, Question, normalize_text


class NgramSearch:
    """All n-grams of all benchmark questions; one look-up costs time in proportion to the text's words."""

    def __init__(self, benchmarks: Iterable[Question], *, hashed: Iterable[HashedItem], size: int) -> None:
        self._size = size
        self._exact: dict[str, tuple[str, str]] = {}
        self._ngrams: dict[str, tuple[str, str]] = {}
        for question in benchmarks:
            text = normalize_text(question.question)
            item = (question.source, question.id)
            self._exact.setdefault(text, item)
            for ngram in word_ngrams(text, size=size):
                self._ngrams.setdefault(ngram, item)
        self._vocabulary = frozenset(word for ngram in self._ngrams for word in ngram.split(" "))
        self._hashed = HashedIndex(hashed)

    def observe(self, text: str) -> bool:
        """Whether ``find`` would find something; the rule learns nothing from the pool."""
        return self.find(text) is not None

    def observed(self) -> list[int]:
        """Nothing."""
        return []

    def add_observed(self, observed: Sequence[int]) -> None:
        """Nothing is learnt from other parts of the pool either."""

    def find(self, text: str) -> Overlap | None:
        """An exact overlap first, then the first shared n-gram in the text's order, then the first hashed one."""
        normalized = normalize_text(text)
        item = self._exact.get(normalized)
        if item is not None:
            return Overlap(kind="exact", benchmark=item[0], item_id=item[1], shared_text=normalized)
        for ngram in self._possible_ngrams(normalized):
            item = self._ngrams.get(ngram)
            if item is not None:
                return Overlap(kind="ngram", benchmark=item[0], item_id=item[1], shared_text=ngram)
        hits = self._hashed.hits(normalized)
        if hits:
            owner = self._hashed.items[hits[0].items[0]]
            return Overlap(kind="ngram", benchmark=owner.benchmark, item_id=owner.item_id, shared_text=hits[0].ngram)
        return None

    def _possible_ngrams(self, normalized: str) -> Iterator[str]:
        """N-grams whose every word occurs in a benchmark: few, so that few strings are built."""
        size, vocabulary = self._size, self._vocabulary
        words = normalized.split(" ")
        run = 0
        for end, word in enumerate(words, start=1):
            if word not in vocabulary:
                run = 0
                continue
            run += 1
            if run >= size:
                yield " ".join(words[end - size : end])
