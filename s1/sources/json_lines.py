r"""JSON lines: one object per line, each line on its own, so that a bad one costs nothing else.

Knows lines and JSON; where the bytes come from is ``s1.sources.streams``.

Example::

    list(read_lines(iter([b'{"question": "1+1?"}\n{']), file="a.jsonl"))     # one RawRow, one BadRow
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from pydantic import JsonValue

from s1.sources.raw import (
    BLANK_LINE,
    MAX_ROW_BYTES,
    BadRow,
    Chunks,
    DamagedError,
    Item,
    RawRow,
    RowError,
    check_nul,
    rest_of,
)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is too large for a number")
    return value


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
"""Strict: no NaN, no infinity, no control character in a string."""


def split_lines(chunks: Chunks) -> Iterator[bytes | int]:
    r"""Lines without their ``\n``; of a line above ``MAX_ROW_BYTES`` only its length in bytes.

    Raises:
        DamagedError: the bytes stop making sense; the line that they stop in is not given.
    """
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        head, *others = chunk.split(b"\n")
        size += len(head)
        parts = [*parts, head] if size <= MAX_ROW_BYTES else []
        if others:
            yield b"".join(parts) if size <= MAX_ROW_BYTES else size
            yield from others[:-1]
            parts, size = [others[-1]], len(others[-1])
    if size:
        yield b"".join(parts) if size <= MAX_ROW_BYTES else size


def read_lines(chunks: Chunks, *, file: str) -> Iterator[Item]:
    """Each line as a row, or why it is none."""
    number = 0
    try:
        for number, line in enumerate(split_lines(chunks), start=1):
            try:
                yield RawRow(file, number, parse_line(line))
            except RowError as bad:
                yield BadRow(file, number, bad.reason, bad.detail)
    except DamagedError as damage:
        yield rest_of(file, number + 1, damage)


def parse_line(line: bytes | int) -> dict[str, JsonValue]:
    """A line of a JSON-lines file as an object; a number stands for a line of that many bytes that was not kept.

    Raises:
        RowError: it is none, or holds what no file could hold again.
    """
    if isinstance(line, int):
        raise RowError("too_long", f"the line has {line:,} bytes; {MAX_ROW_BYTES:,} are the most")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RowError("not_utf8", f"byte {error.start + 1} of the line is not UTF-8") from error
    if not text or text.isspace():
        raise RowError(BLANK_LINE, "the line holds no text")
    check_nul(text.count("\0"))
    try:
        value = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise RowError("corrupt_json", f"{error.msg}, character {error.pos + 1}: {text.strip()[:80]!r}") from error
    except (ValueError, RecursionError) as error:
        raise RowError("corrupt_json", f"{error}: {text.strip()[:80]!r}") from error
    return as_row(value, text)


def as_row(value: Any, text: str) -> dict[str, JsonValue]:
    """A decoded value as a row, if it is one and a file can hold its text.

    Args:
        text: what it was decoded from.

    Raises:
        RowError: no object, or half of a surrogate pair, which JSON can escape, but nothing could write again.
    """
    if not isinstance(value, dict):
        raise RowError("not_an_object", f"this is a {type(value).__name__}, not an object")
    if "\\ud" in text or "\\uD" in text:  # only an escape can make one
        check_surrogates(value)
    return value


def check_surrogates(value: dict[str, JsonValue]) -> None:
    """Refuse text that UTF-8 has no bytes for.

    Raises:
        RowError: there is some.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise RowError("invalid_text", f"an escaped lone surrogate: {error.reason}") from error
