"""Models of real shapes with random weights, in the hub's cache layout or as plain folders."""

import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

QWEN_TOKENIZER = Path(os.environ.get("S1_DATA", "nowhere")).parent / "tokenizer" / "qwen2.5"
COMMIT = "7ae557604adf67be50417f59c2c2f167def9a775"
QWEN_05B = Qwen2Config(
    vocab_size=151936,
    hidden_size=896,
    intermediate_size=4864,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    max_position_embeddings=32768,
    rms_norm_eps=1e-6,
    tie_word_embeddings=True,
    bos_token_id=151643,
    eos_token_id=151645,
    rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
    dtype="bfloat16",
    architectures=["Qwen2ForCausalLM"],
)
make_settings: Any = GenerationConfig
"""Its constructor is untyped."""
QWEN_GENERATION = make_settings(
    bos_token_id=151643,
    pad_token_id=151643,
    eos_token_id=[151645, 151643],
    do_sample=True,
    repetition_penalty=1.05,
    temperature=0.7,
    top_p=0.8,
    top_k=20,
)


def random_weights(model: torch.nn.Module, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights for a model that was built on the device ``meta``: norms 1, biases 0, the rest of deviation 0.02.

    A million numbers are drawn and repeated, each weight from another place on: half a billion would take a minute.
    """
    drawn = 0.02 * torch.randn(1_000_003, generator=torch.Generator().manual_seed(seed))
    weights = {}
    for number, (name, parameter) in enumerate(model.named_parameters()):
        if "norm" in name:
            weights[name] = torch.ones(parameter.shape, dtype=torch.bfloat16)
        elif name.endswith("bias"):
            weights[name] = torch.zeros(parameter.shape, dtype=torch.bfloat16)
        else:
            rolled = drawn.roll(7919 * number).to(torch.bfloat16)
            repeats = -(-parameter.numel() // rolled.numel())
            weights[name] = rolled.repeat(repeats)[: parameter.numel()].reshape(parameter.shape)
    return weights


def save_qwen(folder: Path, config: Qwen2Config = QWEN_05B) -> None:
    """A model in the shape of Qwen2.5 with the real tokenizer's files."""
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config)
    folder.mkdir(parents=True)
    save_file(random_weights(model), folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    QWEN_GENERATION.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(gzip.decompress((QWEN_TOKENIZER / "tokenizer.json.gz").read_bytes()))
    for name in ("tokenizer_config.json", "vocab.json", "merges.txt", "chat_template.jinja"):
        if (QWEN_TOKENIZER / name).is_file():
            (folder / name).write_bytes((QWEN_TOKENIZER / name).read_bytes())


def put_into_hub_cache(origin: Path, cache: Path, *, repo: str) -> Path:
    """Lay a model's files out as the hub's own client does: blobs, and links to them under the commit."""
    place = cache / f"models--{repo.replace('/', '--')}"
    snapshot, blobs = place / "snapshots" / COMMIT, place / "blobs"
    for folder in (snapshot, blobs, place / "refs"):
        folder.mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    for file in origin.iterdir():
        file.rename(blobs / f"blob-of-{file.name}")
        (snapshot / file.name).symlink_to(Path("../../blobs") / f"blob-of-{file.name}")
    return snapshot


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON file's content."""
    content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
