r"""CSV, record by record, cells over several lines included.

Strict about quotes: text behind a closing quote means that a quote is missing somewhere above, and reading it all the
same would melt two rows into one. The record is then refused and reading goes on with the next line. Knows CSV through
the standard library.

Example::

    list(read_csv(iter([b'a,b\n1,"two\nlines"\n']), file="a.csv", header=None, separator=","))
"""

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from s1.sources.json_lines import split_lines
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


def read_csv(chunks: Chunks, *, file: str, header: Sequence[str] | None, separator: str) -> Iterator[Item]:
    """Each record as a row, or why it is none.

    Args:
        header: names of the columns; None: the first record has them.
        separator: what stands between cells.
    """
    lines = _Lines(chunks)
    names = list(header) if header is not None else None
    is_empty = True
    try:
        for line, cells in _records(lines, separator):
            try:
                if names is None:
                    names = _distinct(_checked(cells))
                else:
                    is_empty = False
                    yield RawRow(file, line, _row(names, _checked(cells)))
            except RowError as bad:
                is_empty = False
                yield BadRow(file, line, bad.reason, bad.detail)
                if names is None and bad.reason != BLANK_LINE:
                    raise DamagedError(bad.reason, "the line with the columns' names cannot be used") from bad
    except DamagedError as damage:
        yield rest_of(file, lines.number, damage)
        return
    if is_empty:
        yield BadRow(file, 1, "empty_file", "the file holds no row below the names of its columns")


class _Lines:
    """Lines as text, numbered, that can be taken back."""

    def __init__(self, chunks: Chunks) -> None:
        self._source = split_lines(chunks)
        self._again: deque[str | int] = deque()
        self.number = 1
        """Of the next line."""

    def next(self) -> str | int | None:
        """The next line with its end; the length of one that is too long; None behind the last.

        Raises:
            DamagedError: the bytes stop making sense.
        """
        if self._again:
            line: str | int | None = self._again.popleft()
        else:
            raw = next(self._source, None)
            # Bytes that are not UTF-8 become lone surrogates, which are told when the record is whole.
            line = raw.decode("utf-8", "surrogateescape") + "\n" if isinstance(raw, bytes) else raw
        if line is not None:
            self.number += 1
        return line

    def take_back(self, lines: Sequence[str | int]) -> None:
        """Give these lines again, the next time."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)


def _records(lines: _Lines, separator: str) -> Iterator[tuple[int, list[str] | RowError]]:
    """Line and cells of each record, or why it has none."""
    csv.field_size_limit(MAX_ROW_BYTES)
    while True:
        start = lines.number
        taken: list[str | int] = []
        reader = csv.reader(_pull(lines, taken), delimiter=separator, strict=True)
        try:
            for cells in reader:
                yield start, cells
                start = lines.number
                taken.clear()
        except DamagedError:
            lines.take_back(taken)  # the record that was being read is lost from its first line on
            raise
        except csv.Error as error:
            lines.take_back(taken[1:])
            yield start, RowError("corrupt_csv", f"{error} (a quote too many or too few?): {str(taken[0])[:80]!r}")
            continue
        if not taken:
            return
        size = taken[-1]
        assert isinstance(size, int), "reading stops at the end, or at a line that is too long"
        yield start, RowError("too_long", f"the line has {size:,} bytes; {MAX_ROW_BYTES:,} are the most")


def _pull(lines: _Lines, taken: list[str | int]) -> Iterator[str]:
    """Lines for one reader, remembered in ``taken`` while they may have to be taken back.

    Ends at the end, at a line that is too long, and where a record gets too long: then no quote closes it.
    """
    size = 0
    while (line := lines.next()) is not None:
        if not taken:
            size = 0
        taken.append(line)
        if isinstance(line, int):
            return
        size += len(line)
        if size > MAX_ROW_BYTES and len(taken) > 1:
            return
        yield line


def _checked(cells: list[str] | RowError) -> list[str]:
    if isinstance(cells, RowError):
        raise cells
    if not cells:
        raise RowError(BLANK_LINE, "the line holds no text")
    text = "".join(cells)
    check_nul(text.count("\0"))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            number = next(n for n, cell in enumerate(cells, start=1) if _is_damaged(cell))
            raise RowError("not_utf8", f"cell {number} holds a byte that is not UTF-8") from error
    return cells


def _is_damaged(cell: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in cell)


def _distinct(names: list[str]) -> list[str]:
    """The columns' names; a repeated one gets a number, so that no cell is lost."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in (name.strip() for name in names):
        distinct.append(name if not seen[name] else f"{name}.{seen[name]}")
        seen[name] += 1
    return distinct


def _row(names: Sequence[str], cells: list[str]) -> dict[str, JsonValue]:
    if len(cells) < len(names):
        raise RowError(
            "missing_column", f"{len(cells)} cells for {len(names)} columns; {list(names[len(cells) :])} lack"
        )
    if len(cells) > len(names):
        extra = [cell[:40] for cell in cells[len(names) :]]
        raise RowError(
            "extra_column", f"{len(cells)} cells for {len(names)} columns; those without a name: {extra[:5]}"
        )
    return dict(zip(names, cells, strict=True))
