"""Artifacts on disk: folders that appear whole or not at all, and readers that notice damage.

A stage's output is one folder with a ``manifest.json`` (bytes and records per file). It is built under a temporary
name and renamed, so a killed run leaves the old artifact or the new one. Knows files, not stages.

Example::

    with ArtifactWriter(Path("data/curate")) as artifact:
        artifact.write_jsonl("questions.jsonl", questions)
    questions = read_jsonl(Path("data/curate/questions.jsonl"), Question)
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

MANIFEST = "manifest.json"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers that say there is no room: on the disk, in a quota, for so large a file."""
_TEMPORARY_MARK = ".tmp-"
_RETIRED_MARK = ".old-"

RecordT = TypeVar("RecordT", bound=BaseModel)
KeyT = TypeVar("KeyT", bound=Hashable)


class ArtifactError(ValueError):
    """An artifact is missing, truncated or corrupt; the message names the file and line and what to do."""


def remake_hint(path: Path) -> str:
    """How to get a good copy of an artifact back."""
    return f"Remove {path.parent} and run `dvc repro` (or `make demo`): the stage that makes it runs again."


class ArtifactWriter:
    """Builds one artifact folder under a temporary name and puts it in place on success.

    Leaving the ``with`` block by an exception removes the temporary folder and keeps the former artifact.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._temporary = folder.with_name(f"{folder.name}{_TEMPORARY_MARK}{os.getpid()}")
        self._num_records: dict[str, int] = {}

    def __enter__(self) -> Self:
        recover_artifact(self.folder)
        self._temporary.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write_manifest()
            _put_in_place(self._temporary, self.folder)
        else:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def path(self, name: str) -> Path:
        """Where to write a file (or folder) of the artifact by other means than ``write_jsonl``."""
        path = self._temporary / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_jsonl(self, name: str, records: Iterable[BaseModel]) -> int:
        """Write records as JSON lines and return how many there were."""
        with self.stream_jsonl(name) as write:
            for record in records:
                write(record)
        return self._num_records[name]

    @contextmanager
    def stream_jsonl(self, name: str) -> Iterator[Callable[[BaseModel], None]]:
        """A function that writes one record to a file of JSON lines, for files that are written side by side."""
        with self.stream_lines(name) as write_line:
            yield lambda record: write_line(record.model_dump_json().encode())

    @contextmanager
    def stream_lines(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """The same for records that are lines already, without their line ends, as ``iterate_lines`` gives them."""
        self._num_records[name] = 0
        with self.path(name).open("wb") as file:

            def write(line: bytes) -> None:
                file.write(line + b"\n")
                self._num_records[name] += 1

            yield write

    def _write_manifest(self) -> None:
        entries: dict[str, dict[str, int]] = {}
        for path in sorted(self._temporary.rglob("*")):
            if path.is_file():
                sync(path)
                name = path.relative_to(self._temporary).as_posix()
                entries[name] = {"bytes": path.stat().st_size}
                if name in self._num_records:
                    entries[name]["records"] = self._num_records[name]
        manifest = self._temporary / MANIFEST
        manifest.write_text(json.dumps({"files": entries}, indent=1) + "\n", encoding="utf-8")
        sync(manifest)


def recover_artifact(folder: Path) -> None:
    """Clear what killed runs left beside an artifact; bring a retired copy back when there is no artifact."""
    for retired in sorted(folder.parent.glob(f"{folder.name}{_RETIRED_MARK}*")):
        if folder.exists():
            shutil.rmtree(retired)
        else:
            retired.rename(folder)
    for temporary in folder.parent.glob(f"{folder.name}{_TEMPORARY_MARK}*"):
        shutil.rmtree(temporary)


def _put_in_place(temporary: Path, folder: Path) -> None:
    """Swap the finished folder in; a kill between the two renames is mended by ``recover_artifact``."""
    retired = folder.with_name(f"{folder.name}{_RETIRED_MARK}{os.getpid()}")
    if folder.exists():
        folder.rename(retired)
    temporary.rename(folder)
    shutil.rmtree(retired, ignore_errors=True)
    sync(folder.parent)


def write_text_atomically(path: Path, text: str) -> None:
    """Write one small file under a temporary name, flush it and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}{_TEMPORARY_MARK}{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's list of names, on disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_file(path: Path) -> int | None:
    """Compare a file with its folder's manifest; return the number of records that it should hold, if stated.

    Raises:
        ArtifactError: the file is missing, or shorter or longer than when it was written.
    """
    if not path.is_file():
        raise ArtifactError(f"{path} is missing. Run `dvc repro` (or `make demo`) to make it.")
    manifest = path.parent / MANIFEST
    if not manifest.is_file():
        return None
    try:
        entry = json.loads(manifest.read_text(encoding="utf-8"))["files"].get(path.name)
    except (json.JSONDecodeError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{manifest} is corrupt ({error}). {remake_hint(manifest)}") from error
    if entry is None:
        return None
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise ArtifactError(f"{path} has {size} bytes where {entry['bytes']} were written. {remake_hint(path)}")
    records: int | None = entry.get("records")
    return records


def iterate_jsonl(path: Path, kind: type[RecordT]) -> Iterator[RecordT]:
    """Yield the records of a JSON-lines artifact.

    Raises:
        ArtifactError: the file is missing, truncated, or a line is not such a record (names file and line).
    """
    expected = check_file(path)
    number = 0
    with path.open(encoding="utf-8", errors="strict") as file:
        for number, line in enumerate(_lines(file, path), start=1):
            yield parse_line(line, kind, path=path, number=number)
    _check_number(path, number, expected)


def iterate_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a JSON-lines artifact as they are, without their line ends; ``parse_line`` reads one.

    Raises:
        ArtifactError: the file is missing or truncated.
    """
    expected = check_file(path)
    number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):  # noqa: B007 - how many there were is checked below
            yield line.rstrip(b"\r\n")
    _check_number(path, number, expected)


def parse_line(line: str | bytes, kind: type[RecordT], *, path: Path, number: int) -> RecordT:
    """The record of one line.

    Raises:
        ArtifactError: the line is not such a record (names file and line).
    """
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{where}: {first['msg']}" if where else first["msg"]
        raise ArtifactError(f"{path}, line {number} is not a {kind.__name__}: {what}. {remake_hint(path)}") from error


def _check_number(path: Path, number: int, expected: int | None) -> None:
    if expected is not None and number != expected:
        raise ArtifactError(f"{path} holds {number} records where {expected} were written. {remake_hint(path)}")


def _lines(file: Iterable[str], path: Path) -> Iterator[str]:
    number = 0
    try:
        for number, line in enumerate(file, start=1):  # noqa: B007 - the error below names the line after it
            yield line
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path}, line {number + 1} is not UTF-8: {error}. {remake_hint(path)}") from error


def read_jsonl(path: Path, kind: type[RecordT]) -> list[RecordT]:
    """Read a whole JSON-lines artifact, see ``iterate_jsonl``."""
    return list(iterate_jsonl(path, kind))


class JsonlIndex(Generic[RecordT, KeyT]):
    """Finds the records of a JSON-lines artifact by a key, one at a time: what does not fit into memory together."""

    def __init__(self, path: Path, kind: type[RecordT], *, key: Callable[[RecordT], KeyT]) -> None:
        """Read the file once, and remember where each record starts.

        Raises:
            ArtifactError: see ``iterate_jsonl``.
        """
        self._path = path
        self._kind = kind
        self._starts: dict[KeyT, int] = {}
        start = 0
        check_file(path)
        with path.open("rb") as lines:
            for record, line in zip(iterate_jsonl(path, kind), lines, strict=True):
                self._starts[key(record)] = start
                start += len(line)

    def get(self, key: KeyT) -> RecordT | None:
        """The record of a key, the last one where several have it; None where none has."""
        start = self._starts.get(key)
        if start is None:
            return None
        with self._path.open("rb") as file:
            file.seek(start)
            return self._kind.model_validate_json(file.readline())
