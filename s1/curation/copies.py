"""Which of several copies of a text is kept, found in one pass with memory for ids only.

The copy with a reference solution or answer is kept before one without; then the one whose source was collected first;
then the one with the longer reference; then whichever has the smaller hash. So the choice depends on what the copies
are, not on the order in which they are read, once the order of the sources is given.

Example::

    copies = CopyIndex(sources=["math", "agieval"])
    for row, question in enumerate(questions): copies.add(row, question)
    [copies.is_best(row, int(question.id, 16)) for row, question in enumerate(questions)]  # True once for every text
"""

import hashlib
from collections.abc import Iterable

from s1.records import Question

# The place of a copy in its group, as one number: smaller is better. From the highest bits down: no reference (1 bit),
# rank of the source (15), how much shorter than 2^24 its reference is (24), hash of the row (64), number of the row
# (40), which only decides between rows that are equal.
_SOURCE_BITS = 15
_LENGTH_BITS = 24
_HASH_BYTES = 8
_ROW_BITS = 40
_MAX_LENGTH = (1 << _LENGTH_BITS) - 1


class CopyIndex:
    """The best copy of every text seen so far; a text is named by its id, read as a number."""

    def __init__(self, *, sources: Iterable[str] = ()) -> None:
        """Sources in the order of preference; others follow in the order in which they are met."""
        self._rank_of = {name: rank for rank, name in enumerate(sources)}
        self._names = list(self._rank_of)
        # Id -> place of the best copy. One dictionary of integers, no text.
        self._best: dict[int, int] = {}
        self._replaced: set[int] = set()

    def __len__(self) -> int:
        return len(self._best)

    def meet(self, source: str) -> None:
        """Give a source its rank, where it has none yet."""
        if source not in self._rank_of:
            self._rank_of[source] = len(self._names)
            self._names.append(source)

    def add(self, row: int, question: Question) -> bool:
        """Note one row, by its number; True for the first copy of its text."""
        key = int(question.id, 16)
        place = self._place(row, question)
        known = self._best.get(key)
        if known is None:
            self._best[key] = place
            return True
        if place < known:
            self._best[key] = place
            self._replaced.add(key)
        return False

    def is_best(self, row: int, key: int) -> bool:
        """Whether this row is the copy of its text that is kept."""
        return self._best[key] & ((1 << _ROW_BITS) - 1) == row

    def is_replaced(self, key: int) -> bool:
        """Whether another copy than the first one is kept; they may differ in case and white space."""
        return key in self._replaced

    def source_of(self, key: int) -> str:
        """The source of the copy that is kept."""
        rank = self._best[key] >> (_LENGTH_BITS + 8 * _HASH_BYTES + _ROW_BITS)
        return self._names[rank & ((1 << _SOURCE_BITS) - 1)]

    def _place(self, row: int, question: Question) -> int:
        self.meet(question.source)
        length = len(question.solution) + len(question.answer or "")
        place = (0 if length else 1) << _SOURCE_BITS | self._rank_of[question.source]
        place = place << _LENGTH_BITS | (_MAX_LENGTH - min(length, _MAX_LENGTH))
        place = place << 8 * _HASH_BYTES | _hash(question)
        return place << _ROW_BITS | row


def _hash(question: Question) -> int:
    metadata = question.metadata
    row = (question.question, question.solution, question.answer, metadata.get("file"), metadata.get("line"))
    return int.from_bytes(hashlib.blake2b(repr(row).encode(errors="replace"), digest_size=_HASH_BYTES).digest())
