"""When two texts are the same question: the thresholds of the distinctive rule, set on our own plants and the audit.

Example::

    judge(Likeness(of_item=0.83, of_text=0.7, numbers=0.9, num_rare=31.0))      # ('copy', 0.83)
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

_ALL = 0.95
"""Share of the item from which on the text has the item in it, whatever else it says."""
_MIN_RARE = 4.0
"""Rare features that anything less than all of an item must share."""
_SAME_NUMBERS = 0.6
"""Agreement from which on the numbers count as the same."""
_EXTENDED = 0.7
"""Share of the item that makes a changed copy inside a longer text, where the numbers are the same."""
_COPY, _COPY_OTHER = 0.45, 0.28
"""Larger and smaller share of a changed copy, where the numbers are the same."""
_SHORTENED, _SHORTENED_PART, _SHORTENED_RARE = 0.9, 0.3, 8.0
"""Share of the text, share of the item, and rare features of a shortened copy, whatever its numbers."""
_VARIANT_ITEM, _VARIANT_TEXT = 0.45, 0.4
"""Shares of the item and of the text that make the same wording with other numbers, or without any."""
_SAME_WORDING = 0.8
"""Both shares, from which on a text without numbers to compare is a copy rather than a variant."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a text and a benchmark item are; shares are from 0 to 1."""

    of_item: float
    """Share of the item's weight that the text has."""
    of_text: float
    """Share of the text's weight that the item has."""
    numbers: float
    """Share of the numbers' information that both have, of the item's or of the text's, whichever is larger."""
    num_rare: float
    """How many features they share, common ones counted as less than one."""


class Finding(NamedTuple):
    """What a likeness amounts to."""

    kind: Literal["copy", "variant"]
    score: float


def judge(likeness: Likeness) -> Finding | None:
    """A copy, a variant (the same wording with other numbers), or neither."""
    larger, smaller = sorted((likeness.of_item, likeness.of_text), reverse=True)
    if likeness.of_item >= _ALL:
        return Finding("copy", larger)
    if likeness.num_rare < _MIN_RARE:
        return None
    is_changed = likeness.of_item >= _EXTENDED or (larger >= _COPY and smaller >= _COPY_OTHER)
    if is_changed and likeness.numbers >= _SAME_NUMBERS:
        return Finding("copy", larger)
    is_part = likeness.of_text >= _SHORTENED and likeness.of_item >= _SHORTENED_PART
    if is_part and likeness.num_rare >= _SHORTENED_RARE:
        return Finding("copy", larger)
    if likeness.of_item >= _VARIANT_ITEM and likeness.of_text >= _VARIANT_TEXT:
        return Finding("copy" if smaller >= _SAME_WORDING else "variant", likeness.of_item)
    return None
