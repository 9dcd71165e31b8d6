"""The complete chain, from nothing to the report, at a setting much smaller than nano's own."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.pipeline import read_pipeline
from infra.workspace import create_workspace
from tests.flows.toy import PROJECT, read_json, run_in

SMALLER: dict[str, object] = {
    "base.small.num_steps": 20,
    "base.large.num_steps": 40,
    "collect.sources.0.num": 300,
    "collect.benchmarks.0.num": 24,
    "collect.benchmarks.1.num": 24,
    "collect.num_planted_overlaps": 6,
    "select.num_examples": 48,
    "select.num_uniform": 32,
    "train.num_epochs": 1,
    "generate.budgets": [16, 48],
    "generate.wait_counts": [0, 1],
    "generate.max_thinking_tokens": 64,
    "score.num_resamples": 200,
    "report.num_transcripts": 2,
}
STAGES = list(read_pipeline(PROJECT / "dvc.yaml"))


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after one complete run."""
    folder = tmp_path_factory.mktemp("chain") / "workspace"
    create_workspace(folder, source=PROJECT, overrides=SMALLER, cache=folder / ".dvc/cache")
    done = run_in(folder, "-m", "flows.chain", timeout=800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert f"{len(STAGES)} of {len(STAGES)} stages ran" in done.stdout
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_stage_leaves_metrics_and_a_ledger(chain: Path) -> None:
    assert sorted(path.stem for path in (chain / "metrics").glob("*.json")) == sorted(STAGES)
    assert sorted(path.stem for path in (chain / "ledger").glob("*.json")) == sorted(STAGES)
    assert all(read_json(chain / f"ledger/{stage}.json")["wall_seconds"] > 0 for stage in STAGES)


def test_every_collected_question_is_decided_and_no_planted_overlap_survives(chain: Path) -> None:
    questions = lines_of(chain / "data/collect/questions.jsonl")
    benchmarks = {row["id"] for row in lines_of(chain / "data/collect/benchmarks.jsonl")}
    curated = lines_of(chain / "data/curate/questions.jsonl")
    assert {row["question_id"] for row in lines_of(chain / "data/curate/decisions.jsonl")} == {
        row["id"] for row in questions
    }
    assert len(questions) == 306
    assert len(curated) <= 300
    assert benchmarks & {row["id"] for row in curated} == set()


def test_no_selected_question_was_answered_by_a_base_model(chain: Path) -> None:
    answered = {row["question_id"] for row in lines_of(chain / "data/attempt/attempts.jsonl") if row["correct"]}
    selected = {row["question_id"] for row in lines_of(chain / "data/select/selection.jsonl")}
    assert len(selected) == 48
    assert answered & selected == set()


def test_training_saw_every_example_in_steps_of_a_batch(chain: Path) -> None:
    steps = lines_of(chain / "models/train/steps.jsonl")
    assert [row["step"] for row in steps] == [1, 2, 3]  # 48 examples in batches of 16
    assert (chain / "models/train/tuned/config.json").is_file()


def test_every_benchmark_question_is_scored_under_every_setting(chain: Path) -> None:
    benchmark = read_json(chain / "metrics/score.json")["nano-test"]
    assert set(benchmark["tuned"]) == {"max-16", "max-48", "wait-0", "wait-1"}
    assert set(benchmark["base"]) == {"direct"}
    settings = [*benchmark["tuned"].values(), *benchmark["base"].values()]
    assert [setting["num_questions"] for setting in settings] == [24] * 5
    assert all(0.0 <= setting["accuracy"] <= 1.0 for setting in settings)
    for budget in (16, 48):
        assert benchmark["tuned"][f"max-{budget}"]["mean_thinking_tokens"] <= budget


def test_the_report_stands_alone_and_the_terminal_shows_the_table(chain: Path) -> None:
    page = (chain / "reports/report.html").read_text()
    assert "<html" in page
    assert "src=\"http" not in page
    assert str(chain / "reports/report.html") in (chain / "stdout.txt").read_text()


def test_mlflow_draws_the_scaling_curve(chain: Path) -> None:
    with sqlite3.connect(chain / "mlruns/mlflow.db") as connection:
        steps = connection.execute(
            "select runs.name, step from metrics join runs using (run_uuid) where runs.name = 'score' "
            "and key = 'score/nano-test/tuned/accuracy_by_budget' order by step"
        ).fetchall()
        nested = connection.execute("select count(*) from tags where key = 'mlflow.parentRunId'").fetchone()
    assert steps == [("score", 16), ("score", 48)]
    assert nested == (len(STAGES),)


def test_changing_one_parameter_reruns_its_stage_and_what_reads_it(chain: Path) -> None:
    ledgers = {stage: (chain / f"ledger/{stage}.json").stat().st_mtime_ns for stage in STAGES}
    params = yaml.safe_load((chain / "params.yaml").read_text())
    params["score"]["num_resamples"] = 300
    (chain / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    done = run_in(chain, "-m", "dvc", "repro", timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    rerun = [stage for stage in STAGES if (chain / f"ledger/{stage}.json").stat().st_mtime_ns != ledgers[stage]]
    assert rerun == ["score", "report"]
