"""Files as streams of bytes: plain, gzip-compressed, or members of a zip; nothing is ever unpacked to disk.

Knows containers and their damage, not what the bytes mean. Memory is bounded by a chunk.

Example::

    for member in open_members(Path("mmlu.zip"), shown="mmlu.zip", patterns=()):
        member.shown, next(member.chunks)       # 'mmlu.zip/test/anatomy_test.csv', b'...'
"""

import gzip
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from s1.sources.raw import CHUNK_BYTES, BadRow, Chunks, DamagedError

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KNOWN_ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
_DAMAGED = "the compressed data is damaged here or above, so rows above may be wrong"
_SKIPPED = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._)")
"""What macOS adds to every archive."""


@dataclass(frozen=True, slots=True)
class Member:
    """One stream of rows."""

    shown: str
    """Its path; of a zip's member the zip's and its own."""
    name: str
    """What its format is told by: the path without the ending of its compression."""
    chunks: Chunks
    """Its bytes, uncompressed, without a byte order mark."""


def open_members(path: Path, *, shown: str, patterns: Sequence[str]) -> Iterator[Member | BadRow]:
    """The streams of one file: one, or those of a zip, each to be read before the next is asked for.

    Args:
        shown: what to call the file.
        patterns: which members of a zip are wanted; empty: all whose ending is known.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        if file.peek(4).startswith(_ZIP):
            yield from _open_zip(file, shown=shown, patterns=patterns)
        else:
            yield Member(shown, _without_compression(shown), _chunks(file))


def _without_compression(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _open_zip(file: BinaryIO, *, shown: str, patterns: Sequence[str]) -> Iterator[Member | BadRow]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        yield BadRow(shown, 1, "corrupt_zip", f"{error}: the zip is cut off or damaged; get it anew", rest=True)
        return
    num_told = 0
    for info in archive.infolist():
        unsafe = _why_unsafe(info)
        if unsafe is not None:
            num_told += 1
            yield BadRow(shown, 1, "unsafe_member", f"{info.filename[:120]!r} {unsafe}; it is not read", rest=True)
            continue
        name = f"{shown}/{info.filename}"
        if info.is_dir() or _SKIPPED.search(name):
            continue
        if patterns and not any(fnmatchcase(info.filename, pattern) for pattern in patterns):
            continue
        num_told += 1
        plain = _without_compression(name)
        if not patterns and not plain.endswith(_KNOWN_ENDINGS):
            known = ", ".join(_KNOWN_ENDINGS)
            yield BadRow(name, 1, "unknown_format", f"its ending is none of {known}; it is not read", rest=True)
            continue
        yield Member(name, plain, _member_chunks(archive, info))
    if not num_told:
        wanted = f"that matches {list(patterns)}" if patterns else "to read"
        yield BadRow(shown, 1, "no_rows", f"the zip has no member {wanted}")


def _why_unsafe(info: zipfile.ZipInfo) -> str | None:
    """Why a member is refused: what points out of the archive was made to, and encrypted ones cannot be read."""
    if "\0" in info.orig_filename or not info.filename:
        return "has no name that a file could have"
    parts = re.split(r"[/\\]", info.orig_filename)
    if ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", info.orig_filename):
        return "points out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 1:
        return "is encrypted"
    return None


def _member_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Chunks:
    try:
        with archive.open(info) as member:
            assert isinstance(member, zipfile.ZipExtFile), "it is what archives open for reading"
            yield from _chunks(member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error) as error:
        raise DamagedError("corrupt_zip", f"{_DAMAGED} ({error}); get the zip anew") from error


def _chunks(file: io.BufferedReader | zipfile.ZipExtFile) -> Chunks:
    """The bytes of an open file or member, uncompressed if gzip made it, without a byte order mark."""
    is_gzip = file.peek(2)[:2] == _GZIP
    chunks = _gunzip(file) if is_gzip else _read(file.read1)
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(_BYTE_ORDER_MARK):
            break
    if first.startswith(_UTF16):
        raise DamagedError("not_utf8", "the file is UTF-16; save it as UTF-8")
    first = first.removeprefix(_BYTE_ORDER_MARK)
    yield from chain([first] if first else [], chunks)


def _read(read: Callable[[int], bytes]) -> Chunks:
    """Chunk by chunk, each by one read of the layer below, so that nothing in front of a damaged place is lost."""
    while chunk := read(CHUNK_BYTES):
        yield chunk


def _gunzip(file: io.BufferedReader | zipfile.ZipExtFile) -> Chunks:
    try:
        yield from _read(gzip.GzipFile(fileobj=file).read1)
    except EOFError as error:
        raise DamagedError("truncated", "the compressed file is cut off here; get it anew") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DamagedError("corrupt_gzip", f"{_DAMAGED} ({error}); get the file anew") from error
