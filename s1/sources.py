"""Where questions and benchmarks come from, with every row that is read accounted for.

One reader per kind of source. A row becomes a question or a ``Refusal`` that names file, line and reason; nothing is
dropped in silence. Knows source formats; does not judge the questions (``s1.curation``).

Example::

    read = read_source(JsonlSource(kind="jsonl", name="aime", path="aime.jsonl"), seed=0)
    read.num_read, len(read.questions), read.refusals[0].reason
"""

import json
import math
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from pydantic import JsonValue

from s1.config import JsonlSource, ProceduralSource, Source
from s1.grading import reference_answer
from s1.nano.questions import generate_questions
from s1.records import Question, Refusal, normalize_text

BLANK_LINE = "blank_line"
"""Reason of a line without text; listed, but not counted as a bad row."""
_MIN_EXTENDED_WORDS = 8
"""Words that a benchmark question needs for the paper's 8-gram rule to find it inside a longer text."""
_EXTENSIONS = (
    ("Here is one more from the same sheet.", "Write every step down."),
    ("Take this one slowly:", "Then say how sure you are."),
    ("A friend asked me today:", "Can you help?"),
)


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
        return sum(refusal.reason != BLANK_LINE for refusal in self.refusals)

    @property
    def reasons(self) -> dict[str, int]:
        """Number of refusals by reason, blank lines included."""
        return dict(sorted(Counter(refusal.reason for refusal in self.refusals).items()))


def read_source(source: Source, *, seed: int, exclude: Collection[str] = (), for_benchmark: bool = False) -> SourceRead:
    """Read one source.

    Args:
        seed: global seed, added to the source's own; only procedural sources draw.
        exclude: texts that a procedural source must not produce.
        for_benchmark: draw from the questions that are kept for benchmarks, see ``s1.nano.questions.is_held_out``.

    Raises:
        SourceError: the file is missing or cannot be opened.
    """
    if isinstance(source, ProceduralSource):
        return _read_procedural(source, seed=seed, exclude=exclude, held_out=for_benchmark)
    return _read_jsonl(source)


def check_source(read: SourceRead, *, max_bad_share: float) -> None:
    """Refuse a source that gave nothing, or more bad rows than allowed.

    Raises:
        SourceError: names the first bad rows by file and line.
    """
    if read.num_read and read.num_bad / read.num_read > max_bad_share:
        bad = [refusal for refusal in read.refusals if refusal.reason != BLANK_LINE]
        first = "\n".join(f"  {row.file}, line {row.line}: {row.reason}: {row.detail}" for row in bad[:5])
        raise SourceError(
            f"source {read.name!r}: {read.num_bad} of {read.num_read} rows are bad, more than collect.max_bad_share "
            f"{max_bad_share} allows ({read.reasons}). The first:\n{first}\n"
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
            refusals.append(_refuse_question(question, "no_reference", "no reference to grade an answer against"))
        else:
            kept[question.id] = question
    return replace(read, questions=list(kept.values()), refusals=refusals)


def _refuse_question(question: Question, reason: str, detail: str) -> Refusal:
    line = question.metadata.get("line")
    return Refusal(
        source=question.source,
        file=str(question.metadata.get("file", "")),
        line=line if isinstance(line, int) else 0,
        reason=reason,
        detail=f"{detail}: {question.question[:120]}",
    )


def plant_overlaps(benchmarks: Sequence[Question], *, num: int, seed: int, source: str) -> list[Question]:
    """Copies of benchmark questions for the pool, to show decontamination at work.

    Half are verbatim; half (rounded down) stand inside a longer text, so that only a shared 8-gram gives them away.
    ``metadata["planted"]`` says ``verbatim`` or ``extended``, beside ``benchmark`` and ``benchmark_id``.

    Raises:
        SourceError: there are fewer benchmark questions (or fewer of at least 8 words) than wanted.
    """
    items = list({question.id: question for question in benchmarks}.values())
    rng = random.Random(f"plant-{seed}")
    rng.shuffle(items)
    long = [question for question in items if len(question.question.split()) >= _MIN_EXTENDED_WORDS]
    num_extended = num // 2
    if len(items) < num or len(long) < num_extended:
        raise SourceError(
            f"collect.num_planted_overlaps is {num}, but the benchmarks hold {len(items)} different questions, "
            f"{len(long)} of them with at least {_MIN_EXTENDED_WORDS} words. Lower num_planted_overlaps."
        )
    extended = long[:num_extended]
    used = {question.id for question in extended}
    verbatim = [question for question in items if question.id not in used][: num - num_extended]
    planted = [_plant(question, source=source, text=question.question, how="verbatim") for question in verbatim]
    for question in extended:
        before, after = rng.choice(_EXTENSIONS)
        planted.append(_plant(question, source=source, text=f"{before} {question.question} {after}", how="extended"))
    return planted


def _plant(question: Question, *, source: str, text: str, how: str) -> Question:
    marks: dict[str, JsonValue] = {"planted": how, "benchmark": question.source, "benchmark_id": question.id}
    return Question.create(
        question=text,
        solution=question.solution,
        answer=question.answer,
        answer_kind=question.answer_kind,
        source=source,
        metadata=marks,
    )


def _read_procedural(source: ProceduralSource, *, seed: int, exclude: Collection[str], held_out: bool) -> SourceRead:
    drawn = generate_questions(
        num=source.num,
        seed=seed + source.seed,
        exclude=exclude,
        step_weights=source.step_weights,
        held_out=held_out,
    )
    questions = [
        Question.create(
            question=item.text,
            solution=item.answer,
            answer=item.answer,
            source=source.name,
            metadata={"domain": item.domain, "num_steps": item.difficulty},
        )
        for item in drawn
    ]
    return SourceRead(name=source.name, questions=questions)


class _BadRowError(Exception):
    """One row is no question; becomes a ``Refusal``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def _read_jsonl(source: JsonlSource) -> SourceRead:
    read = SourceRead(name=source.name)
    for number, line in enumerate(_raw_lines(source), start=1):
        try:
            read.questions.append(_question_of(line.removeprefix(b"\xef\xbb\xbf"), source, number))
        except _BadRowError as bad:
            read.refusals.append(
                Refusal(source=source.name, file=source.path, line=number, reason=bad.reason, detail=bad.detail)
            )
    return read


def _raw_lines(source: JsonlSource) -> Iterator[bytes]:
    try:
        with Path(source.path).open("rb") as file:
            yield from file
    except OSError as error:
        raise SourceError(
            f"source {source.name!r}: {source.path} cannot be read ({error.strerror}). "
            f"Correct the path in params.yaml (relative paths start at the project's root; runs from the UI work in a "
            f"clone without the files that git ignores: give those an absolute path)."
        ) from error


def _question_of(line: bytes, source: JsonlSource, number: int) -> Question:
    row = _parse_row(line)
    text = _text_field(row, source.question_field)
    if not text.strip():
        raise _BadRowError("empty_question", f"field {source.question_field!r} is empty")
    named = {source.question_field, source.solution_field, source.answer_field}
    others: dict[str, JsonValue] = {name: value for name, value in row.items() if name not in named}
    answer = _text_field(row, source.answer_field).strip() if source.answer_field is not None else ""
    return Question.create(
        question=text,
        solution=_text_field(row, source.solution_field),
        answer=answer or None,
        answer_kind=source.answer_kind,
        source=source.name,
        metadata={"file": source.path, "line": number, **({"fields": others} if others else {})},
    )


def _parse_row(line: bytes) -> dict[str, JsonValue]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadRowError("not_utf8", f"byte {error.start + 1} of the line is not UTF-8") from error
    if not text.strip():
        raise _BadRowError(BLANK_LINE, "the line holds no text")
    try:
        row = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        # JSON can escape half of a surrogate pair, which is no text: nothing could write it to a file again.
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _BadRowError("invalid_text", f"an escaped lone surrogate: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        raise _BadRowError("corrupt_json", f"{error}: {text.strip()[:80]!r}") from error
    if not isinstance(row, dict):
        raise _BadRowError("not_an_object", f"the line is a {type(row).__name__}, not an object")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is too large for a number")
    return value


def _text_field(row: dict[str, JsonValue], name: str) -> str:
    """A field as text: numbers as they print, null as empty."""
    if name not in row:
        raise _BadRowError("missing_field", f"no field {name!r}; the row has {sorted(row)[:12]}")
    value = row[name]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _BadRowError("wrong_type", f"field {name!r} is a {type(value).__name__}, not text or a number")
    return str(value)


def texts_of(questions: Sequence[Question]) -> set[str]:
    """The questions' texts, as written and normalised, to exclude from a procedural source."""
    return {form for question in questions for form in (question.question, normalize_text(question.question))}
