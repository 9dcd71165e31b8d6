"""Every response that was paid for, kept for good: an append-only archive outside DVC's outputs.

Knows one folder of JSON-lines files and what a request is made of; does not know DVC, nor where the folder lies. A
record counts once it is on disk (written, flushed, synced). Each process appends to a file of its own and reads all
of them, so runs go side by side, and the archives of two machines merge by copying one's files into the other's folder.
A line that a kill, a full disk or a power cut left half written is skipped and counted.

Example::

    archive = Archive(Path(".s1/archive"))
    teacher = ArchivedTeacher(gemini, archive)
    teacher.answer(text, question_id=id)        # asks
    teacher.answer(text, question_id=id)        # reads
"""

import fcntl
import hashlib
import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from s1.artifacts import sync
from s1.records import Trace, TraceState, Usage
from s1.teacher.protocol import Teacher

NEVER_RECEIVED: frozenset[TraceState] = frozenset({"given_up"})
"""States of requests that no response was received for: nothing was paid, so the next run asks again."""


class Request(BaseModel):
    """Everything that decides what is asked: equal requests share one answer, others never do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teacher: dict[str, JsonValue]
    """``Teacher.identity``: model, prompt template, generation parameters."""
    prompt: str
    """The question's text."""
    sample: int = 0
    """Which of several independent answers to the same question."""

    @property
    def key(self) -> str:
        """SHA-256 of the request as canonical JSON."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class Response(BaseModel):
    """One line of the archive. A later version may add fields; an earlier one reads past them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    """``request.key``, checked when the line is read."""
    request: Request
    received_at: str
    """ISO 8601, UTC."""
    state: TraceState
    thinking: str
    answer: str
    usage: Usage
    raw: JsonValue = None
    """The response as the server sent it, where the teacher hands it on."""

    def as_trace(self, *, question_id: str, teacher: str) -> Trace:
        """The response as the trace of a question."""
        return Trace(
            question_id=question_id,
            teacher=teacher,
            state=self.state,
            thinking=self.thinking,
            answer=self.answer,
            usage=self.usage,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a response lies, in bytes; responses may be long, so only their places are held in memory."""

    file: Path
    start: int
    length: int


class Archive:
    """The archive in one folder. Reading never writes; the folder is made by the first response that is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, _Place] = {}
        self._read_until: dict[Path, int] = {}
        self._broken_lines: dict[Path, int] = {}
        self._broken_ends: set[Path] = set()
        self._own: int | None = None
        self._own_ends_in_line = True
        self._claims: int | None = None

    def find(self, request: Request) -> Response | None:
        """The response to a request, from whichever process kept it; None when nobody has."""
        key = request.key
        if key not in self._places:
            self._read_news()
        place = self._places.get(key)
        if place is None:
            return None
        with place.file.open("rb") as file:
            file.seek(place.start)
            return _parse(file.read(place.length))

    def append(self, response: Response) -> None:
        """Keep a response; when this returns it survives a kill and a power cut.

        Raises:
            OSError: it could not be written (a full disk); the response is not kept.
        """
        line = response.model_dump_json().encode() + b"\n"
        descriptor = self._open_own()
        data = line if self._own_ends_in_line else b"\n" + line
        self._own_ends_in_line = False
        while data:
            data = data[os.write(descriptor, data) :]
        self._own_ends_in_line = True
        os.fsync(descriptor)

    @contextmanager
    def claim(self, request: Request) -> Iterator[None]:
        """Be the only process that asks this for the time of the block; others wait, and then find the answer.

        A lock on one byte of a file, at a place that the key decides: a dead process's claim ends with it, and two
        requests that share a place only wait for each other. Threads of one process do not wait for each other.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._claims is None:  # stays open: closing any descriptor of the file would let go of every claim
            self._claims = os.open(self.folder / "claims", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        place = int(request.key[:15], 16)
        fcntl.lockf(self._claims, fcntl.LOCK_EX, 1, place)
        try:
            yield
        finally:
            fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, place)

    def count(self) -> int:
        """Requests that have a response."""
        self._read_news()
        return len(self._places)

    def count_damaged(self) -> int:
        """Lines that cannot be used: cut short by a kill or a full disk, or changed since."""
        self._read_news()
        return sum(self._broken_lines.values()) + len(self._broken_ends)

    def _open_own(self) -> int:
        if self._own is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{socket.gethostname()}-{uuid.uuid4().hex[:12]}.jsonl"
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._own = os.open(self.folder / name, flags, 0o644)
            sync(self.folder)
        return self._own

    def _read_news(self) -> None:
        for file in sorted(self.folder.glob("*.jsonl")):
            start = self._read_until.get(file, 0)
            if file.stat().st_size > start:
                self._read_file(file, start)

    def _read_file(self, path: Path, start: int) -> None:
        self._broken_ends.discard(path)
        with path.open("rb") as file:
            file.seek(start)
            for line in file:
                whole = line.endswith(b"\n")
                response = _parse(line)
                if response is not None:
                    self._places.setdefault(response.key, _Place(path, start, len(line)))
                elif line.strip() and whole:
                    self._broken_lines[path] = self._broken_lines.get(path, 0) + 1
                elif not whole:
                    self._broken_ends.add(path)
                if whole:  # an end without a line end may still be growing: it is read again with what follows
                    start += len(line)
        self._read_until[path] = start


class ArchivedTeacher:
    """A paid teacher that is asked only for what the archive does not hold."""

    is_paid = True

    def __init__(self, teacher: Teacher, archive: Archive) -> None:
        self._teacher = teacher
        self._archive = archive
        self.num_asked = 0
        """Requests that went to the teacher."""
        self.num_found = 0
        """Requests that the archive answered."""

    @property
    def name(self) -> str:
        """The teacher's own."""
        return self._teacher.name

    @property
    def identity(self) -> Mapping[str, JsonValue]:
        """The teacher's own."""
        return self._teacher.identity

    def answer(self, text: str, *, question_id: str) -> Trace:
        """The archived response to this text, or the teacher's, archived before it is returned.

        Raises:
            OSError: the response could not be archived; asking on would pay for what cannot be kept.
        """
        request = Request(teacher=dict(self.identity), prompt=text)
        found = self._archive.find(request)
        if found is None:
            with self._archive.claim(request):
                found = self._archive.find(request)  # another process may have asked while this one waited
                if found is None:
                    return self._ask(request, question_id=question_id)
        self.num_found += 1
        return found.as_trace(question_id=question_id, teacher=self.name)

    def _ask(self, request: Request, *, question_id: str) -> Trace:
        self.num_asked += 1
        trace = self._teacher.answer(request.prompt, question_id=question_id)
        if trace.state not in NEVER_RECEIVED:
            self._archive.append(
                Response(
                    key=request.key,
                    request=request,
                    received_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    state=trace.state,
                    thinking=trace.thinking,
                    answer=trace.answer,
                    usage=trace.usage,
                )
            )
        return trace


def _parse(line: bytes) -> Response | None:
    try:
        response = Response.model_validate_json(line)
    except ValidationError:
        return None
    return response if response.key == response.request.key else None
