"""What an adapter is: where a format's rows keep what a question needs, and how a question's text is put together.

Knows fields, passages and options; the formats themselves are declared in the modules beside it, and files are read by
``s1.sources.formats``. The text made here is final, so that the same question in two files has one id.

Example::

    adapter = Adapter(about="problem, answer", read=Columns(question=("problem",), answer=("answer",)))
    adapter.question_of(RawRow("a.jsonl", 1, {"problem": "1+1?", "answer": 2}), source="book").answer       # '2'
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import JsonValue

from s1.records import AnswerKind, Question
from s1.sources.adapters.options import with_options
from s1.sources.raw import Layout, RawRow
from s1.sources.rows import BadRowError, Row, field_names, optional_text, required_text

Names = tuple[str, ...]
"""Names that a field may have; the first that the row has is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one row says, before it becomes a question's text."""

    question: str
    above: str = ""
    """Passage or context that the question is about; stands above it."""
    between: str = "\n\n"
    """What separates the two."""
    options: tuple[str, ...] = ()
    """Texts of the options in order, without their letters; stand below the question."""
    solution: str = ""
    answer: str = ""
    """Empty: none is stated."""
    kind: AnswerKind = "expression"
    metadata: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The question's text: passage, question and options, with blank lines between them."""
        stem = self.question.strip()
        above = self.above.strip()
        return with_options(f"{above}{self.between}{stem}" if above else stem, self.options)


PLAIN = Layout()
"""Nothing to know beyond a file's ending and content."""

Read = Callable[[Row], Parts]
"""Raises ``BadRowError`` where a row is no question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The declarative reader: which column is what. Numbers are read as they print, null as empty."""

    question: Names
    above: Names = ()
    """All of these that hold text stand above the question; may be missing."""
    between: str = "\n\n"
    solution: Names = ()
    """May be missing where an answer is named."""
    answer: Names = ()
    optional: Names = ()
    """Names of ``answer`` or ``solution`` that a row may be without."""
    kind: AnswerKind = "expression"
    subject: Names = ()
    level: Names = ()
    keep: Names | None = ()
    """Other columns that are kept in the metadata under their names; None: all others, under ``fields``."""
    other: Names = ()
    """Columns that are read elsewhere, and so are not among the others."""

    def __call__(self, row: Row) -> Parts:
        """The row's parts.

        Raises:
            BadRowError: ``missing_field``, ``wrong_type`` or ``empty_question``.
        """
        question = required_text(row, self.question)
        if not question.strip():
            raise BadRowError("empty_question", f"field {field_names(self.question)} is empty")
        passages = [optional_text(row, (name,)).strip() for name in self.above]
        return Parts(
            question=question,
            above="\n\n".join(passage for passage in passages if passage),
            between=self.between,
            solution=self._reference(row, self.solution, or_else=self.answer),
            answer=self._reference(row, self.answer, or_else=()).strip(),
            kind=self.kind,
            metadata=self._metadata(row),
        )

    def _reference(self, row: Row, names: Names, *, or_else: Names) -> str:
        if not names or or_else or set(names) <= set(self.optional):
            return optional_text(row, names)
        return required_text(row, names)

    def _metadata(self, row: Row) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        for key, names in (("subject", self.subject), ("level", self.level)):
            if text := optional_text(row, names).strip():
                found[key] = text
        if self.keep is None:
            used = {*self.question, *self.above, *self.solution, *self.answer, *self.other}
            others = {name: value for name, value in row.items() if name not in used}
            return {**found, "fields": others} if others else found
        return {**found, **{name: row[name] for name in self.keep if row.get(name) not in (None, "")}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One format: how its files are laid out and what its rows say."""

    about: str
    """Which files, in a few words; listed by ``python -m flows.sources --adapters``."""
    read: Read
    layout: Layout = PLAIN
    subject_in_file: re.Pattern[str] | None = None
    """Finds the subject in the file's name, where rows do not say it."""

    def text_of(self, row: RawRow) -> str:
        """The question's text alone.

        Raises:
            BadRowError: the row is no question.
        """
        return self.read(row.values).text

    def question_of(self, row: RawRow, *, source: str) -> Question:
        """One row as a question of ``source``; its place is in the metadata (``file``, ``line``).

        Raises:
            BadRowError: the row is no question.
        """
        parts = self.read(row.values)
        metadata: dict[str, JsonValue] = {"file": row.file, "line": row.line, **parts.metadata}
        if self.subject_in_file and (match := self.subject_in_file.search(row.file)):
            metadata["subject"] = match[1]
        if parts.options:
            metadata["options"] = [*parts.options]
        return Question.create(
            question=parts.text,
            solution=parts.solution.strip(),
            answer=parts.answer.strip() or None,
            answer_kind=parts.kind,
            source=source,
            metadata=metadata,
        )
