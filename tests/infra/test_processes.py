"""Commands in groups of their own, and nothing left of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.processes import run_in_group
from tests.alive import is_alive

PROJECT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], bool], *, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def read_pids(path: Path, *, num: int) -> list[int]:
    assert wait_for(lambda: path.exists() and len(path.read_text().split()) == num)
    return [int(pid) for pid in path.read_text().split()]


def test_status_and_lines_come_back() -> None:
    lines: list[str] = []
    assert run_in_group(["sh", "-c", "echo one; echo two >&2; exit 3"], on_line=lines.append) == 3
    assert sorted(lines) == ["one", "two"]


def test_a_command_ended_by_a_signal_gives_128_and_its_number() -> None:
    assert run_in_group(["sh", "-c", "kill -9 $$"]) == 137


def test_a_missing_command_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="'no-such-command' is not on PATH"):
        run_in_group(["no-such-command"])


def test_environment_and_folder_are_the_given_ones(tmp_path: Path) -> None:
    lines: list[str] = []
    env = {"PATH": os.environ["PATH"], "WORD": "there"}
    assert run_in_group(["sh", "-c", "echo $WORD; pwd"], env=env, cwd=tmp_path, on_line=lines.append) == 0
    assert lines == ["there", str(tmp_path)]


def test_what_a_command_leaves_in_the_background_is_stopped(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    assert run_in_group(["sh", "-c", f"sleep 100 & echo $! > {pids}"]) == 0
    assert not is_alive(read_pids(pids, num=1)[0])


def test_an_exception_while_lines_come_stops_the_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def fail(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="ready"):
        run_in_group(["sh", "-c", f"sleep 100 & echo $! > {pids}; echo ready; wait"], on_line=fail)
    assert not is_alive(read_pids(pids, num=1)[0])


def test_what_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(99)"
    )

    def fail(line: str) -> None:
        raise RuntimeError(line)

    started = time.monotonic()
    with pytest.raises(RuntimeError, match="ready"):
        run_in_group([sys.executable, "-c", script], on_line=fail, grace_seconds=0.3)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_starter_ends_nobody_is_left_at_any_level(tmp_path: Path, number: signal.Signals) -> None:
    pids = tmp_path / "pids"
    inner = f"from infra.processes import run_in_group as r; r(['sh', '-c', 'sleep 100 & echo $! $$ >> {pids}; wait'])"
    outer = f"import sys; from infra.processes import run_in_group as r; r([sys.executable, '-c', {inner!r}])"
    starter = subprocess.Popen([sys.executable, "-c", outer], cwd=PROJECT, stderr=subprocess.DEVNULL)
    found = read_pids(pids, num=2)
    assert all(is_alive(pid) for pid in found)
    starter.send_signal(number)
    starter.wait()
    assert wait_for(lambda: not any(is_alive(pid) for pid in found))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread looks, once a second")
def test_a_process_that_asked_for_it_dies_with_its_parent(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    child = (
        "import os, time; from infra.processes import die_with_parent; die_with_parent(); "
        f"open({str(pids)!r}, 'w').write(str(os.getpid())); time.sleep(100)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"],
        cwd=PROJECT,
    )
    (pid,) = read_pids(pids, num=1)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not is_alive(pid))
