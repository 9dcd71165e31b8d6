"""Base models: pretrained, resumed, or pointed to."""

import json
from pathlib import Path

import pytest

from infra.parallel import JobProgress
from s1.config import BaseParams, HubModel, NanoModel, PathModel
from s1.models import check_model_folder, count_parameters, resolve_model
from tasks import base
from tasks.paths import LARGE_MODEL, SMALL_MODEL
from tasks.stage import fingerprint
from tests.models.test_models import save_model
from tests.tasks.data_workspace import Log, make_stage

NANO = NanoModel(
    kind="nano",
    num_layers=1,
    hidden_size=16,
    num_heads=2,
    intermediate_size=32,
    num_steps=3,
    batch_size=2,
    learning_rate=0.001,
    direct_weight=0.3,
)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finish(folder: Path) -> None:
    """What an earlier, killed run of the stage left behind for one model."""
    save_model(folder / "model")
    figures = {"num_steps": 3, "final_losses": {"table": 1.5}, "seconds": 2.0}
    (folder / "figures.json").write_text(json.dumps(figures))


def pretend(progress: JobProgress, *, model: NanoModel, seed: int, folder: Path) -> None:
    """A pretrainer without the seconds that importing torch takes; the real one is tested beside it."""
    progress(model.num_steps, model.num_steps, f"seed {seed}")
    finish(folder)


def test_a_killed_stage_pretrains_only_the_missing_model() -> None:
    stage = make_stage("base", log := Log())
    finish(stage.work_folder / f"small-{fingerprint(NANO, 10)}")
    folders = base.pretrain_missing(stage, {"small": NANO, "large": NANO}, seed=5, pretrainer=pretend)
    assert (log.done, log.notes) == ([(6, 6)], ["large 3/3, seed 11"])
    assert all((folder / "model" / "model.safetensors").is_file() for folder in folders.values())


def test_finished_models_are_put_into_the_artifact_with_their_figures() -> None:
    stage = make_stage("base")
    for index, name in enumerate(("small", "large")):
        finish(stage.work_folder / f"{name}-{fingerprint(NANO, 10 + index)}")
    metrics = base.run(stage, base=BaseParams(small=NANO, large=NANO), seed=5)
    expected = {"kind": "nano", "num_parameters": 10, "num_steps": 3, "final_losses": {"table": 1.5}}
    assert metrics == {"small": expected, "large": expected}
    assert stage.quantities == {"pretrain_seconds_small": 2.0, "pretrain_seconds_large": 2.0}
    assert [resolve_model(folder) for folder in (SMALL_MODEL, LARGE_MODEL)] == [SMALL_MODEL, LARGE_MODEL]


def test_a_pretrained_model_is_saved_with_tokenizer_and_losses(workspace: Path) -> None:
    heard: list[tuple[int, int]] = []
    base.pretrain_one(lambda done, total, note: heard.append((done, total)), model=NANO, seed=0, folder=workspace / "m")
    figures = json.loads((workspace / "m" / "figures.json").read_text())
    assert heard[-1] == (3, 3)
    assert set(figures["final_losses"]) == {"table", "direct"}
    assert check_model_folder(workspace / "m" / "model").keys() == {"model.safetensors"}
    # 16 x (embedding rows + 4 x 16 attention + 3 x 32 MLP + 3 norms) + 3 x 16 attention biases
    rows = json.loads((workspace / "m" / "model" / "config.json").read_text())["vocab_size"]
    assert count_parameters(workspace / "m" / "model") == 16 * (rows + 4 * 16 + 3 * 32 + 3) + 3 * 16


def test_models_of_this_machine_become_pointers(workspace: Path) -> None:
    save_model(workspace / "mine")
    here = PathModel(kind="path", path="mine")
    metrics = base.run(make_stage("base"), base=BaseParams(small=here, large=here), seed=0)
    assert metrics["large"] == {"kind": "path", "path": "mine", "num_parameters": 10}
    assert resolve_model(SMALL_MODEL) == Path("mine")
    assert not list(SMALL_MODEL.glob("*.safetensors"))


def test_a_hub_model_is_recorded_with_its_commit(workspace: Path) -> None:
    snapshot = save_model(workspace / "c0ffee")
    model = HubModel(kind="hub", repo="lab/model")
    metrics = base.place_pointer(model, workspace / "target", download=lambda repo, revision: snapshot)
    assert metrics == {"kind": "hub", "repo": "lab/model", "commit": "c0ffee", "num_parameters": 10}
