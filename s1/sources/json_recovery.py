"""Where a broken element of a JSON array ends, if that can be told for certain.

Two signs are taken: the brackets close and a row follows, or the next object has the keys of the row before. A missing
quote turns text and structure around, and two of them can make a hundred rows look like one text; so what is stepped
over must not hold anything that reads like a row. Knows JSON text; reading on is ``s1.sources.json_arrays``.

Example::

    end_of_broken(window, keys={"question", "answer"})      # place of the comma or bracket behind the element, or None
"""

import re
from typing import Any

from s1.sources.json_lines import DECODER
from s1.sources.json_window import MARKS, JsonWindow
from s1.sources.raw import CHUNK_BYTES

_NEXT = re.compile(r"\s*,\s*")
_CLOSE = re.compile(r"""\s*\](?:\s*\Z|\s*\}\s*\Z|\s*,\s*"[^"\\]*"\s*:)""")
"""The end of the array, and of the file or of the object that it lies in, or the object's next key."""
_BOUNDARY = re.compile(r""",\s*(?=\{\s*")""")
"""In front of an object; inside a text its quote would have a backslash."""


def end_of_broken(window: JsonWindow, *, keys: set[str]) -> int | None:
    """The place in the window's text of what stands behind the element at its place; None: it is not certain.

    Args:
        keys: of the row before it; empty: there is none.
    """
    return (
        _end_by_brackets(window, keys, within=CHUNK_BYTES)
        or _end_by_keys(window, keys)
        or _end_by_brackets(window, keys, within=window.num_left)
    )


def _end_by_brackets(window: JsonWindow, keys: set[str], *, within: int) -> int | None:
    probe = JsonWindow(iter(()))
    probe.text = window.text[window.at : window.at + within]
    if not probe.text.startswith(("{", "[")) or not probe.skip():
        return None
    end = window.at + len(probe.text) - probe.num_left
    closes = _CLOSE.match(window.text, end)
    if closes is not None:
        follows = window.ended or closes.end() < len(window.text)
    else:
        following = _NEXT.match(window.text, end)
        follows = following is not None and _row_at(window.text, following.end()) is not None
    return end if follows and not _swallows_a_row(window.text, window.at, end, keys) else None


def _swallows_a_row(text: str, start: int, end: int, keys: set[str]) -> bool:
    """Whether an object in the element stands where none can: inside a text, as a key, or with the keys of a row."""
    opened: list[str] = []
    in_string = False
    at = start
    for boundary in _BOUNDARY.finditer(text, start, end):
        for mark in MARKS.finditer(text, at, boundary.start()):
            match mark.group():
                case '"':
                    in_string = not in_string
                case "{" | "[" as bracket if not in_string:
                    opened.append(bracket)
                case "}" | "]" if not in_string and opened:
                    opened.pop()
        at = boundary.start()
        row = _row_at(text, boundary.end())
        if row is not None and (in_string or opened[-1:] != ["["] or set(row) == keys):
            return True
    return False


def _end_by_keys(window: JsonWindow, keys: set[str]) -> int | None:
    """The comma before the first object that follows, if that has the keys of the row before."""
    boundary = _BOUNDARY.search(window.text, window.at)
    if boundary is None or not keys or set(_row_at(window.text, boundary.end()) or ()) != keys:
        return None
    return boundary.start()


def _row_at(text: str, at: int) -> dict[str, Any] | None:
    """The object that begins here, unless it is empty or broken."""
    try:
        value, _ = DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value else None
