"""Files that say who holds something, and for how long: as long as the holder's processes live.

Knows files and the operating system's file locks (``flock``); does not know what is held. A lock is free the moment its
holder is gone, however it ended, so a dead holder's lock needs no cleaning up. Handed to children (``keep_open`` of
``infra.processes``), it is held until the last of them has ended: nobody starts on a folder in which a killed run's
processes are still writing.

Example::

    with hold(Path(".s1/chain.lock"), describe_self("make demo"), on_wait=tell) as lock:
        run_in_group(["dvc", "repro"], keep_open=(lock,))
"""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

SECONDS_BETWEEN_TRIES = 0.5


class Owner(BaseModel):
    """Who holds a lock, as written into its file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    command: str
    """What the holder was started as, or the run's name."""
    pid: int
    host: str
    since: str
    """When it took the lock (ISO 8601, UTC)."""
    flow_run_id: str | None = None
    """The Prefect flow run that the holder is, where it is one."""

    def __str__(self) -> str:
        """``make demo (process 4711 on box, since 2025-01-31T12:00:00Z)``."""
        return f"{self.command} (process {self.pid} on {self.host}, since {self.since})"


def describe_self(command: str, *, flow_run_id: str | None = None) -> Owner:
    """Tell of this process as an owner."""
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Owner(command=command, pid=os.getpid(), host=socket.gethostname(), since=since, flow_run_id=flow_run_id)


@contextmanager
def hold(path: Path, owner: Owner, *, on_wait: Callable[[Owner | None], None] | None = None) -> Iterator[int]:
    """Hold a lock for the time of the block, waiting for a living holder first.

    Args:
        path: the lock's file, which stays; its folder is made.
        on_wait: told the present holder (None when it has not written its name yet) once before waiting, and again
            whenever another one takes over.

    Yields:
        The file descriptor, for children that are to hold the lock as well.
    """
    told: Owner | None = None
    is_first = True
    while (file := _take(path)) is None:
        holder = read_owner(path)
        if on_wait is not None and (is_first or holder != told):
            on_wait(holder)
        told, is_first = holder, False
        time.sleep(SECONDS_BETWEEN_TRIES)
    with file:
        file.truncate(0)
        file.write(owner.model_dump_json().encode())
        file.flush()
        try:
            yield file.fileno()
        finally:
            file.truncate(0)


def _take(path: Path) -> BinaryIO | None:
    """The locked file, or None while another process holds it or has just removed it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    if _try_lock(file) and _is_still_there(file, path):
        return file
    file.close()
    return None


def _is_still_there(file: BinaryIO, path: Path) -> bool:
    """Whether the name still means this file: a holder may have removed it with its whole folder."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def claim(folder: Path, flow_run_id: str, *, name: str = "a run") -> Iterator[None]:
    """Hold ``<folder>/<flow run id>.lock`` while this process executes the flow run: ``infra.services`` looks there.

    The file goes with a proper end; after any other (``kill -9``, SIGTERM, an error) it stays, unheld, and tells that
    the process died, in case nobody could tell Prefect.
    """
    path = folder / f"{flow_run_id}.lock"
    with hold(path, describe_self(name, flow_run_id=flow_run_id)):
        is_proper = False
        try:
            yield
            is_proper = True
        except SystemExit as end:
            is_proper = end.code in (None, 0)
            raise
        finally:
            if is_proper:
                with contextlib.suppress(OSError):
                    path.unlink()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        with path.open("r+b") as file:
            return not _try_lock(file)  # closing the file lets go of it again
    except FileNotFoundError:
        return False


def read_owner(path: Path) -> Owner | None:
    """What the lock's file says of its holder; None when nobody has written there."""
    try:
        return Owner.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
