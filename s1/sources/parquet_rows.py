"""Rows of parquet files, batch by batch.

Knows parquet through pyarrow; a row's line is its number.

Example::

    list(read_parquet(Path("test.parquet"), file="test.parquet"))
"""

import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from s1.sources.json_lines import check_surrogates
from s1.sources.raw import BadRow, DamagedError, Item, RawRow, RowError, rest_of

_MAGIC = b"PAR1"
_ROWS_AT_ONCE = 256


def is_parquet(path: Path) -> bool:
    """Whether a file begins like parquet.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_parquet(path: Path, *, file: str) -> Iterator[Item]:
    """Each row, its values as JSON has them: dates as text, of bytes only how many, NaN as null."""
    # Importing it takes half a second, and most projects read text.
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as parquet:
            for batch in parquet.iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(file, number, row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = str(error).split("\n")[0][:200]
        yield rest_of(file, number + 1, DamagedError("corrupt_parquet", f"{said}; get the file anew"))
        return
    if not number:
        yield BadRow(file, 1, "empty_file", "the file holds no row")


def _row(file: str, number: int, row: dict[str, Any]) -> Item:
    try:
        values: dict[str, JsonValue] = {name: _plain(value) for name, value in row.items()}
        check_surrogates(values)
    except RowError as bad:
        return BadRow(file, number, bad.reason, bad.detail)
    return RawRow(file, number, values)


def _plain(value: Any) -> JsonValue:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            return f"({len(value)} bytes)"
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case date() | datetime() | time() | timedelta() | Decimal():
            return str(value)
    plain: JsonValue = value
    return plain
