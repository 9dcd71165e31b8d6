"""Child processes that never outlive the process that started them.

Knows groups, signals and death of parents; does not know what runs. A command runs in a process group of its own under
a small guard (``infra.guard``). However the starter ends (return, exception, Ctrl-C, SIGTERM, ``kill -9``), the guard
notices and stops the whole group, first by SIGTERM, after a grace by SIGKILL. Groups nest: each level guards its own.

Example::

    status = run_in_group(["dvc", "repro", "-s", "train"], on_line=logger.info)
    if status != 0:
        ...                                     # 128 + n means that signal n ended the command
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from infra import guard

GRACE_SECONDS = 10.0
"""Between asking a group to end and killing it."""
_PARENT_POLL_SECONDS = 1.0


def run_in_group(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    grace_seconds: float = GRACE_SECONDS,
    keep_open: Sequence[int] = (),
) -> int:
    """Run a command in a process group of its own and wait for it.

    Args:
        env: the whole environment of the command; this process's own when not given.
        on_line: receives each line of the command's output (both streams, no line end); without it the output goes
            where this process's goes.
        grace_seconds: how long a stopped group may take before it is killed.
        keep_open: file descriptors (locks) that stay open until the last process of the group has ended, also when
            this process is killed before.

    Returns:
        Exit status; 128 + n when signal n ended the command.

    Raises:
        FileNotFoundError: there is no such command.
    """
    if shutil.which(argv[0], path=(env or os.environ).get("PATH")) is None:
        raise FileNotFoundError(f"command {argv[0]!r} is not on PATH; is the project's environment active?")
    lifeline_reader, lifeline_writer = os.pipe()
    # -I and -S: nothing of the project or of site-packages is imported by the guard.
    command = [sys.executable, "-I", "-S", guard.__file__, str(lifeline_reader), str(grace_seconds), *argv]
    try:
        with sigterm_raises():
            process = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=None if on_line is None else subprocess.PIPE,
                stderr=None if on_line is None else subprocess.STDOUT,
                process_group=0,
                pass_fds=(lifeline_reader, *keep_open),
                encoding="utf-8",
                errors="replace",
            )
            try:
                return _follow(process, on_line)
            except BaseException:
                os.close(lifeline_writer)
                lifeline_writer = -1
                process.wait()
                raise
            finally:
                if process.stdout is not None:
                    process.stdout.close()
    finally:
        os.close(lifeline_reader)
        if lifeline_writer >= 0:
            os.close(lifeline_writer)


def _follow(process: "subprocess.Popen[str]", on_line: Callable[[str], None] | None) -> int:
    if on_line is not None:
        assert process.stdout is not None
        for line in process.stdout:
            on_line(line.rstrip("\n"))
    return process.wait()


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Turn SIGTERM into SystemExit meanwhile, so that ``finally`` runs; only the main thread may set this.

    In another thread SIGTERM ends the process as it always does, which closes the lifeline: the group stops too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    former = signal.getsignal(signal.SIGTERM)
    if former not in (signal.SIG_DFL, None):  # somebody (a Prefect engine) already turns it into something better
        yield
        return
    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def die_with_parent() -> None:
    """Have this process killed as soon as its parent is gone; for processes that others start, such as ranks.

    Linux does it by a kernel call; elsewhere a thread looks once a second.
    """
    parent = os.getppid()
    guard.ask_kernel_to_kill_with_parent()
    if sys.platform != "linux":
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
