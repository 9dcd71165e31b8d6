"""The trained model: loaded with LoRA or without, saved whole, and stopping where its chats end."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from torch import distributed
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2ForCausalLM

from s1.config import LoraParams
from s1.model_loading import load_causal_model, load_tokenizer
from s1.models import ModelError
from s1.nano.tokenizer import build_tokenizer
from s1.training.guards import TrainingError
from s1.training.lora import add_lora, plain_name
from s1.training.model import check_precision, load_model, save_model
from s1.training.recompute import recompute_layers
from s1.training.spec import TrainSpec
from s1.training.stops import end_of_turn, settle_stops
from tests.training.tiny import PARAMS, make_model, make_spec

LORA = LoraParams(rank=4, alpha=8.0)
IDS = torch.tensor([[3, 4, 5]])
make_settings: Any = GenerationConfig
"""Its constructor is untyped."""
CHAT = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """This process as the only rank."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def make_tokenizer(*, template: str | None = CHAT, eos: str = "<|text|>", pad: str | None = None) -> Any:
    make: Any = PreTrainedTokenizerFast
    words = Tokenizer(WordLevel({"w0": 0, "w1": 1}, unk_token="w1"))
    words.add_special_tokens([AddedToken(name, special=True) for name in ("<|text|>", "<|eot|>", "<|pad|>")])
    return make(tokenizer_object=words, eos_token=eos, pad_token=pad, chat_template=template)


def gradients(model: Qwen2ForCausalLM) -> dict[str, torch.Tensor]:
    model.zero_grad()
    torch.manual_seed(5)  # dropout
    model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    return {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}


def test_lora_freezes_all_but_its_own_matrices() -> None:
    model = make_model()
    before = model(input_ids=IDS).logits
    add_lora(model, LORA, seed=0)
    assert torch.equal(model(input_ids=IDS).logits, before)  # B starts as 0
    trained = {name for name, part in model.named_parameters() if part.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if plain_name(name) is None}
    shapes = (16 + 16) * 2 + (16 + 8) * 2 + (16 + 32) * 3  # q, o; k, v; gate, up, down of the tiny model
    assert sum(part.numel() for part in model.parameters() if part.requires_grad) == 4 * shapes
    assert not any("lm_head" in name or "embed" in name for name in trained)


def test_loras_first_values_depend_on_the_seed_and_on_nothing_before() -> None:
    def first(seed: int, *, num_drawn: int = 0) -> torch.Tensor:
        model = make_model()
        torch.rand(num_drawn)
        add_lora(model, LORA, seed=seed)
        matrix = next(part for name, part in model.named_parameters() if "lora_A" in name)
        return matrix.detach()

    assert torch.equal(first(1), first(1, num_drawn=7))
    assert not torch.equal(first(1), first(2))


def test_lora_reaches_only_the_layers_that_are_named_and_refuses_others() -> None:
    model = make_model()
    add_lora(model, LORA.model_copy(update={"target_modules": ["q_proj"]}), seed=0)
    trained = [name for name, part in model.named_parameters() if part.requires_grad]
    assert len(trained) == 2 and all("q_proj" in name for name in trained)
    with pytest.raises(ModelError, match=r"\['c_attn'\].*\['down_proj', 'gate_proj', 'k_proj'"):
        add_lora(make_model(), LORA.model_copy(update={"target_modules": ["c_attn"]}), seed=0)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_recomputing_layers_leaves_loras_gradients_as_they_are(dropout: float) -> None:
    model = make_model()
    add_lora(model, LORA.model_copy(update={"dropout": dropout}), seed=0)
    model.train()
    for name, part in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(part)
    plain = gradients(model)
    recompute_layers(model, 1)
    again = gradients(model)
    assert plain.keys() == again.keys() and len(plain) == 14
    assert all(float(grad.abs().max()) > 0 for grad in plain.values())
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_a_gpu_without_bfloat16_is_refused_before_a_model_is_loaded() -> None:
    with pytest.raises(TrainingError, match="bfloat16, which Tesla T4 does not compute in; set train.dtype to float32"):
        check_precision("bfloat16", can_bfloat16=lambda: False, device_name=lambda: "Tesla T4")
    check_precision("float32", can_bfloat16=lambda: False, device_name=lambda: "Tesla T4")
    check_precision("bfloat16", can_bfloat16=lambda: True, device_name=lambda: "H100")


def test_a_turn_ends_where_the_template_says() -> None:
    tokenizer = make_tokenizer()
    assert end_of_turn(tokenizer) == tokenizer.convert_tokens_to_ids("<|eot|>")
    assert end_of_turn(build_tokenizer()) == build_tokenizer().convert_tokens_to_ids("<|im_end|>")


@pytest.mark.parametrize("template", [None, "{{ messages[0].content }}", "{{ messages[-1].content }} w0"])
def test_a_template_that_ends_turns_with_no_token_of_its_own_leaves_the_end_as_it_is(template: str | None) -> None:
    assert end_of_turn(make_tokenizer(template=template)) is None


def test_a_tuned_model_stops_at_the_end_of_a_turn_and_still_where_it_stopped_before() -> None:
    model, tokenizer = make_model(), make_tokenizer()
    text, turn = (tokenizer.convert_tokens_to_ids(name) for name in ("<|text|>", "<|eot|>"))
    settle_stops(model, tokenizer)
    assert model.generation_config is not None
    assert model.generation_config.eos_token_id == [turn, 0]  # 0 is the tiny model's own
    assert (tokenizer.eos_token_id, model.config.eos_token_id) == (turn, turn)
    model.generation_config = make_settings(eos_token_id=[turn, text])
    settle_stops(model, tokenizer)
    assert model.generation_config.eos_token_id == [turn, text]


@pytest.mark.parametrize(
    ("pad", "expected"), [("<|eot|>", None), ("<|pad|>", "<|pad|>"), (None, None)], ids=["ends turns", "own", "none"]
)
def test_padding_is_a_token_that_ends_nothing(pad: str | None, expected: str | None) -> None:
    model, tokenizer = make_model(), make_tokenizer(pad=pad)
    before = model.config.pad_token_id
    settle_stops(model, tokenizer)
    wanted = before if expected is None else tokenizer.convert_tokens_to_ids(expected)
    assert model.config.pad_token_id == wanted


def test_qwens_padding_is_the_references() -> None:
    model, tokenizer = make_model(), build_tokenizer()
    tokenizer.pad_token = "<|endoftext|>"  # as Qwen2.5 has it
    settle_stops(model, tokenizer)
    assert tokenizer.pad_token == "<|fim_pad|>"
    assert model.config.pad_token_id == tokenizer.convert_tokens_to_ids("<|fim_pad|>")


def test_generation_settings_that_transformers_would_not_write_cost_no_training(tmp_path: Path) -> None:
    model = make_model()
    contradicting = make_settings(do_sample=False, temperature=0.6, eos_token_id=0)
    model.generation_config = contradicting
    with pytest.raises(ValueError, match="do_sample"):
        model.save_pretrained(tmp_path / "refused")
    settle_stops(model, make_tokenizer())
    model.save_pretrained(tmp_path / "m")
    written = json.loads((tmp_path / "m/generation_config.json").read_text())
    assert (written["do_sample"], written["temperature"]) == (True, 0.6)


def test_large_models_are_saved_in_several_files(tmp_path: Path, group: None, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec(tmp_path)
    monkeypatch.setattr("s1.training.model.MAX_FILE_SIZE", "4KB")
    model = load_model(spec, zero_config={})
    save_model(model, is_sharded=False, tokenizer_folder=spec.model_folder, folder=tmp_path / "tuned")
    assert len(list((tmp_path / "tuned").glob("model-*-of-*.safetensors"))) > 2
    saved = load_causal_model(tmp_path / "tuned", dtype=torch.float32)
    assert torch.equal(saved(input_ids=IDS).logits, model(input_ids=IDS).logits)


CASES = {
    "full-2": {"zero_stage": 2, "dtype": "bfloat16", "lora": None},
    "full-3": {"zero_stage": 3, "dtype": "float32", "lora": None},
    "lora-2": {"zero_stage": 2, "dtype": "float32", "lora": LORA},
    "lora-3": {"zero_stage": 3, "dtype": "bfloat16", "lora": LORA},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainSpec]:
    """All cases trained and saved by two ranks, in one launch."""
    root = tmp_path_factory.mktemp("saving")
    base = make_spec(root)
    specs = {}
    for name, changes in CASES.items():
        spec = base.model_copy(update={"run_folder": root / "cases" / name, "train": PARAMS.model_copy(update=changes)})
        spec.run_folder.mkdir(parents=True)
        (spec.run_folder / "spec.json").write_text(spec.model_dump_json())
        specs[name] = spec
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    subprocess.run([*command, "-m", "tests.training.saving_ranks", str(root / "cases")], check=True, timeout=300)
    return specs


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_was_trained_is_what_is_saved_in_its_precision(runs: dict[str, TrainSpec], name: str) -> None:
    spec = runs[name]
    dtype = getattr(torch, spec.train.dtype)
    saved = load_causal_model(spec.output_folder, dtype="auto")
    assert {part.dtype for part in saved.parameters()} == {dtype}
    assert saved.state_dict().keys() == make_model().state_dict().keys()
    assert saved.lm_head.weight is saved.model.embed_tokens.weight  # still tied
    seen = torch.load(spec.run_folder / "seen.pt", weights_only=True)
    is_lora = spec.train.lora is not None
    assert (seen["frozen"] > 0, seen["matrices"] > 0) == (is_lora, is_lora)
    logits = saved(input_ids=IDS).logits
    assert float((logits - seen["logits"]).detach().abs().max()) < (1e-5 if dtype == torch.float32 else 3e-2)
    before = load_causal_model(spec.model_folder, dtype=torch.float32)(input_ids=IDS).logits
    assert float((logits - before).detach().abs().max()) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lora-2", "lora-3"])
def test_loras_matrices_lie_beside_the_model_as_peft_reads_them(runs: dict[str, TrainSpec], name: str) -> None:
    spec = runs[name]
    merged = load_causal_model(spec.output_folder, dtype=torch.float32)(input_ids=IDS).logits
    base = load_causal_model(spec.model_folder, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, spec.output_folder / "adapter")(input_ids=IDS).logits
    assert float((merged - adapted).detach().abs().max()) < (1e-5 if spec.train.dtype == "float32" else 3e-2)


@pytest.mark.slow
def test_the_saved_tokenizer_is_the_base_models(runs: dict[str, TrainSpec]) -> None:
    spec = runs["full-3"]
    before, after = load_tokenizer(spec.model_folder), load_tokenizer(spec.output_folder)
    assert (after.chat_template, after.get_vocab()) == (before.chat_template, before.get_vocab())
