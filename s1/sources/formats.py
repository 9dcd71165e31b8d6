"""Files of rows, whatever their format: JSON lines, a JSON array, CSV, parquet, plain or compressed or in a zip.

The one reader of the project's source files. It streams: memory is bounded by a row, nothing is unpacked to disk. Every
row is given, or told by file and line with a reason; a damaged file loses what is damaged and nothing else. What a row
means is ``s1.sources.rows`` and the adapters'.

Example::

    for item in read_raw(Path("mmlu.zip"), shown="$S1_DATA/mmlu/mmlu.zip", layout=Layout(header=("question", "A"))):
        item.file, item.line        # '$S1_DATA/mmlu/mmlu.zip/test/anatomy_test.csv', 1
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from s1.sources.csv_rows import read_csv
from s1.sources.json_arrays import read_array
from s1.sources.json_lines import read_lines
from s1.sources.parquet_rows import is_parquet, read_parquet
from s1.sources.raw import (
    AS_IT_IS,
    BLANK_LINE,
    MAX_ROW_BYTES,
    BadRow,
    Chunks,
    DamagedError,
    Format,
    Item,
    Layout,
    RawRow,
    rest_of,
)
from s1.sources.result import SourceError
from s1.sources.streams import Member, open_members

__all__ = ["AS_IT_IS", "BLANK_LINE", "MAX_ROW_BYTES", "BadRow", "Format", "Layout", "RawRow", "read_raw"]


def read_raw(path: Path, *, shown: str, layout: Layout = Layout()) -> Iterator[Item]:  # noqa: B008 - it is frozen
    """The rows of one file, in order.

    Args:
        shown: what rows and refusals call the file; members of a zip add their own path.
        layout: what neither ending nor content tells.

    Raises:
        SourceError: the file cannot be opened.
    """
    try:
        if layout.format == "parquet" or (layout.format is None and is_parquet(path)):
            yield from read_parquet(path, file=shown)
            return
        for member in open_members(path, shown=shown, patterns=layout.members):
            yield from (member,) if isinstance(member, BadRow) else _read_member(member, layout)
    except OSError as error:
        raise SourceError(
            f"{shown} cannot be read ({error.strerror or error}). Correct its path in params.yaml."
        ) from error


def _read_member(member: Member, layout: Layout) -> Iterator[Item]:
    try:
        first = next(member.chunks, b"")
    except DamagedError as damage:
        yield rest_of(member.shown, 1, damage)
        return
    if not first:
        yield BadRow(member.shown, 1, "empty_file", "the file holds nothing")
        return
    chunks: Chunks = chain([first], member.chunks)
    match layout.format or _format_of(member.name, first, layout):
        case "lines":
            yield from read_lines(chunks, file=member.shown)
        case "csv":
            separator = "\t" if member.name.endswith(".tsv") else ","
            yield from read_csv(chunks, file=member.shown, header=layout.header, separator=separator)
        case _:
            yield from read_array(chunks, file=member.shown, records=layout.records)


def _format_of(name: str, first: bytes, layout: Layout) -> Format:
    if name.endswith((".csv", ".tsv")):
        return "csv"
    if layout.records is not None:
        return "array"
    if name.endswith((".jsonl", ".ndjson")):
        return "lines"
    return "array" if first.lstrip().startswith(b"[") else "lines"
