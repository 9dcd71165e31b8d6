"""Benchmarks whose text may not be shown: only hashes of their word 8-grams are known (GPQA).

A hash is the first 32 hex digits of the SHA-256 of 8 words joined by single spaces, the words being those of the
lower-cased text. Knows which hash belongs to which item; what a match means is the rules' business.

Example::

    index = HashedIndex(items)
    index.hits("a text of more than eight words ...")       # [HashedHit(ngram='...', items=(3,)), ...]
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from s1.records import HashedItem

HASHED_SIZE = 8
"""Words of a hashed n-gram."""
_HASH_BYTES = 16


class HashedBenchmarkError(ValueError):
    """A hash in a file of hashed n-grams is none."""


@dataclass(frozen=True, slots=True)
class HashedHit:
    """One n-gram of a text whose hash a benchmark has."""

    ngram: str
    number: int
    """Of the hash: equal hashes have equal numbers, counted from 0."""
    items: tuple[int, ...]
    """Positions in ``HashedIndex.items``."""


class HashedIndex:
    """All hashes of all hashed items."""

    def __init__(self, items: Iterable[HashedItem]) -> None:
        """Raises HashedBenchmarkError for what is not 32 hex digits."""
        self.items = list(items)
        self._numbers: dict[bytes, int] = {}
        self.numbers_of = [
            frozenset(
                self._numbers.setdefault(digest, len(self._numbers))
                for digest in [_digest_of(item, text) for text in item.ngrams]
            )
            for item in self.items
        ]
        """The numbers of each item's hashes."""
        owners: list[list[int]] = [[] for _ in self._numbers]
        for position, numbers in enumerate(self.numbers_of):
            for number in numbers:
                owners[number].append(position)
        self._owners = [tuple(positions) for positions in owners]

    @property
    def num_hashes(self) -> int:
        """Different hashes."""
        return len(self._owners)

    def hits(self, normalized_text: str) -> list[HashedHit]:
        """The n-grams of a text that are in a benchmark, in the text's order."""
        found: list[HashedHit] = []
        numbers = self._numbers
        if not numbers:
            return found
        encoded = normalized_text.encode()
        starts = _word_starts(encoded)
        sha256 = hashlib.sha256
        places = list(zip(starts, starts[HASHED_SIZE:], strict=False))
        digests = [sha256(encoded[start : behind - 1]).digest()[:_HASH_BYTES] for start, behind in places]
        if numbers.keys().isdisjoint(digests):
            return found
        for (start, behind), digest in zip(places, digests, strict=True):
            number = numbers.get(digest)
            if number is not None:
                found.append(HashedHit(encoded[start : behind - 1].decode(), number, self._owners[number]))
        return found


def hash_ngrams(normalized_text: str) -> list[str]:
    """The hashes of a text, as files of hashed benchmarks have them."""
    encoded = normalized_text.encode()
    starts = _word_starts(encoded)
    return [
        hashlib.sha256(encoded[start : behind - 1]).hexdigest()[: 2 * _HASH_BYTES]
        for start, behind in zip(starts, starts[HASHED_SIZE:], strict=False)
    ]


def _word_starts(encoded: bytes) -> list[int]:
    """Where the words of a normalised text start, and where one more would: cutting is cheaper than joining words."""
    words = (encoded + b" ").replace(b" ", b" \n").split(b"\n")
    return [0, *accumulate(map(len, words[:-1]))]


def _digest_of(item: HashedItem, text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != _HASH_BYTES:
        raise HashedBenchmarkError(
            f"{item.benchmark} {item.item_id}: {text!r} is not the hash of an n-gram (32 hex digits). "
            "Make the file again: SHA-256 of 8 lower-cased words joined by single spaces, first 32 hex digits."
        )
    return digest
