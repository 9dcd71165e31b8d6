"""Rows of source files -> questions: bytes to objects, fields to texts, options to a choice question.

Knows what a row must hold and why it is refused; does not know which files there are.

Example::

    question_of(row, fields, source="gpqa-diamond", place={"file": "gpqa.csv", "line": 2}, seed=0)
"""

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from pydantic import JsonValue

from s1.config import HubSource, JsonlSource
from s1.records import AnswerKind, Question, question_id
from s1.sources.result import BLANK_LINE

Row = Mapping[str, JsonValue]


class BadRowError(Exception):
    """One row is no question; becomes a ``Refusal``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a row keeps what a question needs; of several names the first that the row has is taken."""

    question: tuple[str, ...]
    solution: tuple[str, ...]
    """May be missing from a row that has an answer field."""
    answer: tuple[str, ...]
    """Empty: the answer is read out of the solution."""
    answer_kind: AnswerKind = "expression"
    wrong_choices: tuple[str, ...] = ()
    """Fields of wrong options: with the answer they become the options of a choice question."""

    @classmethod
    def named_by(cls, source: JsonlSource | HubSource, *, wrong_choices: tuple[str, ...] = ()) -> "Fields":
        """The fields that a source's parameters name."""
        return cls(
            question=(source.question_field,),
            solution=(source.solution_field,),
            answer=(source.answer_field,) if source.answer_field is not None else (),
            answer_kind=source.answer_kind,
            wrong_choices=wrong_choices,
        )

    @property
    def names(self) -> set[str]:
        """All of them."""
        return {*self.question, *self.solution, *self.answer, *self.wrong_choices}


def question_of(row: Row, fields: Fields, *, source: str, place: Mapping[str, JsonValue], seed: int) -> Question:
    """One row as a question.

    Args:
        place: where the row stands (``file``, ``line``); kept in the question's metadata with the row's other fields.
        seed: decides the order of the options, together with the question's text.

    Raises:
        BadRowError: the row lacks a field, or its question is empty.
    """
    text = _text_field(row, fields.question)
    if not text.strip():
        raise BadRowError("empty_question", f"field {_name_in(row, fields.question)!r} is empty")
    answer = _text_field(row, fields.answer).strip() if fields.answer else ""
    has_solution = not fields.answer or any(name in row for name in fields.solution)
    solution = _text_field(row, fields.solution) if has_solution else ""
    others: dict[str, JsonValue] = {name: value for name, value in row.items() if name not in fields.names}
    metadata: dict[str, JsonValue] = {**place, **({"fields": others} if others else {})}
    if fields.wrong_choices:
        wrong = [_text_field(row, (name,)).strip() for name in fields.wrong_choices]
        text, answer, options = _as_choice(text.strip(), answer, wrong, seed=seed)
        metadata["options"] = [*options]
    return Question.create(
        question=text,
        solution=solution,
        answer=answer or None,
        answer_kind="choice" if fields.wrong_choices else fields.answer_kind,
        source=source,
        metadata=metadata,
    )


def _as_choice(text: str, right: str, wrong: list[str], *, seed: int) -> tuple[str, str, list[str]]:
    """The question with its options below it, the letter of the right one, and the options in order.

    The order depends on the seed and the question only, so rows may be added and moved.
    """
    options = [right, *wrong]
    if not all(options):
        raise BadRowError("empty_option", "the right option or a wrong one is empty")
    if len(set(options)) < len(options):
        raise BadRowError("repeated_option", "two options have the same text, so no letter is right alone")
    random.Random(f"options-{seed}-{question_id(text)}").shuffle(options)
    letters = [chr(ord("A") + number) for number in range(len(options))]
    lines = [f"{letter}) {option}" for letter, option in zip(letters, options, strict=True)]
    return f"{text}\n\n" + "\n".join(lines), letters[options.index(right)], options


def parse_row(line: bytes) -> dict[str, JsonValue]:
    """A line of a JSON-lines file as an object.

    Raises:
        BadRowError: it is none, or holds what no file could hold again.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRowError("not_utf8", f"byte {error.start + 1} of the line is not UTF-8") from error
    if not text.strip():
        raise BadRowError(BLANK_LINE, "the line holds no text")
    try:
        row = check_text(json.loads(text, parse_constant=_refuse_constant, parse_float=_finite))
    except (ValueError, RecursionError) as error:
        raise BadRowError("corrupt_json", f"{error}: {text.strip()[:80]!r}") from error
    if not isinstance(row, dict):
        raise BadRowError("not_an_object", f"the line is a {type(row).__name__}, not an object")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is too large for a number")
    return value


def check_text(row: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The row itself, if a file can hold its text.

    Raises:
        BadRowError: half of a surrogate pair, which JSON can escape, but nothing could write to a file again.
    """
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadRowError("invalid_text", f"an escaped lone surrogate: {error.reason}") from error
    return row


def _name_in(row: Row, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in row), None)
    if found is None:
        wanted = " or ".join(map(repr, names))
        raise BadRowError("missing_field", f"no field {wanted}; the row has {sorted(row)[:12]}")
    return found


def _text_field(row: Row, names: tuple[str, ...]) -> str:
    """A field as text: numbers as they print, null as empty."""
    name = _name_in(row, names)
    value = row[name]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRowError("wrong_type", f"field {name!r} is a {type(value).__name__}, not text or a number")
    return str(value)
