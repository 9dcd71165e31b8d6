"""One connection per host: node commands run there, tethered to this process, until all end or one fails.

Each connection is a remote shell under a guard (``infra.guard``). Signs of life go both ways over it. When one host
fails, the others get a few seconds for words of their own, then their tethers are cut, so nobody waits for a time limit
of theirs. Knows shells and lines; does not know ranks.

Example::

    endings = run_on_hosts([HostCommand("node-a", argv_a), HostCommand("node-b", argv_b)], on_line=print)
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from infra import guard
from infra.launch.explaining import explain_connection
from infra.launch.node import ALIVE_LINE, BEAT_SECONDS, END_PREFIX, SILENCE_SECONDS, NodeEnding
from infra.processes import GRACE_SECONDS, sigterm_raises

_LAST_WORDS_SECONDS = 8.0
"""For the other hosts, once one has failed."""
_NUM_LINES = 25
_LOST_STATUS = 255


@dataclass(frozen=True, slots=True)
class HostCommand:
    """A command on a host, as this machine runs it."""

    host: str
    node_rank: int
    argv: list[str]


@dataclass(slots=True)
class _Connection:
    command: HostCommand
    process: "subprocess.Popen[str]"
    lifeline: int
    heard: float
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_NUM_LINES))
    ending: NodeEnding | None = None
    is_silent: bool = False
    was_stopped: bool = False
    is_over: bool = False
    """Whether all that it said has been read."""

    @classmethod
    def open(cls, command: HostCommand) -> "_Connection":
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(reader), "2", *command.argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
                pass_fds=(reader,),
                encoding="utf-8",
                errors="replace",
            )
        except BaseException:
            os.close(writer)
            raise
        finally:
            os.close(reader)
        return cls(command, process, writer, time.monotonic())

    def beat(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended, which its reader notices
            self.process.stdin.write("\n")
            self.process.stdin.flush()

    def cut(self) -> None:
        """End the tether: the node stops its ranks and reports."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def close(self) -> None:
        """End the connection itself, whatever is at its other end."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1


_Line = tuple[_Connection, str | None]
"""What a connection said; None: it ended."""


def run_on_hosts(commands: Sequence[HostCommand], *, on_line: Callable[[str], None]) -> list[NodeEnding]:
    """Run one command per host to the end of all; nothing of them is left when this returns or raises.

    Args:
        on_line: receives each line of the hosts but their signs of life and reports.
    """
    lines: queue.Queue[_Line] = queue.Queue()
    connections: list[_Connection] = []
    with sigterm_raises():
        try:
            for command in commands:
                connection = _Connection.open(command)
                connections.append(connection)
                threading.Thread(target=_read, args=(connection, lines), daemon=True).start()
            _follow(connections, lines, on_line)
        finally:
            _end_all(connections)
    return [_ending_of(connection) for connection in connections]


def _read(connection: _Connection, lines: "queue.Queue[_Line]") -> None:
    assert connection.process.stdout is not None
    for line in connection.process.stdout:
        lines.put((connection, line.rstrip("\r\n")))
    lines.put((connection, None))


def _follow(connections: Sequence[_Connection], lines: "queue.Queue[_Line]", on_line: Callable[[str], None]) -> None:
    open_ones = list(connections)
    deadline: float | None = None
    next_beat = 0.0
    while open_ones and (deadline is None or time.monotonic() < deadline):
        if time.monotonic() >= next_beat:
            next_beat = time.monotonic() + BEAT_SECONDS
            for connection in open_ones:
                connection.beat()
        with contextlib.suppress(queue.Empty):
            connection, line = lines.get(timeout=0.5)
            connection.heard = time.monotonic()
            if line is None:
                connection.process.wait()
                connection.is_over = True
                open_ones.remove(connection)
            elif line.startswith(END_PREFIX):
                connection.ending = NodeEnding.model_validate_json(line.removeprefix(END_PREFIX))
                connection.is_over = True
            elif line != ALIVE_LINE:
                connection.lines.append(line)
                on_line(line)
        for connection in open_ones:
            if time.monotonic() - connection.heard > SILENCE_SECONDS:
                connection.is_silent = True
                connection.close()
        if deadline is None and any(_has_failed(connection) for connection in connections):
            deadline = time.monotonic() + _LAST_WORDS_SECONDS


def _has_failed(connection: _Connection) -> bool:
    return connection.is_silent or (connection.is_over and _ending_of(connection).status != 0)


def _end_all(connections: Sequence[_Connection]) -> None:
    """Ask every node to stop its ranks, wait as long as their guards need, then end the connections."""
    for connection in connections:
        connection.was_stopped = not connection.is_over and not connection.is_silent
        connection.cut()
    deadline = time.monotonic() + GRACE_SECONDS + 5
    for connection in connections:
        with contextlib.suppress(subprocess.TimeoutExpired):
            connection.process.wait(timeout=0 if connection.is_silent else max(deadline - time.monotonic(), 0))
    for connection in connections:
        connection.close()
        connection.process.wait()


def _ending_of(connection: _Connection) -> NodeEnding:
    """The node's own report, else what its connection's end says."""
    command = connection.command
    if connection.ending is not None:
        return connection.ending.model_copy(update={"host": command.host})
    if connection.was_stopped:
        return NodeEnding(node_rank=command.node_rank, host=command.host, status=_LOST_STATUS, was_stopped=True)
    if connection.is_silent:
        words = [
            *connection.lines,
            f"no sign of life for {SILENCE_SECONDS:.0f} s: the host or the network to it is down",
        ]
        return NodeEnding(node_rank=command.node_rank, host=command.host, status=_LOST_STATUS, words=words)
    status = connection.process.returncode
    words = explain_connection(status, list(connection.lines), argv=command.argv)
    return NodeEnding(node_rank=command.node_rank, host=command.host, status=status or _LOST_STATUS, words=words)
