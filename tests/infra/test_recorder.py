"""What a recorder writes into a real MLflow store, and that a broken MLflow breaks nothing."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run, RunInputs

from infra.recorder import Recorder
from infra.settings import Settings
from infra.spool import Spool
from infra.tracking import RunStatus, Tracking
from tests.infra.finished import create_finished, write, write_ledger, write_model


@pytest.fixture
def client(store: str, tmp_path: Path) -> MlflowClient:
    """The store of a project whose stages have ended."""
    create_finished(tmp_path)
    return MlflowClient(store)


def run_stage(
    recorder: Recorder, stage: str, status: RunStatus = "FINISHED", *, reused: bool = False, **params: str
) -> None:
    recorder.open_stage(stage, params=params)
    recorder.close_stage(stage, status, reused=reused)


def run_chain(*stages: str, reused: bool = False) -> None:
    recorder = Recorder(Settings(), invocation="run")
    recorder.open_chain("s1-now", params={"seed": "0"}, tags={"prefect.flow_run_id": "f", "prefect.url": "http://p/f"})
    for stage in stages:
        run_stage(recorder, stage, reused=reused)
    assert recorder.close("FINISHED") is None


def runs_of(client: MlflowClient, name: str) -> list[Run]:
    """Runs of that name, the oldest first."""
    ids = [item.experiment_id for item in client.search_experiments()]
    wanted = f"attributes.run_name = '{name}'"
    found: list[Run] = list(client.search_runs(ids, wanted, order_by=["attributes.start_time ASC"]))
    return found


def run_of(client: MlflowClient, name: str) -> Run:
    (run,) = runs_of(client, name)
    return run


def inputs_of(run: Run) -> dict[str, tuple[str, str]]:
    """Name of a data set -> its digest and context."""
    assert run.inputs is not None
    return {item.dataset.name: (item.dataset.digest, item.tags[0].value) for item in run.inputs.dataset_inputs}


def made_by(run: Run) -> list[str]:
    """Ids of the models that a run made."""
    return [] if run.outputs is None else [output.model_id for output in run.outputs.model_outputs]


def read_by(client: MlflowClient, run: Run) -> list[str]:
    """Ids of the models that a run read; a search leaves them out."""
    inputs = client.get_run(run.info.run_id).inputs
    return [] if inputs is None else [item.model_id for item in inputs.model_inputs]


def figures_of(client: MlflowClient, model_id: str) -> dict[tuple[str, int], tuple[float, str | None]]:
    """Key and step of a model's figure -> its value and data set; asserts that there is no second one."""
    figures = client.get_logged_model(model_id).metrics or []
    found = {(item.key, item.step): (item.value, item.dataset_name) for item in figures}
    assert len(found) == len(figures)
    return found


def challenger(client: MlflowClient) -> Any:
    return client.get_model_version_by_alias("s1", "challenger")


def test_a_chain_nests_its_stages_and_sums_what_was_spent(client: MlflowClient, tmp_path: Path) -> None:
    recorder = Recorder(Settings(), invocation="run")
    recorder.open_chain("s1-now", params={"seed": "0"}, tags={"prefect.flow_run_id": "f"})
    recorder.open_stage("train", params={"train.lr": "1"})
    Spool("run", "train").add_step(1, {"loss": 3.0})
    recorder.close_stage("train", "FINISHED", reused=False, tags={"prefect.flow_run_id": "g"})
    run_stage(recorder, "score", reused=True)
    assert recorder.close("FINISHED") is None
    chain, train, score = (run_of(client, name) for name in ("s1-now", "train", "score"))
    assert {run.info.status for run in (chain, train, score)} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in (train, score)} == {chain.info.run_id}
    assert train.data.params == {"train.lr": "1"}
    assert train.data.metrics == {
        "loss": 3.0,
        "loss/last": 0.5,
        "num_steps": 3.0,
        "cost/cpu_seconds": 3600.0,
        "cost/gpu_seconds": 0.0,
        "cost/wall_seconds": 1800.0,
        "cost/cpu_hours": 1.0,
        "cost/gpu_hours": 0.0,
        "cost/usd": 0.5,
    }
    assert (train.data.tags["reused"], score.data.tags["reused"]) == ("false", "true")
    assert (chain.data.tags["prefect.flow_run_id"], train.data.tags["prefect.flow_run_id"]) == ("f", "g")
    assert chain.data.metrics["cost/usd"] == 0.5
    assert chain.data.metrics["cost/usd_with_reused_stages"] == 1.0
    assert list((tmp_path / ".s1/runs").iterdir()) == []


def test_the_curve_is_one_metric_over_the_budgets_in_the_run_of_the_stage_and_of_the_chain(
    client: MlflowClient,
) -> None:
    run_chain("score")
    for name in ("score", "s1-now"):
        history = client.get_metric_history(run_of(client, name).info.run_id, "accuracy_by_budget/nano-test.tuned")
        assert [(point.step, point.value) for point in history] == [(16, 0.2), (64, 0.5)]


def test_the_run_of_the_chain_shows_curves_and_summaries_but_no_single_setting(client: MlflowClient) -> None:
    run_chain("score")
    assert set(run_of(client, "s1-now").data.metrics) == {
        "score/nano-test/base/direct/accuracy",
        "score/nano-test/curve/budgets/performance",
        "accuracy_by_budget/nano-test.tuned",
        "thinking_tokens_by_budget/nano-test.tuned",
        "cost/usd",
        "cost/usd_with_reused_stages",
    }
    assert run_of(client, "score").data.metrics["score/nano-test/base/direct/high"] == 0.2


def test_the_report_its_transcripts_and_its_charts_are_kept_with_the_run_of_the_stage_and_of_the_chain(
    client: MlflowClient, tmp_path: Path
) -> None:
    names = ("reports/charts/nano-test-scaling.svg", "reports/report.html", "reports/transcripts.html")
    for name in names:
        write(tmp_path / name, name)
    write(tmp_path / "metrics/report.json", "{}")
    write_ledger(tmp_path, "report", wall_seconds=1.0)
    run_chain("report")
    for run in (run_of(client, "report"), run_of(client, "s1-now")):
        kept = [
            item.path
            for folder in ("reports", "reports/charts")
            for item in client.list_artifacts(run.info.run_id, folder)
            if not item.is_dir
        ]
        assert sorted(kept) == sorted(names)


def test_data_sets_are_inputs_with_the_version_that_dvc_gave_them(client: MlflowClient, tmp_path: Path) -> None:
    lock = (
        (tmp_path / "dvc.lock").read_text().replace("md5: ", "md5: f00d", 1)
    )  # the first in it: generate's benchmarks
    (tmp_path / "dvc.lock").write_text(lock)
    digest = lock.split("md5: ")[1].split("\n")[0]
    run_chain("train", "generate")
    assert inputs_of(run_of(client, "generate"))["data/collect/benchmarks.jsonl"] == (digest, "evaluation")
    train = inputs_of(run_of(client, "train"))
    assert {name: context for name, (_, context) in train.items()} == {
        "data/tokenize/examples.parquet": "training",
        "models/base/large": "input",
    }
    assert set(inputs_of(run_of(client, "s1-now"))) == {
        "data/tokenize/examples.parquet",
        "data/collect/benchmarks.jsonl",
    }


def test_data_sets_say_where_they_are_in_dvc_and_how_many_rows_they_have(client: MlflowClient) -> None:
    run_chain("train", "generate")
    found = {
        item.dataset.name: item.dataset
        for name in ("train", "generate")
        for item in (run_of(client, name).inputs or RunInputs([])).dataset_inputs
    }
    examples = found["data/tokenize/examples.parquet"]
    assert examples.source == f'{{"uri": "dvc://data/tokenize/examples.parquet?md5={examples.digest}"}}'
    assert examples.profile == '{"num_rows": 4}'
    assert found["data/collect/benchmarks.jsonl"].profile == '{"num_rows": 7}'
    assert found["models/base/large"].profile is None


def test_the_trained_model_is_linked_to_its_data_its_figures_and_its_version(client: MlflowClient) -> None:
    run_chain("train", "generate", "score")
    version = challenger(client)
    model = client.get_logged_model(version.tags["s1.model_id"])
    train, score, chain = (run_of(client, name) for name in ("train", "score", "s1-now"))
    digest = model.tags["dvc.out_md5"]
    assert version.source == f"dvc://models/train/tuned?md5={digest}"
    assert (version.run_id, model.source_run_id) == (train.info.run_id, train.info.run_id)
    assert model.status == "READY"
    assert made_by(train) == made_by(chain) == [model.model_id]
    assert read_by(client, score) == [model.model_id]
    figures = figures_of(client, model.model_id)
    assert figures[("loss/last", 0)] == (0.5, "data/tokenize/examples.parquet")
    curve = "accuracy_by_budget/nano-test.tuned"
    assert figures[(curve, 64)] == (0.5, "data/collect/benchmarks.jsonl")
    assert not any("/base/" in key for key, _ in figures)  # another model's


def test_a_model_that_is_met_again_is_the_same_model_and_version(client: MlflowClient) -> None:
    run_chain("train", "score")
    before = challenger(client)
    figures = figures_of(client, before.tags["s1.model_id"])
    run_chain("train", "score", reused=True)
    assert challenger(client).version == before.version
    assert len(client.search_model_versions("name = 's1'")) == 1
    assert figures_of(client, before.tags["s1.model_id"]) == figures
    _, chain = runs_of(client, "s1-now")
    assert made_by(chain) == []
    assert read_by(client, chain) == [before.tags["s1.model_id"]]


def test_other_weights_are_the_next_version_and_the_challenger(client: MlflowClient, tmp_path: Path) -> None:
    run_chain("train")
    digest = write_model(tmp_path, "other weights")
    run_chain("train")
    assert (int(challenger(client).version), challenger(client).tags["dvc.out_md5"]) == (2, digest)


def test_training_again_what_was_trained_before_makes_it_the_challenger_again(
    client: MlflowClient, tmp_path: Path
) -> None:
    run_chain("train")
    write_model(tmp_path, "other weights")
    run_chain("train")
    write_model(tmp_path, "weights")
    run_chain("train")
    assert int(challenger(client).version) == 1


def test_scores_belong_to_the_model_that_answered_though_another_was_trained_since(
    client: MlflowClient, tmp_path: Path
) -> None:
    run_chain("train")
    asked = challenger(client).tags["s1.model_id"]
    lock = (tmp_path / "dvc.lock").read_text()
    write_model(tmp_path, "other weights")
    run_chain("train")
    (tmp_path / "dvc.lock").write_text(lock)  # generate has not run since
    run_chain("score")
    assert run_of(client, "score").data.tags["s1.model_id"] == asked


def test_a_reused_stage_leads_to_the_run_that_computed_it(client: MlflowClient, tmp_path: Path) -> None:
    run_chain("train")
    write_ledger(tmp_path, "train", wall_seconds=7.0)  # computed once more, with the same result
    run_chain("train")
    run_chain("train", reused=True)
    _, second, reused = runs_of(client, "train")
    assert reused.data.tags["s1.computed_by"] == second.info.run_id
    assert reused.data.tags["dvc.out_md5"] == second.data.tags["dvc.out_md5"]
    assert "s1.computed_by" not in second.data.tags


def test_the_run_of_the_chain_is_known_at_once_and_takes_tags_to_the_end(client: MlflowClient) -> None:
    recorder = Recorder(Settings(), invocation="run")
    recorder.open_chain("s1-now", params={}, tags={"prefect.url": "http://p/f"})
    run_id = recorder.wait_for_parent_run_id(60)
    url = recorder.parent_run_url(wait_seconds=0)
    recorder.tag_chain({"dvc.experiment": "s1-now"})
    assert recorder.close("FINISHED") is None
    chain = run_of(client, "s1-now")
    assert run_id == chain.info.run_id
    assert url == f"http://127.0.0.1:5000/#/experiments/{chain.info.experiment_id}/runs/{run_id}"
    assert chain.data.tags["dvc.experiment"] == "s1-now"
    assert chain.data.tags["mlflow.note.content"] == "[Flow run in Prefect](http://p/f)"


def test_a_stage_without_a_chain_hashes_its_inputs_itself(client: MlflowClient, tmp_path: Path) -> None:
    lock = (tmp_path / "dvc.lock").read_text()
    recorder = Recorder(Settings(), invocation="run")
    (tmp_path / "dvc.lock").write_text("")  # what it says is of another run, until DVC has ended
    run_stage(recorder, "train")
    assert recorder.close("FINISHED") is None
    train = run_of(client, "train")
    assert inputs_of(train)["data/tokenize/examples.parquet"][0] in lock
    assert train.data.tags["dvc.out_md5"] in lock
    assert challenger(client).run_id == train.info.run_id
    assert recorder.wait_for_parent_run_id(0) is None


def test_a_failed_stage_is_ended_as_failed_without_figures(client: MlflowClient) -> None:
    recorder = Recorder(Settings(), invocation="run")
    run_stage(recorder, "train", "FAILED")
    assert recorder.close("FAILED") is None
    train = run_of(client, "train")
    assert (train.info.status, train.data.metrics) == ("FAILED", {})
    assert client.search_registered_models() == []


def test_a_stage_nests_under_the_run_that_the_environment_names(client: MlflowClient) -> None:
    recorder = Recorder(Settings(mlflow_parent_run_id="above"), invocation="run")
    run_stage(recorder, "generate")
    assert recorder.close("FINISHED") is None
    assert run_of(client, "generate").data.tags["mlflow.parentRunId"] == "above"


def test_the_machine_is_watched_while_it_trains(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    recorder = Recorder(Settings(), invocation="run")
    Spool("run", "train").start()  # the stage has begun
    recorder.open_stage("train", params={})
    run_id = wait_for_figure(client, "train", "system/cpu_utilization_percentage")
    recorder.close_stage("train", "FINISHED", reused=False)
    assert recorder.close("FINISHED") is None
    figures = client.get_run(run_id).data.metrics
    assert {"system/system_memory_usage_megabytes", "system/disk_usage_megabytes"} <= set(figures)
    num_points = len(client.get_metric_history(run_id, "system/cpu_utilization_percentage"))
    time.sleep(0.6)
    assert len(client.get_metric_history(run_id, "system/cpu_utilization_percentage")) == num_points


def wait_for_figure(client: MlflowClient, name: str, key: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in runs_of(client, name):
            if key in run.data.metrics:
                return str(run.info.run_id)
        time.sleep(0.1)
    raise AssertionError(f"{key} never came")


def test_the_machine_is_not_watched_when_dvc_takes_the_model_as_it_is(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    recorder = Recorder(Settings(), invocation="run")
    recorder.open_stage("train", params={})
    time.sleep(0.5)
    recorder.close_stage("train", "FINISHED", reused=True)
    assert recorder.close("FINISHED") is None
    assert not [key for key in run_of(client, "train").data.metrics if key.startswith("system/")]


def test_runs_that_a_killed_process_left_open_are_closed_when_the_next_chain_begins(client: MlflowClient) -> None:
    host = socket.gethostname()
    tracking = Tracking.connect(Settings())
    left = tracking.start_run("left", tags={"s1.invocation": f"{host}-4194999-1"}, parent_run_id=None)
    run_chain("train")
    assert client.get_run(left).info.status == "KILLED"


def test_an_unreachable_mlflow_is_told_once_and_raises_nothing(client: MlflowClient) -> None:
    def refuse(_: Settings) -> Tracking:
        raise ConnectionError("nobody there")

    recorder = Recorder(Settings(tracking_uri="http://me:secret@gone"), invocation="run", connect=refuse)
    recorder.open_chain("s1-now", params={}, tags={})
    assert recorder.wait_for_parent_run_id(60) is None
    run_stage(recorder, "train")
    warning = recorder.close("FINISHED")
    assert warning is not None
    assert warning.startswith("MLflow at http://gone did not take everything (ConnectionError: nobody there).")


def test_figures_that_cannot_be_read_end_the_run_all_the_same(client: MlflowClient, tmp_path: Path) -> None:
    (tmp_path / "metrics/train.json").write_text("{")
    recorder = Recorder(Settings(), invocation="run")
    run_stage(recorder, "train")
    assert "JSONDecodeError" in (recorder.close("FINISHED") or "")
    assert run_of(client, "train").info.status == "FINISHED"


def test_a_registry_that_fails_costs_the_links_and_not_the_figures(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no registry for you")

    monkeypatch.setattr("infra.registry.Registry.register", refuse)
    recorder = Recorder(Settings(), invocation="run")
    run_stage(recorder, "train")
    assert "PermissionError: no registry for you" in (recorder.close("FINISHED") or "")
    assert run_of(client, "train").data.metrics["loss/last"] == 0.5
