"""Models of real shapes from the hub's cache to a score: Qwen2.5-0.5B (random weights, real tokenizer) and Llama."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors import safe_open
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from s1.artifacts import read_jsonl
from s1.config import ChatParams, HubModel, LoraParams, PathModel
from s1.model_loading import load_causal_model, load_tokenizer
from s1.models import check_model_folder
from s1.records import Generation
from s1.training.examples import read_examples
from tasks.base import place_pointer
from tasks.paths import EXAMPLES, GENERATIONS, LARGE_MODEL, TUNED_MODEL
from tests.models import real_chain
from tests.models.snapshots import COMMIT, QWEN_TOKENIZER, put_into_hub_cache, read_json, save_qwen

pytestmark = pytest.mark.slow

REPO = "Qwen/Qwen2.5-0.5B-Instruct"
NUM_PARAMETERS = 494_032_768
FULL_GIGABYTES = 16
"""Two ranks with weights, gradients, masters and moments of half a billion parameters took 15."""
needs_tokenizer = pytest.mark.skipif(
    not QWEN_TOKENIZER.is_dir(), reason="the tokenizer of Qwen2.5 lies beside the folder that S1_DATA names"
)
LLAMA_CHAT = ChatParams(
    think_start="<|start_header_id|>think<|end_header_id|>\n\n",
    answer_start="<|start_header_id|>answer<|end_header_id|>\n\n",
    final_answer="Final Answer:",
    wait="Wait",
    think_stops=["<|start_header_id|>", "<|eot_id|>"],
)
LLAMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA_SPECIAL = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


@pytest.fixture(scope="module")
def hub_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A hub cache that holds the model; a gigabyte, removed at the end."""
    root = tmp_path_factory.mktemp("hub")
    save_qwen(root / "origin")
    put_into_hub_cache(root / "origin", root / "cache", repo=REPO)
    yield root / "cache"
    shutil.rmtree(root)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with selection and benchmark, being the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("S1_CLUSTER", raising=False)
    real_chain.make_inputs()
    yield tmp_path
    shutil.rmtree(tmp_path / "models", ignore_errors=True)


def place_qwen(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base stage's part, from the cache, without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub_cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    figures = place_pointer(HubModel(kind="hub", repo=REPO), LARGE_MODEL)
    assert figures == {"kind": "hub", "repo": REPO, "commit": COMMIT, "num_parameters": NUM_PARAMETERS}


def weight(folder: Path, name: str) -> torch.Tensor:
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        found: torch.Tensor = file.get_tensor(name)
    return found


def changed(hub_cache: Path, *names: str) -> list[bool]:
    """Whether each weight of the tuned model is another than the base model's."""
    [snapshot] = (hub_cache / f"models--{REPO.replace('/', '--')}" / "snapshots").iterdir()
    return [not torch.equal(weight(snapshot, name), weight(TUNED_MODEL, name)) for name in names]


def check_qwen_folder() -> None:
    """Whole, in bfloat16, with the base model's tokenizer; it stops at the end of a turn."""
    assert check_model_folder(TUNED_MODEL).keys() == {"model.safetensors"}
    config, generation = read_json(TUNED_MODEL / "config.json"), read_json(TUNED_MODEL / "generation_config.json")
    assert (config["dtype"], config["tie_word_embeddings"], config["use_cache"]) == ("bfloat16", True, True)
    assert (generation["eos_token_id"], generation["pad_token_id"]) == ([151645, 151643], 151662)
    before, after = load_tokenizer(LARGE_MODEL), load_tokenizer(TUNED_MODEL)
    assert (after.eos_token, after.pad_token) == ("<|im_end|>", "<|fim_pad|>")
    assert after.chat_template == before.chat_template
    text = "<|im_start|>think\n3 + 5 = 8, naïvely ≈ 8.0\n<|im_start|>answer"
    assert after.encode(text) == before.encode(text)


def check_answers() -> None:
    scores: Any = real_chain.answer()["sums"]
    assert set(scores["tuned"]) == {"max-3", "max-6", "wait-0"}
    assert set(scores["base"]) == {"direct"}
    rows = read_jsonl(GENERATIONS, Generation)
    assert {row.state for row in rows} <= {"answered", "cut_at_length"}
    assert [row.num_sampled_tokens > 0 for row in rows] == [True] * 4


@needs_tokenizer
def test_qwen_is_trained_by_lora_and_answers_in_its_chat(
    hub_cache: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_qwen(hub_cache, monkeypatch)
    assert not list(LARGE_MODEL.glob("*.safetensors"))
    assert real_chain.tokenize()["num_examples"] == 4
    lora = LoraParams(rank=8, alpha=16.0)
    params = real_chain.TRAIN.model_copy(update={"lora": lora, "zero_stage": 2, "batch_size": 4})
    assert real_chain.train_on(params)["num_steps"] == 1
    check_qwen_folder()
    layers = [f"model.layers.{number}.self_attn.q_proj.weight" for number in (0, 23)]
    assert changed(hub_cache, *layers, "model.embed_tokens.weight", "model.norm.weight") == [True, True, False, False]
    assert (TUNED_MODEL / "adapter/adapter_model.safetensors").is_file()
    check_answers()
    model, tokenizer = load_causal_model(TUNED_MODEL, dtype="auto"), load_tokenizer(TUNED_MODEL)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is 3 + 5?"}], add_generation_prompt=True, return_tensors="pt"
    )
    written: Any = model
    answer = written.generate(**prompt, max_new_tokens=3, do_sample=False)
    assert answer.shape[1] == prompt["input_ids"].shape[1] + 3


@needs_tokenizer
def test_qwen_is_trained_whole_and_answers(hub_cache: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory().available / 1e9
    if free < FULL_GIGABYTES:
        pytest.skip(f"training half a billion parameters takes {FULL_GIGABYTES} GB of memory; {free:.0f} are free")
    place_qwen(hub_cache, monkeypatch)
    real_chain.tokenize()
    figures = real_chain.train_on(real_chain.TRAIN.model_copy(update={"batch_size": 4, "zero_stage": 2}))
    assert figures["num_steps"] == 1
    check_qwen_folder()
    # Norms move too, in their masters: by less than bfloat16 tells from 1.
    names = [
        "model.embed_tokens.weight",
        "model.layers.11.mlp.down_proj.weight",
        "model.layers.5.self_attn.q_proj.bias",
    ]
    assert changed(hub_cache, *names) == [True, True, True]
    check_answers()


def save_llama(folder: Path) -> None:
    """A tiny model of Llama 3's architecture with a tokenizer of bytes and Llama 3's special tokens and template."""
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(BPE(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in LLAMA_SPECIAL])
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(
        tokenizer_object=backend,
        bos_token="<|begin_of_text|>",
        eos_token="<|end_of_text|>",
        chat_template=LLAMA_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=272,  # padded, as large vocabularies are
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=256,
        eos_token_id=257,
        tie_word_embeddings=False,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_llama_is_trained_and_answers_with_delimiters_of_its_own(workspace: Path) -> None:
    save_llama(workspace / "llama")
    place_pointer(PathModel(kind="path", path=str(workspace / "llama")), LARGE_MODEL)
    real_chain.tokenize(chat=LLAMA_CHAT)
    tokenizer = load_tokenizer(LARGE_MODEL)
    [first, *_] = read_examples(EXAMPLES)
    assert tokenizer.decode(first.input_ids) == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat is 2 + 3?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n<|start_header_id|>think<|end_header_id|>\n\n"
        "2 and 3 make 5.\n<|start_header_id|>answer<|end_header_id|>\n\nAnswer: 5<|eot_id|>"
    )
    params = real_chain.TRAIN.model_copy(update={"dtype": "float32", "num_epochs": 15, "learning_rate": 0.01})
    figures = real_chain.train_on(params)
    assert figures["num_steps"] == 30
    losses: Any = figures["loss"]
    assert losses["last_epoch"] < 0.6 * losses["first_epoch"]
    ends = read_json(TUNED_MODEL / "generation_config.json")["eos_token_id"]
    assert ends == [tokenizer.convert_tokens_to_ids("<|eot_id|>"), 257]
    assert load_tokenizer(TUNED_MODEL).eos_token == "<|eot_id|>"
    real_chain.answer(chat=LLAMA_CHAT)
    rows = {row.setting: row for row in read_jsonl(GENERATIONS, Generation) if row.model == "tuned"}
    forced = [part.text for part in rows["max-3"].segments if part.forced]
    assert "<|start_header_id|>answer<|end_header_id|>\n\n" in "".join(forced)
