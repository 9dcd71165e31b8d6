"""What reading a source gave: every row a question or a refusal, counted by file, and whether it can be used.

Knows counts and reasons; does not read, and keeps no questions.

Example::

    tally = Tally("math")
    questions = [item for item in tally.follow(read_source(source, ...)) if isinstance(item, Question)]
    tally.check(max_bad_share=0.01)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from s1.decisions import Refusal
from s1.grading import reference_answer
from s1.records import HashedItem, Question, normalize_text
from s1.sources.raw import BLANK_LINE

LEFT_OUT = "left_out"
"""Reason of a good row that the source's rules leave out (another language, another part of a collection): counted."""
NOT_BAD = (BLANK_LINE, LEFT_OUT)
"""Reasons that are counted only: such rows are not bad, and not listed."""
_NUM_SHOWN = 5

Item = Question | Refusal
"""What becomes of a row."""
_RowT = TypeVar("_RowT", bound=Question | HashedItem | Refusal)


class SourceError(ValueError):
    """A source cannot be used; the message names it and says what to do."""


@dataclass(slots=True)
class FileCount:
    """Rows of one file."""

    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """Rows that are no questions."""
        return sum(count for reason, count in self.reasons.items() if reason not in NOT_BAD)

    @property
    def left_out(self) -> int:
        """Rows that the source's rules leave out."""
        return self.reasons[LEFT_OUT]

    @property
    def read(self) -> int:
        """Rows, blank lines not counted."""
        return self.kept + self.refused + self.left_out


@dataclass(slots=True)
class Tally:
    """Counts of one source, file by file, while it is read."""

    name: str
    files: dict[str, FileCount] = field(default_factory=dict)
    """In the order in which they were read; questions that were made lie in none (``""``)."""
    first_bad: list[Refusal] = field(default_factory=list)

    def follow(self, items: Iterable[_RowT], *, file: str = "") -> Iterator[_RowT]:
        """The same items, counted as they pass.

        Args:
            file: where those lie that do not say it.
        """
        for item in items:
            self.add(item, file=file)
            yield item

    def add(self, item: Item | HashedItem, *, file: str = "") -> None:
        """Count one row."""
        if not isinstance(item, Refusal):
            place = item.metadata.get("file", file) if isinstance(item, Question) else file
            self._file(str(place)).kept += 1
            return
        self._file(item.file).reasons[item.reason] += 1
        if item.reason not in NOT_BAD and len(self.first_bad) < _NUM_SHOWN:
            self.first_bad.append(item)

    def _file(self, name: str) -> FileCount:
        # A lookup that succeeds is what nearly all rows need.
        count = self.files.get(name)
        return count if count is not None else self.files.setdefault(name, FileCount())

    @property
    def total(self) -> FileCount:
        """Over all files."""
        counts = self.files.values()
        reasons = sum((count.reasons for count in counts), Counter())
        return FileCount(kept=sum(count.kept for count in counts), reasons=reasons)

    @property
    def bad_rows(self) -> str:
        """The first bad rows, a line of text for each; empty where there are none."""
        return "".join(f"\n  {row.file}, line {row.line}: {row.reason}: {row.detail}" for row in self.first_bad)

    def check(self, *, max_bad_share: float) -> None:
        """Refuse a source that gave nothing, or more bad rows than allowed.

        Raises:
            SourceError: names the first bad rows by file and line.
        """
        total = self.total
        wanted = total.kept + total.refused
        if wanted and total.refused / wanted > max_bad_share:
            raise SourceError(
                f"source {self.name!r}: {total.refused} of {wanted} rows are bad, more than collect.max_bad_share "
                f"{max_bad_share} allows ({dict(sorted(total.reasons.items()))}). The first:{self.bad_rows}\n"
                f"Mend the rows, or the source's adapter or field names in params.yaml, or raise collect.max_bad_share."
            )
        if not total.kept:
            raise SourceError(
                f"source {self.name!r} holds no usable question. Check its path and fields in params.yaml."
                f"{self.bad_rows}"
            )


def only_gradable(items: Iterable[Item]) -> Iterator[Item]:
    """A benchmark's questions, once each, with a reference; others are refused (``duplicate``, ``no_reference``)."""
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, Question):
            yield item
        elif item.id in seen:
            yield refuse_question(item, "duplicate", "the benchmark has this question already")
        elif reference_answer(item) is None:
            yield refuse_question(item, "no_reference", _why_no_reference(item))
        else:
            seen.add(item.id)
            yield item


def _why_no_reference(question: Question) -> str:
    if question.answer_kind == "choice" and question.answer:
        return f"the reference {question.answer[:40]!r} is neither a letter nor the text of one option"
    return "no reference to grade an answer against"


def refuse_question(question: Question, reason: str, detail: str) -> Refusal:
    """A refusal of a row that was read as a question."""
    line = question.metadata.get("line")
    return Refusal(
        source=question.source,
        file=str(question.metadata.get("file", "")),
        line=line if isinstance(line, int) else 0,
        reason=reason,
        detail=f"{detail}: {question.question[:120]}",
    )


def texts_of(questions: Sequence[Question]) -> set[str]:
    """The questions' texts, as written and normalised, to exclude from a procedural source."""
    return {form for question in questions for form in (question.question, normalize_text(question.question))}
