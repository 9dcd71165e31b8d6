"""The parent flow over a real DVC, Prefect server and MLflow store, on a chain of two toy stages."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.prefect_server import run_server
from tests.flows.toy import create_toy, environment, read_json, run_in, set_param


def query(database: Path, statement: str) -> list[Any]:
    with sqlite3.connect(database) as connection:
        return list(connection.execute(statement))


def trail(toy: Path) -> list[str]:
    """What the stages left since the last call: one line per piece of real work."""
    path = toy / "trail.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def processes_in(folder: Path) -> list[str]:
    """Command lines of processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def start_hanging(toy: Path) -> "subprocess.Popen[bytes]":
    """Start a chain whose first stage hangs in its second shard, and return when it does."""
    with (toy / "output.txt").open("wb") as output:
        chain = subprocess.Popen(
            [sys.executable, "-m", "flows.chain"],
            cwd=toy,
            env=environment(TOY="hang"),
            stdout=output,
            stderr=output,
            preexec_fn=_listen_to_interrupts,
        )
    assert wait_until(lambda: (toy / "hanging").exists() or chain.poll() is not None, seconds=400)
    assert chain.poll() is None, (toy / "output.txt").read_text()
    return chain


def _listen_to_interrupts() -> None:
    """A shell may have started this test with Ctrl-C ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


CHILDREN = (
    "select child.name, child.state_type, parent.name like 's1-%' from flow_run child join task_run link "
    "on child.parent_task_run_id = link.id join flow_run parent on link.flow_run_id = parent.id order by 1"
)
"""Child flow runs with their state, and whether a run of the chain is their parent."""


@pytest.mark.timeout(600)
def test_the_chain_runs_is_recorded_everywhere_and_rerun_only_where_stale(tmp_path: Path) -> None:
    toy = create_toy(tmp_path / "toy")
    done = run_in(toy, "-m", "flows.chain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 stages ran" in done.stdout
    assert trail(toy) == ["shard of 4", "shard of 4", "shard of 2", "curate"]

    prefect = toy / ".s1/prefect/prefect.db"
    assert query(prefect, CHILDREN) == [("collect", "COMPLETED", 1), ("curate", "COMPLETED", 1)]
    shards = query(prefect, "select name, state_type from task_run where name like 'double%' order by 1")
    assert shards == [("double 1/3", "COMPLETED"), ("double 2/3", "COMPLETED"), ("double 3/3", "COMPLETED")]
    assert ("double", 100.0) in [
        (text, float(data))
        for text, data in query(prefect, "select description, data from artifact where type = 'progress'")
    ]

    mlflow = toy / "mlruns/mlflow.db"
    reused = (
        "select runs.name, tags.value from runs join tags using (run_uuid) "
        "where tags.key = 'reused' order by start_time"
    )
    assert query(mlflow, reused) == [("collect", "false"), ("curate", "false")]
    assert query(mlflow, "select step, value from metrics where key = 'loss' order by step") == [
        (1, 1.0),
        (2, 0.5),
        (3, 1.0 / 3),
    ]
    assert query(mlflow, "select value from metrics where key = 'kept/num'") == [(6.0,)]
    assert query(mlflow, "select distinct status from runs") == [("FINISHED",)]
    assert query(mlflow, "select count(distinct value) from tags where key = 's1.invocation'") == [(1,)]

    set_param(toy, "curate", "min_characters", 12)
    done = run_in(toy, "-m", "flows.chain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 stages ran" in done.stdout
    assert trail(toy) == ["curate"]
    assert query(mlflow, reused)[2:] == [("collect", "true"), ("curate", "false")]
    assert query(prefect, "select count(*) from flow_run where name = 'collect'") == [(1,)]
    assert processes_in(toy) == []


@pytest.mark.timeout(300)
def test_dvc_alone_runs_the_same_stages_and_reruns_what_a_parameter_changed(tmp_path: Path) -> None:
    toy = create_toy(tmp_path / "toy")
    assert run_in(toy, "-m", "dvc", "repro").returncode == 0
    assert trail(toy) == ["shard of 4", "shard of 4", "shard of 2", "curate"]
    runs = query(
        toy / "mlruns/mlflow.db", "select count(*), count(distinct value) from tags where key = 's1.invocation'"
    )
    assert runs == [(2, 1)]
    assert not (toy / ".s1/prefect").exists()

    assert run_in(toy, "-m", "dvc", "repro").returncode == 0
    assert trail(toy) == []

    set_param(toy, "curate", "min_characters", 12)
    assert run_in(toy, "-m", "dvc", "repro").returncode == 0
    assert trail(toy) == ["curate"]

    set_param(toy, "collect", "max_bad_share", 0.5)  # collect reads it, but writes the same: curate's input is the same
    assert run_in(toy, "-m", "dvc", "repro").returncode == 0
    assert trail(toy) == ["shard of 4", "shard of 4", "shard of 2"]

    set_param(toy, "score", "num_resamples", 7)  # nobody here reads it
    assert run_in(toy, "-m", "dvc", "repro").returncode == 0
    assert trail(toy) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "told", "state"),
    [
        ("refuse", "toy 7 is too small; use 8 or more", "FAILED"),
        ("vanish", "Stage collect ended with exit code 9.", "CRASHED"),
    ],
)
def test_a_failing_stage_fails_the_chain_and_its_runs(tmp_path: Path, mode: str, told: str, state: str) -> None:
    toy = create_toy(tmp_path / "toy")
    done = run_in(toy, "-m", "flows.chain", TOY=mode)
    assert done.returncode == 1
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    runs = query(toy / ".s1/prefect/prefect.db", "select state_type from flow_run order by created")
    assert runs == [("FAILED",), (state,)]
    assert query(toy / "mlruns/mlflow.db", "select distinct status from runs") == [("FAILED",)]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_ended_chain_leaves_no_process_and_the_next_run_goes_on(tmp_path: Path, number: int, code: int) -> None:
    toy = create_toy(tmp_path / "toy")
    chain = start_hanging(toy)
    os.kill(chain.pid, number)
    assert chain.wait(timeout=60) == code
    assert wait_until(lambda: processes_in(toy) == [], seconds=20), processes_in(toy)
    trail(toy)
    done = run_in(toy, "-m", "flows.chain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert trail(toy) == ["shard of 4", "shard of 2", "curate"]  # the first shard was finished before
    assert read_json(toy / "ledger/collect.json")["num_tries"] == 2.0


@pytest.mark.slow
def test_a_second_chain_in_the_same_checkout_waits_for_the_first(tmp_path: Path) -> None:
    toy = create_toy(tmp_path / "toy")
    first = start_hanging(toy)
    second = subprocess.Popen(
        [sys.executable, "-m", "flows.chain"], cwd=toy, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert second.stdout is not None
    assert second.stdout.readline().startswith(f"Waiting for python -m flows.chain (process {first.pid} on ")
    first.terminate()
    first.wait(timeout=60)
    output, _ = second.communicate(timeout=300)
    assert second.returncode == 0, output
    assert trail(toy) == ["shard of 4", "shard of 4", "shard of 4", "shard of 2", "curate"]


@pytest.mark.slow
def test_a_chain_waits_for_another_dvc_in_the_same_checkout(tmp_path: Path) -> None:
    toy = create_toy(tmp_path / "toy")
    (toy / "mode").write_text("hang")
    first = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=toy, env=environment(TOY_HOME=str(toy)))
    assert wait_until(lambda: (toy / "hanging").exists(), seconds=120)
    second = subprocess.Popen(
        [sys.executable, "-m", "flows.chain"],
        cwd=toy,
        env=environment(TOY_HOME=str(toy)),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert second.stdout is not None
    for line in second.stdout:
        if line.startswith("Waiting for another `dvc`"):
            assert f"PID {first.pid}" in line
            break
    (toy / "mode").unlink()
    assert first.wait(timeout=120) == 0
    output, _ = second.communicate(timeout=300)
    assert second.returncode == 0, output
    assert "0 of 2 stages ran" in output
    assert trail(toy).count("curate") == 1


@pytest.mark.slow
def test_a_prefect_server_that_the_user_runs_gets_the_run_and_no_other_is_started(tmp_path: Path) -> None:
    toy = create_toy(tmp_path / "toy")
    with run_server(environment(PREFECT_HOME=str(tmp_path / "home"))) as server:
        server.wait_until_ready()
        done = run_in(toy, "-m", "flows.chain", PREFECT_API_URL=server.api_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert query(tmp_path / "home/prefect.db", CHILDREN) == [("collect", "COMPLETED", 1), ("curate", "COMPLETED", 1)]
    assert not (toy / ".s1/prefect").exists()
