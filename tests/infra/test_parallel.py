"""Jobs side by side, each in its own process."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from infra.parallel import JobError, JobProgress, run_parallel
from tests.alive import is_alive


def count_to(progress: JobProgress, *, total: int, file: Path) -> None:
    for done in range(1, total + 1):
        progress(done, total, f"at {done}")
    file.write_text(str(os.getpid()))


def fail(progress: JobProgress) -> None:
    raise ValueError("no such thing")


def die(progress: JobProgress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_long(progress: JobProgress, *, file: Path) -> None:
    file.write_text(str(os.getpid()))
    progress(0, 1, "ready")
    time.sleep(600)


def test_jobs_run_in_other_processes_and_their_progress_arrives_in_order(tmp_path: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    jobs = {name: partial(count_to, total=total, file=tmp_path / name) for name, total in (("a", 2), ("b", 1))}
    run_parallel(jobs, on_progress=lambda *news: told.append(news))
    assert sorted(told) == [("a", 1, 2, "at 1"), ("a", 2, 2, "at 2"), ("b", 1, 1, "at 1")]
    assert len({os.getpid(), int((tmp_path / "a").read_text()), int((tmp_path / "b").read_text())}) == 3


def test_a_failing_job_is_named_and_the_others_are_stopped(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(JobError, match=r"'bad' failed(?s:.*)no such thing"):
        run_parallel({"long": partial(wait_long, file=tmp_path / "pid"), "bad": fail}, on_progress=lambda *news: None)
    assert time.monotonic() - started < 60
    if (tmp_path / "pid").exists():
        assert not is_alive(int((tmp_path / "pid").read_text()))


def test_a_killed_job_is_reported_with_its_signal() -> None:
    with pytest.raises(JobError, match=r"'gone' ended early \(killed by signal 9\)"):
        run_parallel({"gone": die}, on_progress=lambda *news: None)


def test_leaving_early_stops_the_jobs(tmp_path: Path) -> None:
    def interrupt(*news: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_parallel({"long": partial(wait_long, file=tmp_path / "pid")}, on_progress=interrupt)
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_jobs_die_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from functools import partial; from pathlib import Path; from infra.parallel import run_parallel; "
        "from tests.infra.test_parallel import wait_long; "
        f"run_parallel({{'long': partial(wait_long, file=Path({str(tmp_path / 'pid')!r}))}}, on_progress=print)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    assert starter.stdout.read(4) == b"long"
    starter.kill()
    starter.wait()
    starter.stdout.close()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)
