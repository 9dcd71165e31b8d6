"""What a recorder writes, and that a broken MLflow breaks nothing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from infra.figures import CurvePoint
from infra.recorder import Recorder
from infra.settings import Settings
from infra.spool import Spool, StepFigures
from infra.tracking import RunStatus, Tracking

PROJECT = Path(__file__).resolve().parents[2]


class MemoryTracking(Tracking):
    """Keeps what would go to MLflow."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.metrics: dict[str, dict[str, float]] = {}
        self.tags: dict[str, dict[str, str]] = {}

    def start_run(self, name: str, *, tags: Mapping[str, str], parent_run_id: str | None) -> str:
        self.events.append(("start", name, parent_run_id))
        self.tags[name] = dict(tags)
        return name

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        self.events.append(("params", run_id, dict(params)))

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        self.metrics.setdefault(run_id, {}).update(metrics)

    def log_curve(self, run_id: str, points: Sequence[CurvePoint]) -> None:
        self.events.append(("curve", run_id, list(points)))

    def log_steps(self, run_id: str, steps: Sequence[StepFigures]) -> None:
        self.events.extend(("step", run_id, item.step) for item in steps)

    def log_files(self, run_id: str, paths: Sequence[Path]) -> None:
        self.events.append(("files", run_id, [str(path) for path in paths]))

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.tags[run_id].update(tags)

    def end_run(self, run_id: str, status: RunStatus) -> None:
        self.events.append(("end", run_id, status))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the results of ``train`` and ``score``."""
    for name in ("metrics", "ledger"):
        (tmp_path / name).mkdir()
    score = {"nano-test": {"tuned": {"max-16": {"budget": 16, "accuracy": 0.2}}}}
    for stage, metrics in (("train", {"loss": {"last": 0.5}}), ("score", score)):
        (tmp_path / f"metrics/{stage}.json").write_text(json.dumps(metrics))
        ledger = {"cpu_seconds": 3600.0, "gpu_seconds": 0.0, "wall_seconds": 1800.0}
        (tmp_path / f"ledger/{stage}.json").write_text(json.dumps(ledger))
    prices = "{usd: 0.5, date: 2026-01-01, source: here}"
    (tmp_path / "prices.yaml").write_text(f"cpu_core_hour: {prices}\ngpu_hour: {prices}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_chain_nests_its_stages_and_sums_what_was_spent(project: Path) -> None:
    tracking = MemoryTracking()
    recorder = Recorder(Settings(), invocation="run", connect=lambda _: tracking)
    recorder.open_chain("s1-now", params={"seed": "0"}, tags={"prefect.flow_run_id": "f"})
    recorder.open_stage("train", params={})
    Spool("run", "train").add_step(1, {"loss": 3.0})
    recorder.close_stage("train", "FINISHED", reused=False)
    recorder.open_stage("score", params={})
    recorder.close_stage("score", "FINISHED", reused=True)
    assert recorder.close("FINISHED") is None
    starts = [event[1:] for event in tracking.events if event[0] == "start"]
    assert starts == [("s1-now", None), ("train", "s1-now"), ("score", "s1-now")]
    assert ("step", "train", 1) in tracking.events
    assert tracking.metrics["train"] == {
        "loss/last": 0.5,
        "cost/cpu_seconds": 3600.0,
        "cost/gpu_seconds": 0.0,
        "cost/wall_seconds": 1800.0,
        "cost/cpu_hours": 1.0,
        "cost/gpu_hours": 0.0,
        "cost/usd": 0.5,
    }
    assert tracking.tags["train"]["reused"] == "false"
    assert tracking.tags["score"]["reused"] == "true"
    curve = [CurvePoint("score/nano-test/tuned/accuracy_by_budget", 16, 0.2)]
    assert ("curve", "score", curve) in tracking.events
    assert ("curve", "s1-now", curve) in tracking.events
    assert tracking.metrics["s1-now"]["cost/usd"] == 0.5
    assert tracking.metrics["s1-now"]["cost/usd_with_reused_stages"] == 1.0
    assert tracking.events[-1] == ("end", "s1-now", "FINISHED")
    assert list((project / ".s1/runs").iterdir()) == []


def test_a_failed_stage_is_ended_as_failed_without_figures(project: Path) -> None:
    tracking = MemoryTracking()
    recorder = Recorder(Settings(), invocation="run", connect=lambda _: tracking)
    recorder.open_stage("train", params={})
    recorder.close_stage("train", "FAILED", reused=False)
    assert recorder.close("FAILED") is None
    assert tracking.metrics == {}
    assert tracking.events[-1] == ("end", "train", "FAILED")


def test_a_stage_nests_under_the_run_that_the_environment_names(project: Path) -> None:
    tracking = MemoryTracking()
    recorder = Recorder(Settings(mlflow_parent_run_id="above"), invocation="run", connect=lambda _: tracking)
    recorder.open_stage("train", params={})
    recorder.close_stage("train", "FINISHED", reused=False)
    assert recorder.close("FINISHED") is None
    assert tracking.events[0] == ("start", "train", "above")
    assert tracking.events[-1] == ("end", "train", "FINISHED")


def test_an_unreachable_mlflow_is_told_once_and_raises_nothing(project: Path) -> None:
    def refuse(_: Settings) -> Tracking:
        raise ConnectionError("nobody there")

    recorder = Recorder(Settings(tracking_uri="http://gone"), invocation="run", connect=refuse)
    recorder.open_stage("train", params={})
    recorder.close_stage("train", "FINISHED", reused=False)
    warning = recorder.close("FINISHED")
    assert warning is not None
    assert warning.startswith("MLflow at http://gone did not take everything (ConnectionError: nobody there).")


def test_figures_that_cannot_be_read_end_the_run_all_the_same(project: Path) -> None:
    (project / "metrics/train.json").write_text("{")
    tracking = MemoryTracking()
    recorder = Recorder(Settings(), invocation="run", connect=lambda _: tracking)
    recorder.open_stage("train", params={})
    recorder.close_stage("train", "FINISHED", reused=False)
    assert "JSONDecodeError" in (recorder.close("FINISHED") or "")
    assert tracking.events[-1] == ("end", "train", "FINISHED")
