"""What a decontamination rule is, and what it finds.

Knows no rule: ``s1.decontamination.ngrams`` and ``s1.decontamination.distinctive`` are two.

Example::

    rule = build_rule(params.curate.decontamination, benchmarks=benchmarks, hashed=hashed)
    for text in texts:                      # each text of the pool once
        rule.observe(text)
    rule.find("Find the largest n ...")     # None, or Overlap(kind="ngram", benchmark="aime24", ...)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

OverlapKind = Literal["exact", "ngram", "copy", "variant"]
"""The same text; one shared n-gram; the same question in another form; the same wording about other numbers."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A match of a text with one benchmark item."""

    kind: OverlapKind
    benchmark: str
    item_id: str
    shared_text: str
    """What both have, as the question has it, normalised: the first n-gram, the longest passages, or the whole text."""
    score: float = 1.0
    """How much speaks for a copy, from 0 to 1; a rule that only says yes or no gives 1."""


class Rule(Protocol):
    """Finds benchmark questions hidden in other texts."""

    def observe(self, text: str) -> bool:
        """Take note of one text of the pool, so that the rule learns which phrases are common in it.

        Every distinct text once, in any order, before the first ``find``.

        Returns:
            Whether the text shares anything with a benchmark; where it does not, ``find`` would find nothing.
        """
        ...

    def find(self, text: str) -> Overlap | None:
        """The overlap of a text with the benchmarks: of several, the strongest; None where it is none."""
        ...


class PoolRule(Rule, Protocol):
    """A rule to which a pool can be shown in parts: equal rules observe one part each and tell one another."""

    def observed(self) -> list[int]:
        """What was learnt from the texts that were observed, as numbers that add up over parts of a pool."""
        ...

    def add_observed(self, observed: Sequence[int]) -> None:
        """Learn what other parts' rules observed: the sum of their ``observed()``, before the first ``find``."""
        ...
