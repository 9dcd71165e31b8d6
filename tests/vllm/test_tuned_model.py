"""A model that was tuned here by LoRA and saved answers from a real vLLM server as it does from transformers."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from torch import distributed

from infra.vllm_servers import vllm_servers
from s1.config import LoraParams
from s1.model_loading import load_causal_model, load_tokenizer
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from s1.training.lora import plain_name
from s1.training.model import load_model, save_model
from tests.training.tiny import PARAMS
from tests.training.tiny import make_spec as make_tiny

pytestmark = pytest.mark.slow

NUM_TOKENS = 12
MESSAGES = [{"role": "user", "content": "Which dial turned k+3 shows l=4?"}]
LORA = LoraParams(rank=4, alpha=8.0)


def tune_and_save(root: Path) -> Path:
    """Heads of 32, which vLLM's kernels for processors know; LoRA's matrices as after steps of training."""
    tokenizer = build_tokenizer()
    shape = NanoModelSpec(hidden_size=128, num_layers=2, num_heads=4, intermediate_size=128)
    base = root / "nano"
    build_model(shape, tokenizer, seed=0).save_pretrained(base)
    tokenizer.save_pretrained(base)
    train = PARAMS.model_copy(update={"lora": LORA})
    spec = make_tiny(root, train=train).model_copy(update={"model_folder": base})
    distributed.init_process_group("gloo", init_method=f"file://{root}/meeting", rank=0, world_size=1)
    try:
        model = load_model(spec, zero_config={})
        for name, part in model.named_parameters():
            if plain_name(name) is None:
                torch.nn.init.normal_(part, std=0.3)
        save_model(model, is_sharded=False, tokenizer_folder=base, folder=root / "tuned")
    finally:
        distributed.destroy_process_group()
    return root / "tuned"


def answer_here(folder: Path) -> list[int]:
    model: Any = load_causal_model(folder, dtype=torch.float32)
    prompt = load_tokenizer(folder).apply_chat_template(MESSAGES, add_generation_prompt=True, return_tensors="pt")
    written = model.generate(**prompt, max_new_tokens=NUM_TOKENS, do_sample=False)
    answer: list[int] = written[0, prompt["input_ids"].shape[1] :].tolist()
    return answer


def test_a_tuned_model_answers_in_its_chat_from_a_server_and_from_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = tune_and_save(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "S1_VLLM_URLS"}
    with vllm_servers(folder, dtype="float32", log_folder=tmp_path / "logs", environment=environment) as [url]:
        response = httpx.post(
            f"{url}/v1/chat/completions",
            json={
                "model": str(folder),
                "messages": MESSAGES,
                "max_tokens": NUM_TOKENS,
                "temperature": 0.0,
                "return_token_ids": True,
            },
            timeout=60,
        )
    assert response.status_code == 200, response.text
    [choice] = response.json()["choices"]
    assert choice["token_ids"] == answer_here(folder)
    before = load_causal_model(tmp_path / "nano", dtype=torch.float32)
    prompt = torch.tensor([response.json()["prompt_token_ids"]])
    assert int(before(input_ids=prompt).logits[0, -1].argmax()) != choice["token_ids"][0]  # it was really tuned
