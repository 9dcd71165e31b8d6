"""Model folders and pointers to them."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from s1.models import (
    ModelError,
    ModelSource,
    check_model_folder,
    count_parameters,
    download_from_hub,
    locate_model,
    resolve_model,
    write_pointer,
)


def save_model(folder: Path, *, num_shards: int = 1) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen2"}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    if num_shards == 1:
        save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float32)}, folder / "model.safetensors")
        return folder
    names = [f"model-{shard}.safetensors" for shard in range(num_shards)]
    for name in names:
        save_file({name: np.zeros((5, 2), np.float32)}, folder / name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {name: name for name in names}}))
    return folder


def point_to(origin: Path, target: Path) -> Path:
    source = ModelSource(kind="path", path=str(origin), weights=check_model_folder(origin))
    write_pointer(source, origin=origin, target=target)
    return target


def test_parameters_are_counted_over_all_weight_files(tmp_path: Path) -> None:
    assert count_parameters(save_model(tmp_path / "one")) == 10
    assert count_parameters(save_model(tmp_path / "three", num_shards=3)) == 30


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = save_model(tmp_path / "m")
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=f"{missing} is missing"):
        check_model_folder(folder)


def test_a_missing_shard_of_the_index_is_named(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m", num_shards=2)
    (folder / "model-1.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model-1\.safetensors is missing"):
        check_model_folder(folder)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="holds no tokenizer"):
        check_model_folder(folder)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    weights = save_model(tmp_path / "m") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"model\.safetensors is truncated"):
        check_model_folder(tmp_path / "m")


def test_a_folder_with_weights_resolves_to_itself(tmp_path: Path) -> None:
    assert resolve_model(save_model(tmp_path / "m")) == tmp_path / "m"


def test_a_pointer_holds_the_small_files_and_leads_to_the_weights(tmp_path: Path) -> None:
    origin = save_model(tmp_path / "m", num_shards=2)
    pointer = point_to(origin, tmp_path / "pointer")
    assert sorted(path.name for path in pointer.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "source.json",
        "tokenizer.json",
    ]
    assert resolve_model(pointer) == origin


def test_other_weights_than_recorded_are_refused(tmp_path: Path) -> None:
    origin = save_model(tmp_path / "m")
    pointer = point_to(origin, tmp_path / "pointer")
    save_file({"a": np.zeros(99, np.float32)}, origin / "model.safetensors")
    with pytest.raises(ModelError, match="not the model that the stage `base` recorded"):
        resolve_model(pointer)


def test_a_corrupt_pointer_says_how_to_get_a_good_one(tmp_path: Path) -> None:
    pointer = point_to(save_model(tmp_path / "m"), tmp_path / "base" / "large")
    (pointer / "source.json").write_text("{")
    with pytest.raises(ModelError, match=r"source\.json is corrupt.*stage `base`"):
        resolve_model(pointer)


def test_a_hub_model_is_pinned_to_the_commit_and_found_by_it(tmp_path: Path) -> None:
    snapshot = save_model(tmp_path / "snapshots" / "c0ffee")
    asked: list[str] = []

    def download(repo: str, revision: str) -> Path:
        asked.append(f"{repo}@{revision}")
        return snapshot

    source = locate_model(repo="lab/model", revision="main", download=download)
    write_pointer(source, origin=snapshot, target=tmp_path / "pointer")
    assert (source.commit, list(source.weights)) == ("c0ffee", ["model.safetensors"])
    assert resolve_model(tmp_path / "pointer", download=download) == snapshot
    assert asked == ["lab/model@main", "lab/model@c0ffee"]


def test_an_unreachable_hub_model_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"'lab/none' at revision 'main' cannot be fetched.*kind: path"):
        download_from_hub("lab/none", "main")


def test_a_model_that_no_stage_has_made_is_named_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is missing. Run the stage that makes it: `dvc repro`"):
        resolve_model(tmp_path / "none")
