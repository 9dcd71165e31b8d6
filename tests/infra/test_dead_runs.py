"""Runs of processes that are gone do not show as running."""

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from infra.dead_runs import close_dead_runs
from infra.provenance import has_ended, name_process
from infra.settings import Settings
from infra.tracking import Tracking

PROJECT = Path(__file__).resolve().parents[2]


def name_of_a_dead_process() -> str:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = name_process(psutil.Process(process.pid))
        process.kill()
    return name


def test_a_process_has_ended_when_it_is_gone_or_another_has_its_number() -> None:
    own = name_process(psutil.Process())
    place, created = own.rsplit("-", 1)
    assert has_ended(name_of_a_dead_process())
    assert has_ended(f"{place}-{int(created) - 100}")
    assert not has_ended(own)


def test_a_zombie_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    name = name_process(psutil.Process(process.pid))
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert has_ended(name)
    process.wait()


@pytest.mark.parametrize("name", ["", "elsewhere-1-1", "no process", "a-b-c", "4711"])
def test_nothing_is_known_of_processes_elsewhere_and_of_other_names(name: str) -> None:
    assert not has_ended(name)


def test_runs_of_dead_processes_are_killed_and_all_others_left_alone(store: str) -> None:
    tracking = Tracking.connect(Settings())
    invocations = {
        "dead": name_of_a_dead_process(),
        "living": name_process(psutil.Process()),
        "elsewhere": "elsewhere-1-1",
    }
    runs = {
        name: tracking.start_run(name, tags={"s1.invocation": invocation}, parent_run_id=None)
        for name, invocation in invocations.items()
    }
    runs["ended"] = tracking.start_run("ended", tags={"s1.invocation": invocations["dead"]}, parent_run_id=None)
    tracking.end_run(runs["ended"], "FAILED")
    runs["theirs"] = tracking.start_run("theirs", tags={}, parent_run_id=None)
    assert close_dead_runs(Settings()) == 1
    client = MlflowClient(store)
    assert {name: client.get_run(run_id).info.status for name, run_id in runs.items()} == {
        "dead": "KILLED",
        "living": "RUNNING",
        "elsewhere": "RUNNING",
        "ended": "FAILED",
        "theirs": "RUNNING",
    }
    assert close_dead_runs(Settings()) == 0


def test_the_command_closes_them_too(empty_database: Path, tmp_path: Path) -> None:
    shutil.copyfile(empty_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracking = Tracking.connect(Settings(tracking_uri=uri))
    run_id = tracking.start_run("dead", tags={"s1.invocation": name_of_a_dead_process()}, parent_run_id=None)
    environment = {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(PROJECT), "PATH": ""}
    subprocess.run([sys.executable, "-m", "infra.dead_runs"], cwd=tmp_path, env=environment, check=True)
    assert MlflowClient(uri).get_run(run_id).info.status == "KILLED"
