"""Which of several copies of a text is kept, found in one pass with memory for ids only.

The copy with a reference solution or answer is kept before one without; then the one whose source was collected first;
then the one with the longer reference; then whichever has the smaller hash. So the choice depends on what the copies
are, not on the order in which they are read, once the order of the sources is given.

Example::

    copies = CopyIndex(sources=["math", "agieval"])
    for question in questions: copies.add(question)
    [copies.take(question) for question in questions]      # True once for every text
"""

import hashlib
from collections.abc import Iterable

from s1.records import Question

# The place of a copy in its group, as one number: smaller is better. From the highest bits down: no reference (1 bit),
# rank of the source (15), how much shorter than 2^24 its reference is (24), hash of the row (64); then the source's
# rank again (15), which takes part in no comparison that the hash has not decided.
_SOURCE_BITS = 15
_LENGTH_BITS = 24
_HASH_BYTES = 8
_MAX_LENGTH = (1 << _LENGTH_BITS) - 1


class CopyIndex:
    """The best copy of every text seen so far."""

    def __init__(self, *, sources: Iterable[str] = ()) -> None:
        """Sources in the order of preference; others follow in the order in which they are met."""
        self._rank_of = {name: rank for rank, name in enumerate(sources)}
        self._names = list(self._rank_of)
        # Id -> place of the best copy; -1 - place once it was taken. One dictionary of integers, no text.
        self._best: dict[int, int] = {}
        self._repeated: set[int] = set()

    def __len__(self) -> int:
        return len(self._best)

    def add(self, question: Question) -> bool:
        """Note one row of the first pass; True for the first copy of its text."""
        key = int(question.id, 16)
        place = self._place(question)
        known = self._best.get(key)
        if known is not None:
            self._repeated.add(key)
        if known is None or place < known:
            self._best[key] = place
        return known is None

    def take(self, question: Question) -> bool:
        """Whether this row, of the second pass over the same rows, is the copy that is kept; True once for a text."""
        key = int(question.id, 16)
        if key not in self._repeated:
            return True
        if self._best[key] != self._place(question):
            return False
        self._best[key] = -1 - self._best[key]
        return True

    def source_of(self, question: Question) -> str:
        """The source of the copy that is kept of a question's text."""
        place = self._best[int(question.id, 16)]
        return self._names[(place if place >= 0 else -1 - place) & ((1 << _SOURCE_BITS) - 1)]

    def _place(self, question: Question) -> int:
        rank = self._rank_of.get(question.source)
        if rank is None:
            rank = self._rank_of[question.source] = len(self._names)
            self._names.append(question.source)
        length = len(question.solution) + len(question.answer or "")
        place = (0 if length else 1) << _SOURCE_BITS | rank
        place = place << _LENGTH_BITS | (_MAX_LENGTH - min(length, _MAX_LENGTH))
        place = place << 8 * _HASH_BYTES | _hash(question)
        return place << _SOURCE_BITS | rank


def _hash(question: Question) -> int:
    metadata = question.metadata
    row = (question.question, question.solution, question.answer, metadata.get("file"), metadata.get("line"))
    return int.from_bytes(hashlib.blake2b(repr(row).encode(errors="replace"), digest_size=_HASH_BYTES).digest())
