"""What does not fit a model is refused from its small files, with what to change, before anything is paid for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from s1.config import LoraParams, Params, PathModel, load_params
from s1.model_limits import check_context, check_examples, check_lora, check_vocabulary, context_of
from s1.models import ModelError
from tasks import base
from tasks.runner import Observers, ignore_steps, run_directly, run_stage

PROJECT = Path(__file__).resolve().parents[2]
NANO = load_params(PROJECT / "profiles/nano.yaml")
SHAPES = {
    "model.embed_tokens.weight": (10, 2),
    "model.layers.0.self_attn.q_proj.weight": (2, 2),
    "model.layers.0.self_attn.q_proj.bias": (2,),
    "model.layers.0.mlp.up_proj.weight": (4, 2),
    "model.layers.0.input_layernorm.weight": (2,),
    "lm_head.weight": (10, 2),
}


def make_folder(folder: Path, *, largest_id: int = 9, **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"vocab_size": 10, "max_position_embeddings": 1024} | config))
    tokenizer = {"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": largest_id, "content": "<|end|>"}]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    save_file({name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}, folder / "model.safetensors")
    return folder


def edited(**changes: object) -> Params:
    """The nano profile with other values; two underscores stand for a dot."""
    data = NANO.model_dump(mode="json")
    for key, value in changes.items():
        *path, last = key.split("__")
        section = data
        for part in path:
            section = section[part]
        section[last] = value
    return Params.model_validate(data)


def test_a_tokenizer_within_the_vocabulary_passes(tmp_path: Path) -> None:
    check_vocabulary(make_folder(tmp_path / "m"))


def test_a_token_without_an_embedding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"ids up to 10, the model embeddings for 10 tokens \(ids up to 9\).*own token"
    ):
        check_vocabulary(make_folder(tmp_path / "m", largest_id=10))


def test_a_token_that_only_the_tokenizers_settings_name_is_found(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": {"11": {"content": "<pad>"}}}))
    with pytest.raises(ModelError, match="ids up to 11"):
        check_vocabulary(folder)


def test_a_plain_vocabulary_file_is_read_where_it_is_the_tokenizer(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps({"a": 0, "z": 12}))
    with pytest.raises(ModelError, match="ids up to 12"):
        check_vocabulary(folder)


def test_weights_of_another_size_than_the_configuration_says_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="vocab_size 12, the weights have embeddings for 10 tokens"):
        check_vocabulary(make_folder(tmp_path / "m", vocab_size=12))


def test_the_base_stage_refuses_a_foreign_tokenizer(tmp_path: Path) -> None:
    make_folder(tmp_path / "mine", largest_id=151_643)
    with pytest.raises(ModelError, match="belongs to another model"):
        base.place_pointer(PathModel(kind="path", path=str(tmp_path / "mine")), tmp_path / "target")


def test_examples_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    check_examples(folder, largest_id=9, longest=1024)
    with pytest.raises(ModelError, match=r"token id 10, .* has 10 tokens.*stage `tokenize` again"):
        check_examples(folder, largest_id=10, longest=5)


def test_examples_longer_than_the_context_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has 1025 tokens.*context of 1024: lower tokenize.max_length to 1024"):
        check_examples(make_folder(tmp_path / "m"), largest_id=1, longest=1025)


def test_layers_for_lora_that_do_not_exist_are_answered_with_those_that_do(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    check_lora(LoraParams(rank=2, alpha=4, target_modules=["q_proj"]), folder)
    for name in ("query", "lm_head", "embed_tokens"):
        with pytest.raises(ModelError, match=rf"names \['{name}'\].*linear layers are \['q_proj', 'up_proj'\]"):
            check_lora(LoraParams(rank=2, alpha=4, target_modules=["q_proj", name]), folder)


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({}, 1024),
        ({"max_position_embeddings": None, "n_positions": 512}, 512),
        ({"max_position_embeddings": None}, None),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, 1024),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}}, 4096),
        ({"text_config": {"max_position_embeddings": 2048}}, 2048),
    ],
)
def test_a_context_is_read_out_of_the_configuration(
    tmp_path: Path, config: dict[str, Any], context: int | None
) -> None:
    assert context_of(make_folder(tmp_path / "m", **config)) == context


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenize__max_length": 1025}, "tokenize.max_length is 1025.*base.large 1024 tokens: lower it to 1024"),
        ({"attempt__max_new_tokens": 1024}, r"attempt.max_new_tokens is 1024, but base\.small has 1024 tokens"),
        ({"generate__budgets": [16, 1008]}, "generate.budgets asks for 1008 thinking tokens.*for 16 more"),
        ({"generate__max_thinking_tokens": 1020}, "generate.max_thinking_tokens asks for 1020 .* to auto"),
        (
            {"generate__settings": [{"name": "long", "max_thinking_tokens": 2000}]},
            "generate.settings, long, max_thinking_tokens asks for 2000",
        ),
        (
            {"generate__engine": {"kind": "vllm", "dtype": "float32", "max_context": 2048}},
            r"generate.engine.max_context is 2048, the context of base\.large 1024",
        ),
        (
            {"attempt__engine": {"kind": "vllm", "dtype": "float32", "max_context": 10}},
            r"attempt.max_new_tokens is 16, but base\.small has 10 tokens",
        ),
    ],
)
def test_what_is_beyond_the_context_is_named_with_its_parameter(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folders = {name: make_folder(tmp_path / name) for name in ("small", "large")}
    check_context(NANO, folders)
    with pytest.raises(ModelError, match=message):
        check_context(edited(**changes), folders)


def test_budgets_are_held_against_what_the_server_is_given(tmp_path: Path) -> None:
    engine = {"kind": "vllm", "dtype": "float32", "max_context": 400}
    with pytest.raises(ModelError, match="asks for 384 thinking tokens.* has 400 tokens"):
        check_context(edited(generate__engine=engine), {"large": make_folder(tmp_path / "m")})


def test_folders_that_say_nothing_are_not_judged(tmp_path: Path) -> None:
    check_context(edited(tokenize__max_length=10**9), {"small": tmp_path, "large": tmp_path})


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is not valid JSON"):
        context_of(folder)


def test_the_first_paid_stage_already_refuses_what_a_later_one_would_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("small", "large"):
        make_folder(Path("models/base") / name)
    Path("dvc.yaml").write_bytes((PROJECT / "dvc.yaml").read_bytes())
    nano = (PROJECT / "params.yaml").read_text()
    Path("params.yaml").write_text(nano.replace("max_length: 1024", "max_length: 32768"))
    observers = Observers(progress=lambda done, total, note: None, run_shard=run_directly, track_step=ignore_steps)
    with pytest.raises(ModelError, match="tokenize.max_length is 32768"):
        run_stage("attempt", observers)
