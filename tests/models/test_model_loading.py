"""Model folders are data: code and pickles in them are never run, and what is missing then is said."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from s1.config import load_params
from s1.engine.model import load_model
from s1.model_loading import load_causal_model, load_tokenizer
from s1.models import ModelError, resolve_model
from s1.nano.tokenizer import build_tokenizer
from tests.engine.tiny import build_tiny_model

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
AUTO_MAP = {
    "AutoConfig": "planted.Planted",
    "AutoModelForCausalLM": "planted.Planted",
    "AutoTokenizer": ["planted.Planted", None],
}


class Planted:
    """What a pickle of it runs."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self._marker),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model's folder."""
    made = tmp_path / "model"
    build_tiny_model().save_pretrained(made)
    build_tokenizer().save_pretrained(made)
    return made


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Planted code makes this folder."""
    return tmp_path / "it-ran"


def plant_code(folder: Path, marker: Path, *, known: bool) -> None:
    """Code beside the model, named in its JSON files; ``known``: of an architecture that transformers knows itself."""
    (folder / "planted.py").write_text(f"import os\nos.mkdir({str(marker)!r})\n")
    for name, key in (("config.json", "model_type"), ("tokenizer_config.json", "tokenizer_class")):
        content = json.loads((folder / name).read_text())
        content |= {"auto_map": AUTO_MAP} | ({} if known else {key: "Planted"})
        (folder / name).write_text(json.dumps(content))


def test_code_beside_a_model_of_a_known_architecture_is_not_run(folder: Path, marker: Path) -> None:
    plant_code(folder, marker, known=True)
    assert type(load_causal_model(folder, dtype=torch.float32)).__name__ == "Qwen2ForCausalLM"
    assert load_tokenizer(folder)("yes", add_special_tokens=False)["input_ids"] != []
    assert not marker.exists()


@pytest.mark.parametrize("load", [lambda folder: load_causal_model(folder, dtype=torch.float32), load_tokenizer])
def test_a_model_that_needs_its_own_code_is_refused_with_advice(
    folder: Path, marker: Path, load: Callable[[Path], Any]
) -> None:
    plant_code(folder, marker, known=False)
    with pytest.raises(ModelError, match="Python code of its own .* never run here. Choose a model"):
        load(folder)
    assert not marker.exists()


def replace_weights_by_a_pickle(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Planted(marker)}, folder / "pytorch_model.bin")


def test_a_folder_with_pickled_weights_only_is_refused_with_advice(folder: Path, marker: Path) -> None:
    replace_weights_by_a_pickle(folder, marker)
    for load in (resolve_model, lambda path: load_model(path, engine=PARAMS.generate.engine, chat=PARAMS.chat)):
        with pytest.raises(
            ModelError, match=r"model\.safetensors is missing.*convert other weights with save_pretrained"
        ):
            load(folder)
    with pytest.raises(OSError, match=r"model\.safetensors"):  # and training, whose folder was checked before
        load_causal_model(folder, dtype=torch.float32)
    assert not marker.exists()


def test_the_planted_pickle_would_have_run(folder: Path, marker: Path) -> None:
    replace_weights_by_a_pickle(folder, marker)
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert marker.is_dir()
