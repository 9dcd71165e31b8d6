"""Runs one command in a process group of its own and leaves no process of it behind.

Started by ``infra.processes`` as a plain script of the standard library, so that it starts in a few milliseconds. It
holds one end of a pipe, the lifeline, whose other end only its starter holds: when the starter dies, even by
``kill -9``, the pipe closes and the guard stops the group, on Linux also what left the group for one of its own. Knows
nothing of what it runs.

Example::

    python -I -S infra/guard.py 5 30 sleep 60         # file descriptor 5 is the lifeline, 30 seconds of grace
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.05
_INSIST_SECONDS = 5.0


def ask_kernel_to_kill_with_parent() -> None:
    """Have this process killed when the thread that started it ends (Linux; elsewhere nothing happens)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Have descendants whose parents end come to this process, which can then stop and reap them (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main(lifeline: int, grace_seconds: float, argv: list[str]) -> int:
    """Run the command until it ends or is told to stop; return its exit status, 128 + n when signal n ended it."""
    adopt_orphans()  # of the group: a container's first process often does not reap them
    wakeup_reader, wakeup_writer = os.pipe()
    os.set_blocking(wakeup_writer, False)
    signal.set_wakeup_fd(wakeup_writer, warn_on_full_buffer=False)
    for number in (*_STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    # The guard has one thread, so running Python between fork and exec is safe here; in the starter it might not be.
    child = subprocess.Popen(argv, process_group=0, preexec_fn=ask_kernel_to_kill_with_parent)
    while child.poll() is None:
        ready, _, _ = select.select([lifeline, wakeup_reader], [], [])
        signals = os.read(wakeup_reader, 64) if wakeup_reader in ready else b""
        _reap_adopted(child.pid)
        if lifeline in ready or any(number in _STOP_SIGNALS for number in signals):
            break
    _stop_group(child, grace_seconds)
    _stop_adopted(grace_seconds)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _stop_group(child: "subprocess.Popen[bytes]", grace_seconds: float) -> None:
    """Ask every process of the group to end, then kill what is left; also after the command itself has ended."""
    deadline = time.monotonic() + grace_seconds
    asked = _signal_group(child.pid, signal.SIGTERM)
    while asked and time.monotonic() < deadline:
        if child.poll() is not None:
            _reap_orphans(child.pid)
        if not _signal_group(child.pid, 0):
            break
        time.sleep(_POLL_SECONDS)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _reap_adopted(own_child: int) -> None:
    """Reap adopted orphans while the command still runs, without taking its own status away."""
    if sys.platform != "linux":  # elsewhere nothing is adopted
        return
    try:
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == own_child:
                return
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        pass


def _stop_adopted(grace_seconds: float) -> None:
    """End what the command left behind in groups and sessions of its own, and what that leaves behind in turn."""
    deadline = time.monotonic() + grace_seconds
    asked: set[int] = set()
    while (left := _children()) and time.monotonic() < deadline + _INSIST_SECONDS:
        for pid in left:
            is_late = time.monotonic() >= deadline
            if is_late or pid not in asked:
                asked.add(pid)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        time.sleep(_POLL_SECONDS)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123 (pathlib is slow)
            return [int(word) for word in file.read().split()]
    except OSError:  # not Linux: nothing is adopted there
        return []


def _reap_orphans(group: int) -> None:
    try:
        while os.waitpid(-group, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a group; False when nobody is left in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM when only zombies are left
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
