"""A sliding window over JSON text that is too long to hold: decodes one value at a time and counts lines.

Knows JSON's grammar and when more text is needed; which values are rows is ``s1.sources.json_arrays``.

Example::

    window = JsonWindow(iter([b'[{"a": 1}, {"a"', b": 2}]"]))
    window.peek(), window.line      # '[', 1
"""

import codecs
import json
import re
from dataclasses import dataclass
from typing import Any

from s1.sources.json_lines import DECODER
from s1.sources.raw import MAX_ROW_BYTES, Chunks, DamagedError

_SPACE = re.compile(r"[ \t\n\r]*")
MARKS = re.compile(r'\\.|\\$|["{}\[\]]', re.DOTALL)
"""What changes whether a place is inside a text, and how deep; an escape counts as one."""
_LONGEST_CUT = 12
"""An error this close to the end of the text may be due to the end: ``-Infinit``, ``\\ud83``."""


class BrokenValueError(Exception):
    """What stands at the window's place is no JSON value."""

    def __init__(self, detail: str, *, line: int, is_cut: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line
        """Where it breaks."""
        self.is_cut = is_cut
        """It may just be cut off by the end of the text that there is."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A value and the text that it was decoded from."""

    value: Any
    text: str


class JsonWindow:
    """Text from ``at`` on; what lies before is forgotten."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text = ""
        self.at = 0
        self.line = 1
        """Line of the place ``at``, counted from 1."""
        self.ended = False
        """There is no more text behind the window."""
        self.damage: DamagedError | None = None
        """Why the text ended, unless it was the end of the file."""

    @property
    def num_left(self) -> int:
        """Characters from the place on that are in the window."""
        return len(self.text) - self.at

    def grow(self) -> bool:
        """Read on, at least as much again as is there; False at the end of the text."""
        pieces = [self.text[self.at :]]
        wanted, size = 2 * self.num_left, self.num_left
        while not self.ended and size <= wanted:
            try:
                chunk = next(self._chunks, None)
            except DamagedError as damage:
                self.damage, chunk = damage, None
            self.ended = chunk is None
            pieces.append(self._decoder.decode(chunk or b"", final=self.ended))
            size += len(pieces[-1])
        grew = size > self.num_left
        self.text, self.at = "".join(pieces), 0
        return grew

    def fill(self, num_characters: int) -> None:
        """Read until so many characters are there, or the text ends."""
        while self.num_left < num_characters and not self.ended:
            self.grow()

    def move(self, to: int) -> None:
        """Go on to a place of ``text``."""
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def peek(self) -> str:
        """The next character that is no white space, where the window then stands; empty at the end."""
        while True:
            match = _SPACE.match(self.text, self.at)
            assert match is not None, "it matches nothing, too"
            self.move(match.end())
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.grow() and self.ended:
                return ""

    def take(self, character: str) -> bool:
        """Step over the next character if it is this one."""
        if self.peek() != character:
            return False
        self.move(self.at + 1)
        return True

    def decode(self) -> Decoded:
        """Decode the value that stands here and step over it.

        Raises:
            BrokenValueError: there is none; the window stays where it is.
        """
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                broken = self._explain(error)
                if broken.is_cut and self.num_left <= MAX_ROW_BYTES and self.grow():
                    continue
                raise broken from error
            if end == len(self.text) and self.grow():  # 12 may be the beginning of 123
                continue
            decoded = Decoded(value, self.text[self.at : end])
            self.move(end)
            return decoded

    def _explain(self, error: Exception) -> BrokenValueError:
        if not isinstance(error, json.JSONDecodeError):
            return BrokenValueError(str(error) or type(error).__name__, line=self.line, is_cut=False)
        is_cut = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - _LONGEST_CUT
        line = self.line + self.text.count("\n", self.at, error.pos)
        return BrokenValueError(error.msg, line=line, is_cut=is_cut)

    def skip(self) -> bool:
        """Step over an object or array by its quotes and brackets only, whatever lies between them; False: no end."""
        depth, in_string, start = 0, False, self.at
        while True:
            for mark in MARKS.finditer(self.text, start):
                found = mark.group()
                if found == "\\":  # the window's last character: what it escapes is still to come
                    break
                if found == '"':
                    in_string = not in_string
                elif not in_string and found[0] != "\\":
                    depth += 1 if found in "{[" else -1
                    if depth <= 0:
                        self.move(mark.end())
                        return True
            cut = len(self.text) - (1 if self.text.endswith("\\") and not self._ends_escaped() else 0)
            self.move(cut)
            if not self.grow():
                return False
            start = self.at

    def _ends_escaped(self) -> bool:
        """Whether the last backslash of the text is itself escaped."""
        stripped = self.text.rstrip("\\")
        return (len(self.text) - len(stripped)) % 2 == 0
