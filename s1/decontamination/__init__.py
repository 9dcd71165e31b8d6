"""Finds benchmark questions hidden in other texts, by a rule that ``curate.decontamination`` names.

Knows texts, benchmark items and hashes; does not decide what happens to a match (``s1.curation``).

Example::

    rule = build_rule(params.curate.decontamination, benchmarks=benchmarks, hashed=hashed)
    rule.observe(text)          # every distinct text of the pool, before the first search
    rule.find(text)             # None, or Overlap(kind="ngram", benchmark="aime24", ...)
"""

from collections.abc import Iterable

from s1.config import Decontamination
from s1.decontamination.distinctive import DistinctiveSearch
from s1.decontamination.ngrams import NgramSearch
from s1.decontamination.overlap import Overlap, OverlapKind, PoolRule, Rule
from s1.records import HashedItem, Question

__all__ = ["Overlap", "OverlapKind", "PoolRule", "Rule", "build_rule"]


def build_rule(
    params: Decontamination, *, benchmarks: Iterable[Question], hashed: Iterable[HashedItem] = ()
) -> PoolRule:
    """The rule that ``curate.decontamination`` names, over benchmark questions and hashed items."""
    match params.rule:
        case "ngram":
            return NgramSearch(benchmarks, hashed=hashed, size=params.size)
        case "distinctive":
            return DistinctiveSearch(benchmarks, hashed=hashed, finds_variants=params.variants == "out")
