"""The train stage in a workspace of its own: outputs in place together, work kept across kills."""

import shutil
from pathlib import Path

import pytest

from infra.cluster import Cluster, load_cluster
from infra.figures import flatten_metrics
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import SpikeParams, TrainParams
from s1.training.examples import read_examples, write_examples
from s1.training.spec import Recompute, TrainStep
from tasks.paths import EXAMPLES, LARGE_MODEL, TRAIN_STEPS, TUNED_MODEL
from tasks.planning import PlannedRun, base_shape, lengths_of, plan_run
from tasks.stage import StageContext
from tasks.train import make_spec, run
from tests.training.tiny import PARAMS, make_examples
from tests.training.tiny import make_spec as make_tiny


def make_stage(steps: list[int]) -> StageContext:
    return StageContext(
        name="train",
        work_folder=Path(".s1/work/train"),
        progress=lambda done, total, note: None,
        run_shard=lambda name, work: work(),
        track_step=lambda step, figures: steps.append(step),
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with base model and examples, being the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("S1_CLUSTER", raising=False)
    make_tiny(tmp_path)
    LARGE_MODEL.parent.mkdir(parents=True)
    Path("base").rename(LARGE_MODEL)
    with ArtifactWriter(EXAMPLES.parent) as artifact:
        write_examples(artifact.path(EXAMPLES.name), make_examples(10))
    return tmp_path


def plan_here(*, train: TrainParams = PARAMS, seed: int = 0, cluster: Cluster | None = None) -> PlannedRun:
    lengths = lengths_of(read_examples(EXAMPLES))
    return plan_run(cluster or load_cluster(), train=train, seed=seed, shape=base_shape(), lengths=lengths)


def run_folder(*, train: TrainParams = PARAMS, seed: int = 0, cluster: Cluster | None = None) -> Path:
    planned = plan_here(train=train, seed=seed, cluster=cluster)
    return make_spec(make_stage([]), planned, train=train, seed=seed).run_folder


def test_another_recipe_or_other_examples_work_in_another_folder(workspace: Path) -> None:
    folder = run_folder()
    assert run_folder() == folder
    others = [run_folder(train=PARAMS.model_copy(update={"learning_rate": 0.02})), run_folder(seed=1)]
    with ArtifactWriter(EXAMPLES.parent) as artifact:
        write_examples(artifact.path(EXAMPLES.name), make_examples(11))
    others.append(run_folder())
    assert len({folder, *others}) == 4


def test_saving_and_stopping_otherwise_goes_on_in_the_same_folder(workspace: Path) -> None:
    spike = SpikeParams(ratio=9.0, num_steps=20, min_loss=1.0)
    assert run_folder(train=PARAMS.model_copy(update={"checkpoint_every_steps": 7, "spike": spike})) == run_folder()


def test_other_ranks_work_on_in_the_same_folder(workspace: Path) -> None:
    alone = load_cluster().model_copy(update={"processes_per_node": 1})
    assert run_folder(cluster=alone) == run_folder()


def test_what_is_planned_goes_to_the_ranks(workspace: Path) -> None:
    planned = plan_here()
    spec = make_spec(make_stage([]), planned, train=PARAMS, seed=0)
    assert spec.max_tokens_per_rank == load_cluster().max_tokens_per_rank
    assert (spec.sequence_parallel, spec.attention, spec.loss_kernel) == (1, "sdpa", "chunked")
    assert spec.attention_weight == base_shape().attention_weight
    assert spec.recompute == Recompute(mode="none")


@pytest.mark.slow
def test_a_stage_puts_model_and_log_in_place_and_picks_up_what_a_kill_left(workspace: Path) -> None:
    tracked: list[int] = []
    stage = make_stage(tracked)
    figures = run(stage, train=PARAMS, seed=0)
    assert (figures["num_steps"], figures["resumed_from_step"]) == (6, 0)
    assert tracked == [0, 1, 2, 3, 4, 5, 6]  # 0: the plan
    flat = flatten_metrics(figures)
    assert (flat["plan/num_steps"], flat["actual/num_steps"]) == (6, 6)
    assert flat["ratio/num_tokens"] == flat["ratio/num_passes"] == 1.0
    assert flat["ratio/max_over_mean"] == pytest.approx(1.0)
    assert (TUNED_MODEL / "model.safetensors").is_file()
    steps = read_jsonl(TRAIN_STEPS, TrainStep)

    # Killed between the end of training and putting it in place: nothing is trained again.
    shutil.rmtree(TUNED_MODEL.parent)
    assert run(stage, train=PARAMS, seed=0)["resumed_from_step"] == 6
    assert read_jsonl(TRAIN_STEPS, TrainStep) == steps

    # Killed before the model was written: the last checkpoint carries on.
    shutil.rmtree(run_folder() / "tuned")
    assert run(stage, train=PARAMS, seed=0)["resumed_from_step"] == 4
    assert [step.loss for step in read_jsonl(TRAIN_STEPS, TrainStep)] == [step.loss for step in steps]
