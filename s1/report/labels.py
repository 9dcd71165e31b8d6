"""Places for the labels of a drawing, so that no label stands on another: the least crowded of several spots, or none.

Knows boxes in pixels; knows no marks or series. What a left-out label said is still in the mark's tip and the table.

Example::

    places = Places(left=46, right=742)
    places.find([Spot(120, 70, "end"), Spot(138, 97, "start")], "W2")       # the first spot that is free
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

LETTER_WIDTH = 6.9
"""Mean width of a letter of a label, in CSS pixels: 12 px, semibold."""
LETTER_HEIGHT = 11.0

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a text may stand: its baseline, and which of its ends is at ``x``."""

    x: float
    y: float
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "_Box") -> float:
        """Shared area, 0 where they are apart."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)


@dataclass(slots=True)
class Places:
    """What of a drawing is taken already; ``left`` and ``right`` are the plane's edges."""

    left: float
    right: float
    _labels: list[_Box] = field(default_factory=list)
    _marks: list[_Box] = field(default_factory=list)

    def take_mark(self, x: float, y: float) -> None:
        """A mark stands here; labels prefer not to cover it."""
        self._marks.append(_Box(x - 5, y - 5, x + 5, y + 5))

    def find(self, spots: Sequence[Spot], text: str, *, must: bool = False) -> Spot | None:
        """The spot that covers no label and the least of marks, earlier ones first; it is taken then.

        Args:
            must: whether to take the first spot where every one covers a label, instead of none.
        """
        boxes = [(_box(spot, text), spot) for spot in spots]
        inside = [(box, spot) for box, spot in boxes if box.left >= self.left - 40 and box.right <= self.right + 18]
        free = [(box, spot) for box, spot in inside if not any(box.overlap(other) for other in self._labels)]
        if not free and not must:
            return None
        box, spot = min(free or boxes[:1], key=lambda pair: sum(pair[0].overlap(mark) for mark in self._marks))
        self._labels.append(box)
        return spot


def _box(spot: Spot, text: str) -> _Box:
    width = LETTER_WIDTH * len(text)
    left = {"start": spot.x, "middle": spot.x - width / 2, "end": spot.x - width}[spot.anchor]
    return _Box(left, spot.y - LETTER_HEIGHT, left + width, spot.y + 3)
