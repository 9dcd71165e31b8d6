"""A selection against a reference one that others made, such as the real s1K: which questions are the same.

Equal texts share their id; nearly equal ones (another typesetting, another punctuation) are found by their words. What
became of the reference's questions here is told by the ledger. Knows texts and rows; reads no file.

Example::

    match = match_reference(ours, theirs, ledger)
    len(match.equal), len(match.near), match.fates[("curate", "duplicate")]
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from s1.decisions import LedgerRow
from s1.selection.ledger import is_duplicate
from s1.selection.resemblance import Likeness, Shelf

NEAR = 0.8
"""Texts count as one question from this share on: neighbouring pairs of words that both have, over those of either."""


@dataclass(frozen=True, slots=True)
class ReferenceQuestion:
    """One question of the reference selection."""

    question_id: str
    question: str
    solution: str


@dataclass(frozen=True, slots=True)
class ReferenceMatch:
    """What a selection shares with the reference, and where the reference's questions ended here."""

    equal: frozenset[str]
    """Ids that both took."""
    near: tuple[tuple[str, Likeness], ...]
    """Ours by id, with the reference's question that is nearly the same text; none of them is in ``equal``."""
    fates: tuple[tuple[str, int], ...]
    """Where the reference's questions ended in this run, most frequent first; ``not collected`` among them."""


def match_reference(
    ours: Mapping[str, str], theirs: Iterable[ReferenceQuestion], ledger: Iterable[LedgerRow]
) -> ReferenceMatch:
    """Compare by id, then by words.

    Args:
        ours: texts of the selected questions, by id.
        theirs: the reference's questions.
        ledger: of the run; empty where there is none.
    """
    known = {item.question_id: item.question for item in theirs}
    equal = frozenset(known.keys() & ours.keys())
    shelf = Shelf({key: text for key, text in known.items() if key not in equal})
    near = [
        (identity, found[0])
        for identity, text in ours.items()
        if identity not in equal and (found := shelf.find(text, num=1, at_least=NEAR))
    ]
    return ReferenceMatch(equal, tuple(near), _fates(known, ledger))


def _fates(known: Mapping[str, str], ledger: Iterable[LedgerRow]) -> tuple[tuple[str, int], ...]:
    """The deciding row of each, as words."""
    decided: dict[str, str] = {}
    for row in ledger:
        if row.question_id in known and not is_duplicate(row):
            decided[row.question_id] = f"taken ({row.reason})" if row.taken else f"{row.stage}: {row.reason}"
    counts = Counter(decided.get(identity, "not collected") for identity in known)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
