"""The train stage in a workspace of its own: outputs in place together, work kept across kills."""

import shutil
from pathlib import Path

import pytest

from infra.cluster import load_cluster
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.training.examples import write_examples
from s1.training.spec import TrainStep
from tasks.paths import EXAMPLES, LARGE_MODEL, TRAIN_STEPS, TUNED_MODEL
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


def test_another_recipe_or_other_examples_work_in_another_folder(workspace: Path) -> None:
    cluster = load_cluster()
    stage = make_stage([])
    folder = make_spec(stage, cluster, train=PARAMS, seed=0).run_folder
    assert make_spec(stage, cluster, train=PARAMS, seed=0).run_folder == folder
    others = [
        make_spec(stage, cluster, train=PARAMS.model_copy(update={"learning_rate": 0.02}), seed=0).run_folder,
        make_spec(stage, cluster, train=PARAMS, seed=1).run_folder,
        make_spec(stage, cluster.model_copy(update={"processes_per_node": 1}), train=PARAMS, seed=0).run_folder,
    ]
    write_examples(EXAMPLES, make_examples(11))
    others.append(make_spec(stage, cluster, train=PARAMS, seed=0).run_folder)
    assert len({folder, *others}) == 5


@pytest.mark.slow
def test_a_stage_puts_model_and_log_in_place_and_picks_up_what_a_kill_left(workspace: Path) -> None:
    tracked: list[int] = []
    stage = make_stage(tracked)
    figures = run(stage, train=PARAMS, seed=0)
    assert (figures["num_steps"], figures["resumed_from_step"]) == (6, 0)
    assert tracked == [1, 2, 3, 4, 5, 6]
    assert (TUNED_MODEL / "model.safetensors").is_file()
    steps = read_jsonl(TRAIN_STEPS, TrainStep)

    # Killed between the end of training and putting it in place: nothing is trained again.
    shutil.rmtree(TUNED_MODEL.parent)
    assert run(stage, train=PARAMS, seed=0)["resumed_from_step"] == 6
    assert read_jsonl(TRAIN_STEPS, TrainStep) == steps

    # Killed before the model was written: the last checkpoint carries on.
    shutil.rmtree(make_spec(stage, load_cluster(), train=PARAMS, seed=0).output_folder)
    assert run(stage, train=PARAMS, seed=0)["resumed_from_step"] == 4
    assert [step.loss for step in read_jsonl(TRAIN_STEPS, TrainStep)] == [step.loss for step in steps]
