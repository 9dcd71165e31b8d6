"""Stages that a profile leaves out: typed figures, and marked places where later stages look for files."""

import json
import shutil
from pathlib import Path

import pytest

from infra.pipeline import read_pipeline
from s1.artifacts import ArtifactError, read_jsonl
from s1.config import Params, ParamsError, load_params
from s1.not_run import FIGURES, is_marked, is_not_run
from s1.records import Score
from tasks.paths import GENERATIONS, RUN_IDENTITY, SCORES, TRAIN_STEPS, TUNED_MODEL
from tasks.runner import Observers, ignore_steps, run_directly, run_stage

PROJECT = Path(__file__).resolve().parents[2]
NOTHING = "{train: false, generate: false, score: false}"


def ignore_progress(done: int, total: int, note: str) -> None:
    """Nobody looks."""


OBSERVERS = Observers(progress=ignore_progress, run_shard=run_directly, track_step=ignore_steps)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(PROJECT / "dvc.yaml", tmp_path)
    write_params("{train: true, generate: true, score: true}")


def write_params(not_run: str) -> None:
    text = (PROJECT / "profiles/nano.yaml").read_text()
    assert f"not_run: {NOTHING}\n" in text
    Path("params.yaml").write_text(text.replace(f"not_run: {NOTHING}", f"not_run: {not_run}"))


def figures(stage: str, *, folder: str = "metrics") -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(folder, f"{stage}.json").read_text())
    return found


@pytest.mark.parametrize("stage", ["train", "generate", "score"])
def test_a_stage_that_is_left_out_says_so_and_writes_all_that_dvc_and_later_stages_look_for(stage: str) -> None:
    report = run_stage(stage, OBSERVERS)
    assert (figures(stage), figures(stage, folder="ledger")) == (FIGURES, {})
    assert is_not_run(report.metrics)
    stages = read_pipeline()
    written = [*stages[stage].outs, *stages[stage].metrics, *stages[stage].plots]
    assert [str(path) for path in written if not path.exists()] == []
    assert all(is_marked(out) for out in stages[stage].outs if not out.suffix)
    expected = {dep for other in stages.values() for dep in other.deps if any(out in dep.parents for out in written)}
    assert [str(path) for path in expected if not path.exists()] == []


def test_what_stands_for_files_says_the_same_and_is_never_read_as_no_rows() -> None:
    for stage in ("train", "generate", "score"):
        run_stage(stage, OBSERVERS)
    for path in (TRAIN_STEPS, GENERATIONS, RUN_IDENTITY, SCORES):
        assert json.loads(path.read_text()) == FIGURES
    with pytest.raises(ArtifactError, match=r"scores.jsonl, line 1 is not a Score"):
        read_jsonl(SCORES, Score)


def test_a_folder_that_stands_for_a_model_holds_a_file_because_dvc_keeps_no_empty_ones() -> None:
    run_stage("train", OBSERVERS)
    assert is_marked(TUNED_MODEL)


def test_the_places_of_an_earlier_run_are_replaced_whole() -> None:
    TUNED_MODEL.mkdir(parents=True)
    (TUNED_MODEL / "model.safetensors").write_text("weights of another profile")
    run_stage("train", OBSERVERS)
    assert not (TUNED_MODEL / "model.safetensors").exists()


def test_a_stage_that_is_not_left_out_runs_as_ever() -> None:
    write_params("{train: false, generate: false, score: true}")
    with pytest.raises(FileNotFoundError):  # the code of the stage, which it would hash before it starts
        run_stage("train", OBSERVERS)
    assert not Path("metrics/train.json").exists()


@pytest.mark.parametrize(
    ("not_run", "left_out"),
    [
        ("{train: true, generate: false, score: false}", "['train'] are not run"),
        ("{train: false, generate: true, score: false}", "['generate'] are not run"),
        ("{train: true, generate: true, score: false}", "['train', 'generate'] are not run"),
    ],
)
def test_what_follows_a_stage_that_is_left_out_is_left_out_too(not_run: str, left_out: str) -> None:
    write_params(not_run)
    with pytest.raises(ParamsError) as caught:
        load_params(Path("params.yaml"))
    assert left_out in str(caught.value)


def test_a_tokenizer_without_a_model_is_for_profiles_that_need_no_weights() -> None:
    text = Path("params.yaml").read_text()
    line = next(line for line in text.splitlines() if line.startswith("  large:"))
    Path("params.yaml").write_text(text.replace(line, "  large: {kind: tokenizer, path: there}"))
    with pytest.raises(ParamsError, match=r"base.large is a tokenizer without a model: .* attempt.engine to recorded"):
        load_params(Path("params.yaml"))


def test_single_keys_of_a_section_are_dumped_beside_whole_sections() -> None:
    params: Params = load_params(Path("params.yaml"))
    assert params.dump(["seed", "not_run.train"]) == {"seed": 0, "not_run": {"train": True}}
    assert params.dump(["not_run", "not_run.train"]) == {"not_run": {"train": True, "generate": True, "score": True}}
