"""A store is set up where the checkout keeps it, and one that cannot be used is refused with advice."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient

from infra.mlflow_store import main, prepare_store
from infra.recorder import Recorder
from infra.settings import Settings
from infra.tracking import Tracking, TrackingError, artifact_root
from tests.infra.finished import METRICS, create_finished


def test_artifacts_of_the_experiment_lie_in_the_checkout_by_their_files_address(store: str, tmp_path: Path) -> None:
    prepare_store(Settings())
    experiment = MlflowClient(store).get_experiment_by_name("s1")
    assert experiment is not None
    assert experiment.artifact_location == f"file://{tmp_path}/mlruns/artifacts"
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_preparing_again_changes_nothing(store: str) -> None:
    assert main([store]) == 0
    assert main([store]) == 0
    assert len(MlflowClient(store).search_experiments(filter_string="name = 's1'")) == 1


@pytest.mark.parametrize("place", [".s1/workspaces/run", ".dvc/tmp/exps/one"])
def test_a_workspace_without_a_server_writes_into_the_checkouts_store(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / place).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / place)
    run_id = Tracking.connect(Settings()).start_run("there", tags={}, parent_run_id=None)
    assert MlflowClient(store).get_run(run_id).info.run_name == "there"
    assert not (tmp_path / place / "mlruns").exists()


def test_a_store_of_another_mlflow_is_refused_with_advice(store: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlruns/mlflow.db") as connection:
        connection.execute("update alembic_version set version_num = '451aebb31d03'")
    with pytest.raises(TrackingError, match="Another version of MLflow wrote it.*mlflow db upgrade sqlite:///"):
        prepare_store(Settings(tracking_uri=store))


def test_a_file_that_is_no_database_is_refused_with_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlflow.db").write_text("no database, " * 200)
    assert main([f"sqlite:///{tmp_path}/mlflow.db"]) == 1
    told = capsys.readouterr().err
    assert "file is not a database" in told
    assert "move a damaged file away" in told
    assert "Traceback" not in told


def test_an_experiment_whose_artifacts_only_a_server_has_is_refused_with_the_way_round_it(store: str) -> None:
    MlflowClient(store).create_experiment("s1", artifact_location="mlflow-artifacts:/1")
    with pytest.raises(TrackingError, match="set MLFLOW_TRACKING_URI to that server"):
        Tracking.connect(Settings())


@pytest.mark.slow
def test_what_is_written_through_a_server_and_past_it_is_one_history(store: str, tmp_path: Path) -> None:
    create_finished(tmp_path)
    prepare_store(Settings())
    with serve(store, tmp_path) as url:
        for uri in (url, Settings().tracking_uri):
            recorder = Recorder(Settings(tracking_uri=uri), invocation="run")
            recorder.open_chain("s1-now", params={}, tags={})
            recorder.open_stage("train", params={})
            recorder.close_stage("train", "FINISHED", reused=False)
            assert recorder.close("FINISHED") is None
        for client in (MlflowClient(url), MlflowClient(store)):
            experiment = client.get_experiment_by_name("s1")
            assert experiment is not None
            runs = client.search_runs([experiment.experiment_id], "tags.`dvc.stage` = 'train'")
            assert [files_of(client, run.info.run_id) for run in runs] == [
                ["ledger/train.json", "metrics/train.json"]
            ] * 2
            assert len(client.search_model_versions("name = 's1'")) == 1
            page = f"{url}/get-artifact?path=metrics/train.json&run_uuid={runs[0].info.run_id}"
            assert json.loads(urllib.request.urlopen(page, timeout=30).read()) == METRICS["train"]
        logged = MlflowClient(url).get_model_version_by_alias("s1", "challenger").tags["s1.model_id"]
        tags = MlflowClient(store).get_logged_model(logged).tags
        assert json.loads(tags["mlflow.modelVersions"]) == [{"name": "s1", "version": 1}]


def files_of(client: MlflowClient, run_id: str) -> list[str]:
    folders = client.list_artifacts(run_id)
    return sorted(file.path for folder in folders for file in client.list_artifacts(run_id, folder.path))


@contextmanager
def serve(store: str, folder: Path) -> Iterator[str]:
    """An MLflow server over a store, as the keeper starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", store, "--default-artifact-root", artifact_root(folder / "mlruns")]
    with subprocess.Popen([*command, *places], start_new_session=True, cwd=folder) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 120
            while not _answers(f"{url}/health") and time.monotonic() < deadline:
                time.sleep(0.3)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False
