"""Finds collected questions by id, by place or by a piece of their text; shows what is close when nothing fits.

Works on streams: the questions of a run need not fit into memory. Knows questions; does not know what became of them
(``s1.selection.story``).

Example::

    query = parse_query("math/train.jsonl.gz:17")
    matches = [question for question in questions if query.matches(question)]
"""

import heapq
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from s1.decisions import Refusal
from s1.records import Question, normalize_text
from s1.selection.ledger import place_of
from s1.selection.resemblance import words_of

_ID = re.compile(r"[0-9a-f]{8,16}")
_PLACE = re.compile(r"(.+):(\d+)")


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asks for; every reading that makes sense is tried."""

    text: str
    """Normalised."""
    identity: str | None
    """An id, or its first 8 digits or more."""
    file: str | None
    line: int

    def matches(self, question: Question) -> bool:
        """Whether a collected question is meant."""
        if self.identity is not None and question.id.startswith(self.identity):
            return True
        file, line = place_of(question)
        return self._is_place(file, line) or self.text in normalize_text(question.question)

    def matches_refusal(self, refusal: Refusal) -> bool:
        """Whether a refused row is meant."""
        return self._is_place(refusal.file, refusal.line) or self.text in normalize_text(refusal.detail)

    def _is_place(self, file: str, line: int) -> bool:
        """Whether a row lies there; the end of a path is enough."""
        if self.file is None or line != self.line or not file:
            return False
        asked, known = PurePosixPath(self.file).parts, PurePosixPath(file).parts
        return known[-len(asked) :] == asked


@dataclass(frozen=True, slots=True, order=True)
class CloseMatch:
    """A question that a query may have meant."""

    score: float
    """Share of the query's neighbouring pairs of words that the question has, 0 to 1."""
    question_id: str
    text: str


def parse_query(text: str) -> Query:
    """Read what somebody typed: an id, ``file:line``, or a piece of a question's text.

    Raises:
        ValueError: it is empty.
    """
    if not text.strip():
        raise ValueError("name a question: its id, file:line as the ledger shows it, or a piece of its text")
    stripped = text.strip()
    place = _PLACE.fullmatch(stripped)
    return Query(
        text=normalize_text(text),
        identity=stripped if _ID.fullmatch(stripped) else None,
        file=place.group(1) if place else None,
        line=int(place.group(2)) if place else 0,
    )


def find_close(query: Query, questions: Iterable[Question], *, num: int) -> list[CloseMatch]:
    """The questions that share most of a query's words in a row, best first, each text once."""
    asked = _pairs(query.text)
    best: dict[str, CloseMatch] = {}
    heap: list[CloseMatch] = []
    for question in questions:
        score = len(asked & _pairs(question.question)) / len(asked) if asked else 0.0
        if score == 0 or question.id in best or (len(heap) == num and score <= heap[0].score):
            continue
        match = CloseMatch(score, question.id, question.question)
        best[question.id] = match
        heapq.heappush(heap, match)
        if len(heap) > num:
            del best[heapq.heappop(heap).question_id]
    return sorted(heap, key=lambda match: (-match.score, match.question_id))


def _pairs(text: str) -> set[tuple[str, str]]:
    words = words_of(text)
    return set(pairwise(words)) if len(words) > 1 else {(word, "") for word in words}
