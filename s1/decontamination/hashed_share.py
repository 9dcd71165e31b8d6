"""The distinctive rule where only hashes of word 8-grams are known: the share of an item's hashes, weighed by rarity.

One hash that many questions of the pool have is a stock phrase; several rare ones are a copy. Re-typeset copies change
the hashes, so this finds less than comparing texts does (docs/decontamination.md has how much less).

Example::

    share = HashedShare(HashedIndex(items))
    share.observe("a normalised text")
    share.find("a normalised text")         # None, or Overlap(benchmark="gpqa-diamond", score=0.9, ...)
"""

from collections.abc import Sequence

from s1.decontamination.hashed import HashedIndex
from s1.decontamination.overlap import Overlap
from s1.decontamination.rarity import Rarity

_SHARE = 0.2
"""Share of an item's weight that makes a copy."""
_MIN_HASHES = 2
"""Shared 8-grams that make a copy at least (9 words in a row), unless the item has only one."""


class HashedShare:
    """Counts in how many texts of the pool each hash occurs."""

    def __init__(self, index: HashedIndex) -> None:
        self._index = index
        self._rarity = Rarity(num_features=index.num_hashes, texts=index.numbers_of)

    def observe(self, normalized_text: str) -> bool:
        """Count a text's hashes, and say whether it has any."""
        numbers = {hit.number for hit in self._index.hits(normalized_text)}
        self._rarity.observe(numbers)
        return bool(numbers)

    def observed(self) -> list[int]:
        """See ``Rarity.observed``."""
        return self._rarity.observed()

    def add_observed(self, observed: Sequence[int]) -> None:
        """See ``Rarity.add_observed``."""
        self._rarity.add_observed(observed)

    def find(self, normalized_text: str) -> Overlap | None:
        """The item whose share is largest, where that is enough."""
        hits = self._index.hits(normalized_text)
        found: dict[int, set[int]] = {}
        for hit in hits:
            for position in hit.items:
                found.setdefault(position, set()).add(hit.number)
        shares = [(self._share(position, numbers), -position) for position, numbers in found.items()]
        share, negated = max(shares, default=(0.0, 0))
        if share < _SHARE:
            return None
        item = self._index.items[-negated]
        shared = next(hit.ngram for hit in hits if -negated in hit.items)
        return Overlap(kind="copy", benchmark=item.benchmark, item_id=item.item_id, shared_text=shared, score=share)

    def _share(self, position: int, found: set[int]) -> float:
        numbers = self._index.numbers_of[position]
        if len(found) < min(_MIN_HASHES, len(numbers)):
            return 0.0
        return self._rarity.weigh(found) / self._rarity.weigh(numbers)
