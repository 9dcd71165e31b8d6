"""The complete nano chain: one command makes everything, a second does nothing, a parameter reruns what it must."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from infra.pipeline import read_pipeline
from s1.artifacts import read_jsonl
from s1.config import load_params
from s1.decisions import Decision
from s1.records import Generation, Question, Score, SelectedQuestion
from tasks.paths import (
    BENCHMARKS,
    CURATE_DECISIONS,
    CURATED,
    EXAMPLES,
    GENERATIONS,
    QUESTIONS,
    REPORT,
    SCORES,
    SELECT_DECISIONS,
    SELECTION,
    TUNED_MODEL,
)
from tests.chain.chains import repro, run_python, stages_run
from tests.chain.conftest import FinishedChain

STAGES = list(read_pipeline())


def _set(folder: Path, section: str, key: str, value: object) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params[section][key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def test_every_stage_leaves_its_figures_and_its_ledger(chain: FinishedChain) -> None:
    for stage in STAGES:
        assert json.loads((chain.folder / f"metrics/{stage}.json").read_text())
        assert json.loads((chain.folder / f"ledger/{stage}.json").read_text())["wall_seconds"] > 0


def test_every_question_read_is_accounted_for_to_the_end(chain: FinishedChain) -> None:
    questions = read_jsonl(chain.folder / QUESTIONS, Question)
    curate = read_jsonl(chain.folder / CURATE_DECISIONS, Decision)
    curated = read_jsonl(chain.folder / CURATED, Question)
    select = read_jsonl(chain.folder / SELECT_DECISIONS, Decision)
    selection = read_jsonl(chain.folder / SELECTION, SelectedQuestion)
    assert len(curate) == len(questions)
    assert {row.question_id for row in curate if row.kept} == {question.id for question in curated}
    assert sorted(row.question_id for row in select) == sorted(question.id for question in curated)
    assert {row.question_id for row in select if row.kept} == {row.question_id for row in selection}
    assert len(selection) == load_params(chain.folder / "params.yaml").select.num_examples


def test_no_benchmark_question_is_selected_although_some_were_planted(chain: FinishedChain) -> None:
    benchmarks = {question.id for question in read_jsonl(chain.folder / BENCHMARKS, Question)}
    planted = {
        question.id for question in read_jsonl(chain.folder / QUESTIONS, Question) if question.source == "planted"
    }
    assert len(planted) == load_params(chain.folder / "params.yaml").collect.num_planted_overlaps
    assert planted & benchmarks
    assert not planted & {question.id for question in read_jsonl(chain.folder / CURATED, Question)}
    assert not benchmarks & {row.question_id for row in read_jsonl(chain.folder / SELECTION, SelectedQuestion)}


def test_every_benchmark_question_is_decoded_and_scored_under_every_setting(chain: FinishedChain) -> None:
    generate = load_params(chain.folder / "params.yaml").generate
    settings = [
        *(("tuned", f"max-{budget}") for budget in generate.budgets),
        *(("tuned", f"wait-{count}") for count in generate.wait_counts),
        *[("tuned", "parallel")] * generate.num_parallel,
        ("base", "direct"),
    ]
    asked = {row.id for row in read_jsonl(chain.folder / BENCHMARKS, Question) if row.source in generate.benchmarks}
    wanted = [(model, setting, question) for model, setting in settings for question in asked]
    generations = read_jsonl(chain.folder / GENERATIONS, Generation)
    scores = read_jsonl(chain.folder / SCORES, Score)
    assert sorted((row.model, row.setting, row.question_id) for row in generations) == sorted(wanted)
    assert sorted((row.model, row.setting, row.question_id) for row in scores) == sorted(wanted)


def test_the_run_ends_with_the_table_the_report_and_the_commands_for_the_servers(chain: FinishedChain) -> None:
    report = (chain.folder / REPORT).read_text()
    assert str(REPORT) in chain.output
    assert "make up" in chain.output
    budgets = load_params(chain.folder / "params.yaml").generate.budgets
    table = chain.output[chain.output.index("nano-test") :]
    assert all(str(budget) in table for budget in budgets)
    assert "src=http" not in report
    assert "https://" not in report.split("<body")[1]


def test_mlflow_has_one_parent_run_with_a_nested_run_for_every_stage(chain: FinishedChain) -> None:
    client = MlflowClient(f"sqlite:///{chain.folder}/mlruns/mlflow.db")
    experiments = [item.experiment_id for item in client.search_experiments()]
    runs = client.search_runs(experiments)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 1
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id]
    assert sorted(run.data.tags["dvc.stage"] for run in nested) == sorted(STAGES)
    assert all(run.info.status == "FINISHED" for run in runs)


def test_mlflow_has_the_scaling_curve_as_one_metric_over_the_budgets(chain: FinishedChain) -> None:
    client = MlflowClient(f"sqlite:///{chain.folder}/mlruns/mlflow.db")
    experiments = [item.experiment_id for item in client.search_experiments()]
    (run,) = client.search_runs(experiments, filter_string="tags.`dvc.stage` = 'score'")
    history = client.get_metric_history(run.info.run_id, "accuracy_by_budget/nano-test.tuned")
    scores = json.loads((chain.folder / "metrics/score.json").read_text())["nano-test"]["tuned"]
    assert [(point.step, point.value) for point in history] == [
        (scores[f"max-{budget}"]["amount"], scores[f"max-{budget}"]["accuracy"])
        for budget in load_params(chain.folder / "params.yaml").generate.budgets
    ]


def test_mlflow_has_the_trained_model_with_the_data_it_saw_and_the_answers_it_gave(chain: FinishedChain) -> None:
    client = MlflowClient(f"sqlite:///{chain.folder}/mlruns/mlflow.db")
    version = client.get_model_version_by_alias("s1", "challenger")
    digest = next(item["md5"] for item in _locked(chain.folder, "generate")["deps"] if item["path"] == str(TUNED_MODEL))
    assert version.source == f"dvc://{TUNED_MODEL}?md5={digest}"
    train = client.get_run(str(version.run_id))
    examples = next(item["md5"] for item in _locked(chain.folder, "train")["deps"] if item["path"] == str(EXAMPLES))
    assert train.inputs is not None
    assert (str(EXAMPLES), examples) in [
        (item.dataset.name, item.dataset.digest) for item in train.inputs.dataset_inputs
    ]
    curve = {
        (figure.step, figure.value)
        for figure in client.get_logged_model(version.tags["s1.model_id"]).metrics or []
        if figure.key == "accuracy_by_budget/nano-test.tuned"
    }
    scores = json.loads((chain.folder / "metrics/score.json").read_text())["nano-test"]["tuned"]
    assert curve == {
        (scores[f"max-{budget}"]["amount"], scores[f"max-{budget}"]["accuracy"])
        for budget in load_params(chain.folder / "params.yaml").generate.budgets
    }


def _locked(folder: Path, stage: str) -> dict[str, Any]:
    entry: dict[str, Any] = yaml.safe_load((folder / "dvc.lock").read_text())["stages"][stage]
    return entry


def test_a_second_repro_does_nothing_and_says_so(chain: FinishedChain) -> None:
    output = repro(chain.folder)
    assert stages_run(output) == []
    assert "up to date" in output


def test_a_changed_parameter_reruns_its_stage_and_those_whose_inputs_changed(copy: Path) -> None:
    _set(copy, "score", "num_resamples", 300)
    assert stages_run(repro(copy)) == ["score", "report"]


def test_a_changed_parameter_that_changes_no_output_stops_at_its_stage(copy: Path) -> None:
    _set(copy, "curate", "max_characters", 30_000)
    # The report shows the parameters and the ledger of every stage, so it alone runs again.
    assert stages_run(repro(copy)) == ["curate", "report"]


@pytest.mark.parametrize(
    ("stage", "artifact"),
    [("curate", "data/collect/questions.jsonl"), ("score", "data/generate/generations.jsonl")],
)
def test_a_truncated_artifact_is_named_with_what_to_do(chain: FinishedChain, stage: str, artifact: str) -> None:
    path = chain.folder / artifact
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        done = run_python(chain.folder, "-m", "flows.stage", stage)
    finally:
        path.write_bytes(whole)
    assert done.returncode == 1
    assert f"{artifact} has {len(whole) // 2} bytes where {len(whole)} were written" in done.stdout
    assert "dvc repro" in done.stdout
    assert "Traceback" not in done.stdout


def test_dvc_makes_a_damaged_artifact_again(chain: FinishedChain) -> None:
    path = chain.folder / "data/score/scores.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    repro(chain.folder)
    assert path.read_bytes() == whole


def test_a_wrong_key_stops_a_stage_with_its_line(chain: FinishedChain) -> None:
    path = chain.folder / "params.yaml"
    text = path.read_text()
    path.write_text(text.replace("min_characters:", "min_caracters:"))
    try:
        done = run_python(chain.folder, "-m", "flows.stage", "curate")
    finally:
        path.write_text(text)
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "min_characters" in row)
    assert done.returncode == 2
    assert f"params.yaml, line {line}, curate.min_caracters: unknown key" in done.stdout
    assert "Traceback" not in done.stdout
