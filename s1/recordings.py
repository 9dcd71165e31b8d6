"""Files of recorded model outputs: read by format, joined to questions by id, every row accounted for.

A recording is about a question: its text is made by the same adapter as the question's own file
(``s1.sources.adapters``), so both have one id. Knows rows, joins and counts; what a response is stands in
``s1.attempts.recorded`` and ``s1.teacher.recorded``.

Example::

    reading = RecordingReading(file="gpt4.jsonl")
    for question_id, response in read_recordings(path, FORMATS["jeebench-gpt4"], reading=reading): ...
    reading.num_read, reading.refusals[0].line
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import JsonValue

from s1.decisions import Refusal
from s1.records import question_id
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import BLANK_LINE, Layout, RawRow, read_raw
from s1.sources.result import SourceError
from s1.sources.rows import BadRowError, Row, required_text

ValueT = TypeVar("ValueT")
_PLAIN = Layout()

QuestionText = Callable[[RawRow], str]
"""The text of the question that a row is about; raises ``BadRowError`` where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFormat(Generic[ValueT]):
    """One format of recordings."""

    about: str
    """Which files, in a few words."""
    read: Callable[[Row], ValueT]
    """What a row records; raises ``BadRowError`` where it records nothing that can be used."""
    question: QuestionText | None = None
    """None: rows only name their question, see ``join``."""
    join: "Join | None" = None
    layout: Layout = _PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Where the questions are of recordings that only name them."""

    adapter: str
    """The adapter of the file with the questions."""
    key: str
    """Their field that is named."""
    named_by: str
    """The recordings' field that names it."""


@dataclass(slots=True)
class RecordingReading:
    """What reading one file of recordings gave. Every row is read or refused; every read one is of some use or none."""

    file: str
    num_read: int = 0
    """Rows that record something."""
    num_used: int = 0
    num_other: int = 0
    """About questions that are not in the curated pool."""
    num_repeated: int = 0
    """About questions that an earlier row is about."""
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def num_bad(self) -> int:
        """Rows refused, blank lines not counted."""
        return len(self.refusals)

    def figures(self) -> dict[str, JsonValue]:
        """The counts by name."""
        return {
            "read": self.num_read,
            "used": self.num_used,
            "other_questions": self.num_other,
            "repeated": self.num_repeated,
            "refused": self.num_bad,
        }

    def refuse(self, *, file: str, line: int, reason: str, detail: str) -> None:
        """Keep a row that cannot be used; a blank line is none."""
        if reason == BLANK_LINE:
            return
        self.refusals.append(Refusal(source="recordings", file=file, line=line, reason=reason, detail=detail))

    def check(self, *, max_bad_share: float) -> None:
        """Refuse a file that gave nothing, or more bad rows than allowed.

        Raises:
            SourceError: names the first bad rows by file and line.
        """
        num_rows = self.num_read + self.num_bad
        shown = self.refusals[:5]
        first = "".join(f"\n  {row.file}, line {row.line}: {row.reason}: {row.detail}" for row in shown)
        if num_rows and self.num_bad / num_rows > max_bad_share:
            raise SourceError(
                f"{self.file}: {self.num_bad} of {num_rows} rows cannot be used, more than max_bad_share "
                f"{max_bad_share} allows. The first:{first}\nName the adapter that the file is for, mend the rows, or "
                f"raise max_bad_share."
            )
        if not self.num_read:
            raise SourceError(f"{self.file} records nothing that can be used. Check its path and adapter.{first}")


def find_format(
    formats: Mapping[str, RecordingFormat[ValueT]], adapter: str, *, key: str, path: str
) -> RecordingFormat[ValueT]:
    """The format of that name.

    Args:
        key: where ``params.yaml`` names it, to be told.
        path: the file that it is named for, to be told.

    Raises:
        SourceError: there is none; names those that there are.
    """
    if adapter not in formats:
        raise SourceError(f"{key}: {path}: no adapter here is called {adapter!r}; there are {sorted(formats)}.")
    return formats[adapter]


def read_recordings(
    path: Path, recording: RecordingFormat[ValueT], *, reading: RecordingReading, join_path: Path | None = None
) -> Iterator[tuple[str, ValueT]]:
    """Recordings of one file with the ids of their questions, in order; what cannot be read is told to ``reading``.

    Args:
        join_path: the file with the questions, for formats whose rows only name them.

    Raises:
        SourceError: a file cannot be opened, or the file with the questions is not named.
    """
    text_of = recording.question or _joined(recording, join_path, reading=reading)
    for item in read_raw(path, shown=reading.file, layout=recording.layout):
        if not isinstance(item, RawRow):
            reading.refuse(file=item.file, line=item.line, reason=item.reason, detail=item.detail)
            continue
        try:
            found = question_id(text_of(item)), recording.read(item.values)
        except BadRowError as bad:
            reading.refuse(file=item.file, line=item.line, reason=bad.reason, detail=bad.detail)
            continue
        reading.num_read += 1
        yield found


def adapted(name: str) -> QuestionText:
    """The question's text as an adapter of question files makes it."""
    return lambda row: ADAPTERS[name].text_of(row)


def plain(name: str) -> QuestionText:
    """The question's text as one field has it."""
    return lambda row: filled_text(row.values, name).strip()


def filled_text(row: Row, *names: str) -> str:
    """The first of these fields that the row has, as text.

    Raises:
        BadRowError: ``missing_field``, ``wrong_type``, or ``empty_field``.
    """
    text = required_text(row, names)
    if not text.strip():
        raise BadRowError("empty_field", f"field {' or '.join(map(repr, names))} is empty")
    return text


def part_of(row: Row, name: str) -> Mapping[str, JsonValue]:
    """A field that is an object.

    Raises:
        BadRowError: ``missing_field`` or ``wrong_type``.
    """
    if name not in row:
        raise BadRowError("missing_field", f"no field {name!r}; the row has {sorted(row)[:12]}")
    value = row[name]
    if not isinstance(value, Mapping):
        raise BadRowError("wrong_type", f"field {name!r} is a {type(value).__name__}, not an object")
    return value


def _joined(recording: RecordingFormat[ValueT], join_path: Path | None, *, reading: RecordingReading) -> QuestionText:
    join = recording.join
    assert join is not None
    if join_path is None:
        raise SourceError(
            f"{reading.file}: its rows only name their questions; give the file that holds these as `join`."
        )
    texts = _texts_by_key(join_path, join)

    def text_of(row: RawRow) -> str:
        key = filled_text(row.values, join.named_by)
        if key not in texts:
            raise BadRowError("unknown_question", f"{join.named_by} {key!r} is not in {join_path.name}")
        return texts[key]

    return text_of


def _texts_by_key(path: Path, join: Join) -> dict[str, str]:
    adapter = ADAPTERS[join.adapter]
    texts: dict[str, str] = {}
    for item in read_raw(path, shown=path.name, layout=adapter.layout):
        if isinstance(item, RawRow):
            texts[filled_text(item.values, join.key)] = adapter.text_of(item)
    return texts
