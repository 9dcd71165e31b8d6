"""Collected questions as lines of JSON: to which part of the pool a line belongs, and what it says, unread.

Id and source are cut out of lines as ``s1.artifacts`` writes them, which is many times faster than reading all of
them; lines of any other layout are read. Part p of n has the questions whose id, as a number, leaves p when divided
by n: so all copies of a text are in one part.

Example::

    part_of(line, num_parts=2)      # 1
    source_of(line)                 # 'math'
"""

import json
import re

_HEAD = b'{"id":"'
_ID = re.compile(rb'\{"id":"([0-9a-f]{16})"')
_SOURCE = b',"source":"'
"""Cannot stand inside a JSON string, where its quotes would follow backslashes; the metadata come behind it."""


def id_of(line: bytes) -> str:
    """The id of a line's question; empty where the line has none."""
    match = _ID.match(line)
    return match[1].decode() if match is not None else _read(line, "id")


def source_of(line: bytes) -> str:
    """The source of a line's question; empty where the line has none."""
    start = line.find(_SOURCE) + len(_SOURCE)
    name = line[start : line.find(b'"', start)]
    if start < len(_SOURCE) or b"\\" in name or not line.startswith(_HEAD):
        return _read(line, "source")
    return name.decode(errors="replace")


def part_of(line: bytes, *, num_parts: int) -> int:
    """The part that a line belongs to; what is no question belongs to the first one."""
    if num_parts == 1:
        return 0
    try:
        return int(id_of(line) or "0", 16) % num_parts
    except ValueError:
        return 0


def _read(line: bytes, name: str) -> str:
    try:
        values = json.loads(line)
    except ValueError:
        return ""
    value = values.get(name) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""
