"""A JSON array of objects, at the top of a file or under a key, element by element.

A broken element costs itself where the next one can be found for certain, else the rest of the file. Knows arrays; the
text comes through ``s1.sources.json_window``.

Example::

    list(read_array(iter([b'[{"a": 1}, {"a": NaN}, {"a": 3}]']), file="a.json", records=None))
"""

from collections.abc import Iterator
from typing import Any

from s1.sources.json_lines import as_row
from s1.sources.json_recovery import end_of_broken
from s1.sources.json_window import BrokenValueError, Decoded, JsonWindow
from s1.sources.raw import (
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


def read_array(chunks: Chunks, *, file: str, records: str | None) -> Iterator[Item]:
    """Each element as a row, or why it is none.

    Args:
        records: key of the array in the object that the file is; None: the file is the array.
    """
    window = JsonWindow(chunks)
    try:
        if records is None:
            _enter_array(window, "the file")
        else:
            _enter_object(window, records)
        yield from _read_elements(window, file)
        if records is None and window.peek():
            raise DamagedError("corrupt_json", "there is more behind the end of the array")
        if window.damage is not None:
            raise window.damage
    except DamagedError as damage:
        yield rest_of(file, window.line, damage)


def _enter_array(window: JsonWindow, what: str) -> None:
    if not window.take("["):
        raise _end_of(window) if not window.peek() else DamagedError("no_rows", f"{what} is no JSON array of rows")


def _enter_object(window: JsonWindow, records: str) -> None:
    """Go to the first element of the array under a key, past the keys before it."""
    if not window.take("{"):
        raise DamagedError("no_rows", f"the file is no JSON object with rows under the key {records!r}")
    keys: list[Any] = []
    try:
        while window.peek() == '"':
            keys.append(window.decode().value)
            if not window.take(":"):
                break
            if keys[-1] == records:
                _enter_array(window, f"the value of {records!r}")
                return
            window.peek()
            window.decode()
            window.take(",")
    except BrokenValueError as broken:
        raise DamagedError("corrupt_json", f"{broken.detail} (line {broken.line})") from broken
    if not window.peek():
        raise _end_of(window)
    raise DamagedError("no_rows", f"the file has no key {records!r}; it has {keys[:12]}")


def _end_of(window: JsonWindow) -> DamagedError:
    return window.damage or DamagedError("truncated", "the file ends inside the array; get it anew")


def _read_elements(window: JsonWindow, file: str) -> Iterator[Item]:
    keys: set[str] = set()
    if window.take("]"):
        yield BadRow(file, window.line, "empty_file", "the array of rows is empty")
        return
    while True:
        if not window.peek():
            raise _end_of(window)
        line = window.line
        try:
            item = _item(file, line, window.decode())
        except BrokenValueError as broken:
            item = _step_over(window, file, broken, keys=keys)
        if isinstance(item, RawRow):
            keys = set(item.values)
        yield item
        if window.take("]"):
            return
        if not window.take(","):
            if window.peek() != "{":
                raise _unexpected(window)
            yield BadRow(file, window.line, "corrupt_json", "a comma is missing before this element, which is read")
        elif window.take("]"):
            yield BadRow(file, window.line, "corrupt_json", "a comma with no element behind it")
            return


def _unexpected(window: JsonWindow) -> DamagedError:
    found = window.peek()
    if not found:
        return _end_of(window)
    return DamagedError("corrupt_json", f"a comma or the end of the array was expected, not {found!r}")


def _item(file: str, line: int, decoded: Decoded) -> Item:
    try:
        if len(decoded.text) > MAX_ROW_BYTES:
            raise _too_long()
        if not decoded.text.isascii():
            _check_utf8(decoded.text)
        return RawRow(file, line, as_row(decoded.value, decoded.text))
    except RowError as bad:
        return BadRow(file, line, bad.reason, bad.detail)


def _too_long() -> RowError:
    return RowError("too_long", f"the element has more than {MAX_ROW_BYTES:,} characters")


def _check_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = len(text[: error.start].encode("utf-8", "surrogateescape")) + 1
        raise RowError("not_utf8", f"byte {place} of the element is not UTF-8") from error


def _step_over(window: JsonWindow, file: str, broken: BrokenValueError, *, keys: set[str]) -> BadRow:
    """Step over a broken element, to the comma or bracket behind it.

    Args:
        keys: of the row before it: what looks like the next row has to have the same, if it cannot be told otherwise.

    Raises:
        DamagedError: where the next element begins cannot be told for certain.
    """
    line = window.line
    window.fill(MAX_ROW_BYTES)
    bad = RowError("corrupt_json", f"{broken.detail} (line {broken.line})")
    end = end_of_broken(window, keys=keys)
    if end is not None:
        try:
            check_nul(window.text.count("\0", window.at, end))
        except RowError as nul:
            bad = nul
        window.move(end)
    elif broken.is_cut and window.num_left > MAX_ROW_BYTES and window.skip():
        bad = _too_long()
    elif window.damage is not None or (broken.is_cut and window.ended):
        raise _end_of(window)
    else:
        where = f"{broken.detail} (line {broken.line})"
        raise DamagedError("corrupt_json", f"{where}; where the next row begins is unclear")
    return BadRow(file, line, bad.reason, bad.detail)
