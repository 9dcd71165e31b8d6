"""What reading a file gives before anything is known of its meaning: rows, and what could not be read.

Knows places (file and line) and limits; the formats are in the modules beside it (``s1.sources.formats``).

Example::

    RawRow(file="math/train.jsonl.gz", line=3, values={"problem": "1+1?", "answer": "2"})
    BadRow(file="math/train.jsonl.gz", line=4, reason="not_utf8", detail="byte 17 of the line is not UTF-8")
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

BLANK_LINE = "blank_line"
"""Reason of a line without text; listed, but not counted as a bad row."""

MAX_ROW_BYTES = 16 * 1024 * 1024
"""Larger rows are refused unread, so that a file without line ends cannot fill the memory."""
CHUNK_BYTES = 1024 * 1024
"""How much is read at once."""

Format = Literal["lines", "array", "csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's ending and content do not tell."""

    format: Format | None = None
    """None: by the ending, else by the first character (``[``: a JSON array, else JSON lines)."""
    records: str | None = None
    """Key of the rows in a file that is one JSON object."""
    header: tuple[str, ...] | None = None
    """Names of the columns of a CSV file whose first line is a row already."""
    members: tuple[str, ...] = ()
    """Which files of a zip are read, as shell patterns (``*test/*.csv``); empty: all in a format that is known."""


AS_IT_IS = Layout()
"""The layout of a file whose ending and content tell everything."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the file has it."""

    file: str
    line: int
    """Where it begins, counted from 1; in a parquet file, its number."""
    values: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that could not be read, or the rest of a file."""

    file: str
    line: int
    """Counted from 1."""
    reason: str
    """``blank_line``, ``not_utf8``, ``nul_bytes``, ``too_long``, ``corrupt_json``, ``not_an_object``, ``invalid_text``,
    ``missing_column``, ``extra_column``, ``corrupt_csv``, ``empty_file``, ``no_rows``, ``unsafe_member``,
    ``unknown_format``, or with ``rest``: ``truncated``, ``corrupt_json``, ``corrupt_gzip``, ``corrupt_zip``,
    ``corrupt_parquet``."""
    detail: str
    rest: bool = False
    """Nothing from this line to the file's end is read; how many rows that is, nobody knows."""


Item = RawRow | BadRow


class DamagedError(Exception):
    """The bytes end or stop making sense: nothing behind this place can be read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class RowError(Exception):
    """One row cannot be used; those around it can."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


Chunks = Iterator[bytes]
"""A file's bytes in order; raises ``DamagedError`` behind the last that could be had."""


def rest_of(file: str, line: int, damage: DamagedError) -> BadRow:
    """What is told of everything from ``line`` on."""
    return BadRow(file, line, damage.reason, f"{damage.detail}; nothing from line {line} on is read", rest=True)


def check_nul(num_nul: int) -> None:
    """Refuse a row with NUL bytes.

    Raises:
        RowError: there are some.
    """
    if num_nul:
        raise RowError("nul_bytes", f"{num_nul} NUL byte(s): the file was damaged, or is not text in UTF-8")
