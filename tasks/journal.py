"""Finished items of a stage, kept one by one: whatever kills the stage, what was done stays done.

Each item is one line (its key, a tab, its records, all JSON), written at once and flushed to disk at most a second
later. The next run reads the lines back; a line that a kill or a power cut damaged is left out, the others count.
Records stay in the file and are read when asked for, so a journal may be larger than memory. Knows keys and
records, not what they mean; the folder of a stage's unfinished work (``StageContext.open_work``) keeps journals of
other inputs apart.

Example::

    with Journal(folder / "generate-tuned.journal", kind=Decoded) as journal:
        if "q1/0" not in journal:
            journal.add("q1/0", [decoded])
        journal.records("q1/0")
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

logger = logging.getLogger(__name__)

_SYNC_SECONDS = 1.0

RecordT = TypeVar("RecordT", bound=BaseModel)


class Journal(Generic[RecordT]):
    """Records by key, in a file that only grows; of a key that was added again the last records count."""

    def __init__(self, path: Path, *, kind: type[RecordT]) -> None:
        """Open a journal, or begin one; a last line without its end is cut off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._records = TypeAdapter(list[kind])  # type: ignore[valid-type]
        self._file = path.open("a+b")
        self._places: dict[str, tuple[int, int]] = {}
        """Key -> first byte and length of its line."""
        self._last_sync = time.monotonic()
        try:
            self._end = self._index()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, key: str, records: Sequence[RecordT]) -> None:
        """Keep an item's records."""
        content = f"{json.dumps(key)}\t[{','.join(record.model_dump_json() for record in records)}]\n".encode()
        self._file.write(content)
        self._file.flush()  # from here on a killed process loses nothing; a power cut may, until the next sync
        self._places[key] = (self._end, len(content))
        self._end += len(content)
        if time.monotonic() - self._last_sync >= _SYNC_SECONDS:
            self.sync()

    def __iter__(self) -> Iterator[str]:
        """All keys, in the order in which they came."""
        return iter(list(self._places))

    def records(self, key: str) -> list[RecordT]:
        """The records of a key.

        Raises:
            KeyError: it is not there.
            ValueError: its line holds something else (names the file).
        """
        start, length = self._places[key]
        self._file.seek(start)
        try:
            return self._records.validate_json(self._file.read(length).partition(b"\t")[2])
        except ValidationError as error:
            raise ValueError(
                f"{self._path}: the line of {key!r} holds other records than this program writes. Remove the file and "
                "run again: what it holds is then done anew"
            ) from error

    def sync(self) -> None:
        """Have everything on disk before going on."""
        os.fsync(self._file.fileno())
        self._last_sync = time.monotonic()

    def close(self) -> None:
        """Have everything on disk and close the file; harmless when closed."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def _index(self) -> int:
        """Note where each key's line is; cut off a last line without its end, and return the file's length."""
        self._file.seek(0)
        end = num_damaged = 0
        for line in self._file:
            key = _key_of(line)
            num_damaged += key is None
            if not line.endswith(b"\n"):
                self._file.truncate(end)  # else the next line would be glued to it
                break
            if key is not None:
                self._places[key] = (end, len(line))
            end += len(line)
        if num_damaged:
            logger.warning("%s: %d lines are damaged; what they held is done again", self._path, num_damaged)
        return end


def _key_of(line: bytes) -> str | None:
    """The key of a whole line; None for any other."""
    head, _, tail = line.partition(b"\t")
    try:
        key, records = json.loads(head), json.loads(tail)
    except ValueError:
        return None
    return key if line.endswith(b"\n") and isinstance(key, str) and isinstance(records, list) else None
