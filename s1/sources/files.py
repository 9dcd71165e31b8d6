"""Rows of files on this machine: JSON lines, a JSON list, or CSV.

Knows formats by their content and ending; what a row means is ``s1.sources.rows``.

Example::

    read_jsonl(JsonlSource(kind="jsonl", name="aime", path="aime.jsonl"), seed=0)
    read_table(Path("gpqa_diamond.csv"), fields, name="gpqa-diamond", seed=0)
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue

from s1.config import JsonlSource
from s1.records import Refusal
from s1.sources.result import SourceError, SourceRead
from s1.sources.rows import BadRowError, Fields, Row, check_text, parse_row, question_of

_Raw = TypeVar("_Raw")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_jsonl(source: JsonlSource, *, seed: int) -> SourceRead:
    """Read a JSON-lines file line by line.

    Raises:
        SourceError: the file cannot be opened.
    """
    lines = _raw_lines(source.path, name=source.name)
    return _read_lines(lines, Fields.named_by(source), name=source.name, path=source.path, seed=seed)


def read_table(path: str, fields: Fields, *, name: str, seed: int) -> SourceRead:
    """Read a file of rows: CSV by its ending, a JSON list by its first character, else JSON lines.

    Raises:
        SourceError: the file cannot be opened, or is no such file.
    """
    if path.lower().endswith(".csv"):
        return read_rows(_csv_rows(path, name=name), fields, name=name, file=path, seed=seed)
    lines = list(_raw_lines(path, name=name))
    if lines and lines[0].removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"["):
        return read_rows(_listed_rows(b"".join(lines), path, name=name), fields, name=name, file=path, seed=seed)
    return _read_lines(lines, fields, name=name, path=path, seed=seed)


def read_rows(
    rows: Iterable[tuple[int, dict[str, JsonValue]]], fields: Fields, *, name: str, file: str, seed: int
) -> SourceRead:
    """Read rows that are objects already.

    Args:
        rows: number (from 1) and fields of each.
        file: what to call the place they are from.
    """
    return _read(rows, check_text, fields, name=name, file=file, seed=seed)


def _read_lines(lines: Iterable[bytes], fields: Fields, *, name: str, path: str, seed: int) -> SourceRead:
    numbered = ((number, line.removeprefix(_BYTE_ORDER_MARK)) for number, line in enumerate(lines, start=1))
    return _read(numbered, parse_row, fields, name=name, file=path, seed=seed)


def _read(
    numbered: Iterable[tuple[int, _Raw]],
    parse: Callable[[_Raw], Row],
    fields: Fields,
    *,
    name: str,
    file: str,
    seed: int,
) -> SourceRead:
    read = SourceRead(name=name)
    for number, raw in numbered:
        try:
            place: dict[str, JsonValue] = {"file": file, "line": number}
            read.questions.append(question_of(parse(raw), fields, source=name, place=place, seed=seed))
        except BadRowError as bad:
            refusal = Refusal(source=name, file=file, line=number, reason=bad.reason, detail=bad.detail)
            read.refusals.append(refusal)
    return read


def _raw_lines(path: str, *, name: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            yield from file
    except OSError as error:
        raise SourceError(
            f"source {name!r}: {path} cannot be read ({error.strerror}). "
            f"Correct the path in params.yaml (relative paths start at the project's root; runs from the UI work in a "
            f"clone without the files that git ignores: give those an absolute path)."
        ) from error


def _csv_rows(path: str, *, name: str) -> Iterator[tuple[int, dict[str, JsonValue]]]:
    try:
        text = b"".join(_raw_lines(path, name=name)).removeprefix(_BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"source {name!r}: {path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8."
        ) from error
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        yield reader.line_num, {key: value for key, value in row.items() if key is not None}


def _listed_rows(data: bytes, path: str, *, name: str) -> Iterator[tuple[int, dict[str, JsonValue]]]:
    try:
        rows = json.loads(data)
    except ValueError as error:
        raise SourceError(f"source {name!r}: {path} is no JSON: {error}. Mend the file.") from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise SourceError(f"source {name!r}: {path}: entry {number} is a {type(row).__name__}, not an object.")
        yield number, row
