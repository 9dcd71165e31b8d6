"""What reading a source gave, and whether it can be used.

Knows counts of rows and reasons; does not read.

Example::

    check_source(read, max_bad_share=0.01)
    only_gradable(read).questions
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from s1.grading import reference_answer
from s1.records import Question, Refusal, normalize_text

BLANK_LINE = "blank_line"
"""Reason of a line without text; listed, but not counted as a bad row."""


class SourceError(ValueError):
    """A source cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What reading one source gave. Every row is in ``questions`` or in ``refusals``."""

    name: str
    questions: list[Question] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def num_read(self) -> int:
        """Rows read, blank lines not counted."""
        return len(self.questions) + self.num_bad

    @property
    def num_bad(self) -> int:
        """Rows refused, blank lines not counted."""
        return len(self._bad)

    @property
    def first_bad(self) -> str:
        """The first bad rows, a line of text for each; empty where there are none."""
        return "".join(f"\n  {row.file}, line {row.line}: {row.reason}: {row.detail}" for row in self._bad[:5])

    @property
    def reasons(self) -> dict[str, int]:
        """Number of refusals by reason, blank lines included."""
        return dict(sorted(Counter(refusal.reason for refusal in self.refusals).items()))

    @property
    def _bad(self) -> list[Refusal]:
        return [refusal for refusal in self.refusals if refusal.reason != BLANK_LINE]


def check_source(read: SourceRead, *, max_bad_share: float) -> None:
    """Refuse a source that gave nothing, or more bad rows than allowed.

    Raises:
        SourceError: names the first bad rows by file and line.
    """
    if read.num_read and read.num_bad / read.num_read > max_bad_share:
        raise SourceError(
            f"source {read.name!r}: {read.num_bad} of {read.num_read} rows are bad, more than collect.max_bad_share "
            f"{max_bad_share} allows ({read.reasons}). The first:{read.first_bad}\n"
            f"Mend the rows, or the source's field names in params.yaml, or raise collect.max_bad_share."
        )
    if not read.questions:
        raise SourceError(f"source {read.name!r} holds no usable question. Check its path and fields in params.yaml.")


def only_gradable(read: SourceRead) -> SourceRead:
    """A benchmark's questions, once each, with a reference; others are refused (``duplicate``, ``no_reference``)."""
    kept: dict[str, Question] = {}
    refusals = list(read.refusals)
    for question in read.questions:
        if question.id in kept:
            refusals.append(_refuse_question(question, "duplicate", "the benchmark has this question already"))
        elif reference_answer(question) is None:
            refusals.append(_refuse_question(question, "no_reference", _why_no_reference(question)))
        else:
            kept[question.id] = question
    return replace(read, questions=list(kept.values()), refusals=refusals)


def _why_no_reference(question: Question) -> str:
    if question.answer_kind == "choice" and question.answer:
        return f"the reference {question.answer[:40]!r} is neither a letter nor the text of one option"
    return "no reference to grade an answer against"


def _refuse_question(question: Question, reason: str, detail: str) -> Refusal:
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
