"""Parameters and operations, from the config alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from s1.planning import PlanError, read_shape
from s1.planning.published import QWEN25_32B
from s1.planning.shapes import shape_of

TINY: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def count_on_meta(family: str, **extra: Any) -> int:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    make_model: Any = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        model = make_model(AutoConfig.for_model(family, **TINY, **extra))
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("family", "extra"),
    [
        ("qwen2", {"tie_word_embeddings": True}),
        ("qwen2", {"tie_word_embeddings": False}),
        ("llama", {"tie_word_embeddings": False}),
        ("llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 10, "tie_word_embeddings": False}),
        ("mistral", {"head_dim": 8, "tie_word_embeddings": False}),
        ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
        ("qwen3", {"attention_bias": True, "head_dim": 6, "tie_word_embeddings": False}),
    ],
)
def test_parameters_are_those_that_transformers_makes(family: str, extra: dict[str, Any]) -> None:
    shape = shape_of({"model_type": family, **TINY, **extra}, name="here")
    assert shape.num_parameters == count_on_meta(family, **extra)


def test_a_saved_config_gives_the_same_shape_as_the_model_that_it_is_of(tmp_path: Path) -> None:
    from transformers import Qwen3Config

    Qwen3Config(**TINY).save_pretrained(tmp_path)
    assert read_shape(tmp_path / "config.json").num_parameters == count_on_meta("qwen3")


def test_qwen_32b_has_the_parameters_and_operations_that_are_known_of_it() -> None:
    assert QWEN25_32B.num_parameters == 32_763_876_352
    assert QWEN25_32B.matrix_parameters == 31_984_189_440
    assert QWEN25_32B.training_flops(4700) / 4700 == pytest.approx(201e9, rel=0.001)
    assert QWEN25_32B.training_flops(20000) / 20000 == pytest.approx(231e9, rel=0.001)


def test_attentions_weight_makes_costs_proportional_to_operations() -> None:
    short, long = 100, 9000
    weight = QWEN25_32B.attention_weight
    costs = [length + weight * length**2 for length in (short, long)]
    flops = [QWEN25_32B.training_flops(length) for length in (short, long)]
    assert costs[1] / costs[0] == pytest.approx(flops[1] / flops[0], rel=1e-12)


@pytest.mark.parametrize("targets", [[], ["q_proj", "v_proj"], ["down_proj"]])
def test_lora_trains_as_many_parameters_as_peft_adds(targets: list[str]) -> None:
    import torch
    from peft import LoraConfig, inject_adapter_in_model
    from transformers import AutoModelForCausalLM, Qwen2Config

    make_model: Any = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        model = make_model(Qwen2Config(**TINY))
    wanted: Any = targets or "all-linear"
    inject_adapter_in_model(LoraConfig(r=5, target_modules=wanted, task_type="CAUSAL_LM"), model)
    added = sum(parameter.numel() for name, parameter in model.named_parameters() if "lora_" in name)
    assert shape_of({"model_type": "qwen2", **TINY}, name="here").lora_parameters(rank=5, targets=targets) == added


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mixtral"}, "model_type is 'mixtral'; plans know llama, mistral, qwen2, qwen3"),
        ({"hidden_size": "24"}, "hidden_size is '24'; a whole number above 0 belongs there"),
        ({"vocab_size": 0}, "vocab_size is 0"),
    ],
)
def test_a_config_that_is_not_understood_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "qwen2", **TINY, **change}))
    with pytest.raises(PlanError) as caught:
        read_shape(file)
    assert f"{file}: {message}" in str(caught.value)


def test_a_missing_or_broken_config_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="dvc repro base"):
        read_shape(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(PlanError, match="is not JSON"):
        read_shape(tmp_path / "config.json")
