"""One stage as a process: results, errors and exit codes, without Prefect."""

from pathlib import Path

import pytest

from tests.flows.toy import create_toy, read_json, run_in, set_param

NO_MLFLOW = {"S1_INVOCATION": "run"}
"""As under a parent flow: the parent would write to MLflow, which keeps these tests fast."""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return create_toy(tmp_path / "toy")


def test_a_stage_writes_metrics_and_ledger_and_drops_its_unfinished_work(toy: Path) -> None:
    done = run_in(toy, "-m", "flows.stage", "collect", **NO_MLFLOW)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_json(toy / "metrics/collect.json") == {"largest": 18, "num": 10}
    ledger = read_json(toy / "ledger/collect.json")
    assert ledger["toys"] == 10.0
    assert ledger["gpu_seconds"] == 0.0
    assert set(ledger) == {"cpu_seconds", "gpu_seconds", "num_tries", "peak_memory_bytes", "toys", "wall_seconds"}
    assert not (toy / ".s1/work/collect").exists()
    assert (toy / ".s1/runs/run/collect.receipt.json").is_file()


def test_work_that_a_stage_keeps_is_gone_on_from_when_it_runs_again(toy: Path) -> None:
    for mode in ("keep", ""):
        assert run_in(toy, "-m", "flows.stage", "collect", TOY=mode, **NO_MLFLOW).returncode == 0
        ledger = read_json(toy / "ledger/collect.json")
        assert (ledger["num_tries"], ledger.get("gpu_seconds")) == ((1.0, None) if mode else (2.0, 0.0))
        assert (toy / ".s1/work/collect").exists() == bool(mode)
    assert (toy / "trail.txt").read_text().splitlines() == ["shard of 4", "shard of 4", "shard of 2"]


def test_a_stage_clears_what_a_killed_run_left_beside_its_outputs(toy: Path) -> None:
    leftovers = [toy / "data/collect.tmp-1", toy / "metrics/collect.json.tmp-1"]
    leftovers[0].mkdir(parents=True)
    leftovers[1].parent.mkdir()
    leftovers[1].touch()
    assert run_in(toy, "-m", "flows.stage", "collect", **NO_MLFLOW).returncode == 0
    assert [path for path in leftovers if path.exists()] == []


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("refuse", "collect: toy 7 is too small; use 8 or more\n"),
        ("break", "collect: RuntimeError: a fault\nThe traceback is in .s1/logs/collect.log."),
    ],
)
def test_a_failing_stage_says_why_and_writes_no_result(toy: Path, mode: str, message: str) -> None:
    done = run_in(toy, "-m", "flows.stage", "collect", TOY=mode, **NO_MLFLOW)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
    assert "Traceback" in (toy / ".s1/logs/collect.log").read_text()
    assert not (toy / "metrics/collect.json").exists()
    assert not (toy / ".s1/runs/run/collect.receipt.json").exists()


def test_wrong_parameters_are_refused_with_file_line_and_key(toy: Path) -> None:
    set_param(toy, "collect", "num_planted_overlaps", -1)
    done = run_in(toy, "-m", "flows.stage", "collect", **NO_MLFLOW)
    assert done.returncode == 2
    assert "params.yaml, line " in done.stderr
    assert "collect.num_planted_overlaps" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_stage_is_answered_with_those_there_are(toy: Path) -> None:
    done = run_in(toy, "-m", "flows.stage", "nope", **NO_MLFLOW)
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "nope: there is no stage 'nope' in dvc.yaml; stages: collect, curate",
    )


def test_a_stage_without_its_packages_asks_for_the_environment(toy: Path) -> None:
    done = run_in(toy, "-S", "-m", "flows.stage", "collect", **NO_MLFLOW)
    assert done.returncode == 1
    assert "Activate the project's environment" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stage_under_no_parent_does_not_import_prefect(toy: Path) -> None:
    done = run_in(toy, "-X", "importtime", "-m", "flows.stage", "collect", **NO_MLFLOW)
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "tasks.runner" in imported
    assert {"prefect", "mlflow", "dvc", "torch"} & imported == set()


def test_an_unreachable_mlflow_loses_no_result(toy: Path) -> None:
    done = run_in(toy, "-m", "flows.stage", "collect", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 0
    assert "Warning: MLflow at http://127.0.0.1:9 did not take everything" in done.stderr
    assert read_json(toy / "metrics/collect.json")["num"] == 10
