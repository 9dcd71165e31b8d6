"""Processes that each work on a part of something and are talked to while they do; they never outlive this one.

Members are started afresh ("spawn"), as in ``infra.parallel``, which is for jobs that only tell how far they are. A
member that waits for its messages to be taken stands still, so little is ever under way. What a member runs and what
it sends must be picklable.

Example::

    with start_team([partial(work, part=part) for part in range(2)]) as members:
        parts = [member.receive() for member in members]
        for member in members: member.send(sum(parts))
"""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from infra.failures import StageFailedError
from infra.processes import die_with_parent

_GRACE_SECONDS = 5.0


class Channel(Protocol):
    """The other side; messages are what both sides have agreed on."""

    def send(self, message: Any, /) -> None:
        """Give it a message; waits while its mailbox is full."""
        ...

    def receive(self) -> Any:
        """Wait for its next message."""
        ...


Work = Callable[[Channel], None]
"""What a member runs: a function of a module, or ``functools.partial`` of one."""


class TeamError(StageFailedError):
    """A member was killed, or failed by a fault of the program; the message says which and how."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: ValueError | None
    """One that tells the user what to do; raised here as it is."""
    traceback: str


@dataclass(frozen=True, slots=True)
class _Member:
    """Our side of a member's channel."""

    name: str
    process: BaseProcess
    connection: Connection

    def send(self, message: Any, /) -> None:
        try:
            self.connection.send(message)
        except OSError:
            self.receive()  # raises why it is gone
            raise

    def receive(self) -> Any:
        try:
            message = self.connection.recv()
        except (EOFError, OSError) as error:
            self.process.join()
            code = self.process.exitcode
            how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise TeamError(
                f"{self.name} ended early ({how}). Signal 9 often means that memory ran out: close other programs, or "
                f"set S1_PROCESSES=1, and run again."
            ) from error
        if isinstance(message, _Failure):
            raise message.error or TeamError(f"{self.name} failed:\n{message.traceback}")
        return message


@dataclass(frozen=True, slots=True)
class _Starter:
    """A member's side of its channel."""

    connection: Connection

    def send(self, message: Any, /) -> None:
        self.connection.send(message)

    def receive(self) -> Any:
        return self.connection.recv()


@contextmanager
def start_team(works: Sequence[Work], *, name: str = "process") -> Iterator[list[Channel]]:
    """Start a process for each work; leaving the block for any reason stops those that still run.

    Raises:
        TeamError: from ``receive`` and ``send``: a member was killed or failed; a ValueError of its is raised as it is.
    """
    members: list[_Member] = []
    try:
        for number, work in enumerate(works, start=1):
            members.append(_start(f"{name} {number} of {len(works)}", work))
        yield list(members)
    finally:
        for member in members:
            member.connection.close()
            member.process.terminate()
        for member in members:
            member.process.join(_GRACE_SECONDS)
            member.process.kill()
            member.process.join()


def _start(name: str, work: Work) -> _Member:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(work, there), name=name, daemon=True)
    process.start()
    # With only the member's own copy left, its end, however it comes, reads as the end of the channel.
    there.close()
    return _Member(name, process, here)


def _run(work: Work, connection: Connection) -> None:
    """Entry of a member's process."""
    die_with_parent()
    # Ctrl-C reaches the whole foreground group; the starter alone decides what then happens to its members.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work(_Starter(connection))
    except ValueError as error:
        connection.send(_Failure(error, traceback.format_exc()))
    except Exception:
        connection.send(_Failure(None, traceback.format_exc()))
