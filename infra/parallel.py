"""Runs a few long jobs side by side, each in a process of its own that never outlives this one.

Jobs are started afresh ("spawn"), so no thread or lock of this process leaks into them. Knows processes and progress;
does not know what a job does. A job must be picklable: a function of a module, or ``functools.partial`` of one.

Example::

    run_parallel({"small": partial(build, seed=0), "large": partial(build, seed=1)}, on_progress=show)
"""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from infra.failures import StageFailedError
from infra.processes import die_with_parent

_GRACE_SECONDS = 5.0

JobProgress = Callable[[int, int, str], None]
"""Called by a job: done, total, note."""

NamedProgress = Callable[[str, int, int, str], None]
"""Told how far which job is: name, done, total, note."""


class Job(Protocol):
    """What runs in a process of its own."""

    def __call__(self, progress: JobProgress) -> None:
        """Work, and tell how far it is."""
        ...


class JobError(StageFailedError):
    """A job failed; the message holds its name and its own error."""


@dataclass(frozen=True, slots=True)
class _Report:
    done: int
    total: int
    note: str


@dataclass(frozen=True, slots=True)
class _Failure:
    traceback: str


@dataclass(frozen=True, slots=True)
class _Running:
    name: str
    process: BaseProcess


def run_parallel(jobs: Mapping[str, Job], *, on_progress: NamedProgress) -> None:
    """Run all jobs at once and wait for them; leaving early for any reason stops those that still run.

    Raises:
        JobError: a job raised or was killed; the others are stopped.
    """
    running: dict[Connection, _Running] = {}
    try:
        for name, job in jobs.items():
            reader, process = _start(name, job)
            running[reader] = _Running(name, process)
        while running:
            ready = wait(list(running))
            for reader in [reader for reader in running if reader in ready]:
                if not _receive(reader, running[reader], on_progress):
                    del running[reader]
    finally:
        for left in running.values():
            left.process.terminate()
        for left in running.values():
            left.process.join(_GRACE_SECONDS)
            left.process.kill()
            left.process.join()


def _start(name: str, job: Job) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, writer), name=name, daemon=True)
    process.start()
    # With only the job's own copy left, its end, however it comes, reads as the end of the pipe.
    writer.close()
    return reader, process


def _receive(reader: Connection, running: _Running, on_progress: NamedProgress) -> bool:
    """Take one message of a job; False when the job has ended well."""
    try:
        message = reader.recv()
    except EOFError as error:
        running.process.join()
        code = running.process.exitcode
        if code != 0:
            killed = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            raise JobError(
                f"the process for {running.name!r} ended early ({killed}). Signal 9 often means that memory ran out; "
                f"run again: finished work is kept."
            ) from error
        return False
    if isinstance(message, _Failure):
        raise JobError(f"{running.name!r} failed:\n{message.traceback}")
    assert isinstance(message, _Report)
    on_progress(running.name, message.done, message.total, message.note)
    return True


def _work(job: Job, writer: Connection) -> None:
    """Entry of a job's process."""
    die_with_parent()
    # Ctrl-C reaches the whole foreground group; the starter alone decides what then happens to its jobs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job(lambda done, total, note: writer.send(_Report(done, total, note)))
    except Exception:
        writer.send(_Failure(traceback.format_exc()))
