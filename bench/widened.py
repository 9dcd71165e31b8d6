"""A nano model in a shape that vLLM's kernels for CPUs know, computing the same function.

Those kernels have heads of 32 and more numbers; the nano model's heads have 24. Zeros fill the difference: hidden size
96 becomes 128, each head 32. What depends on a size is corrected: the norms, which divide by the mean over more
numbers; the scale of attention; and the base of the rotation, so that every pair of numbers turns as it did. Knows the
Qwen2 architecture as the nano models use it (one key head per query head, tied embeddings).

Example::

    widen(Path("models/train/tuned"), Path("/tmp/widened"))
"""

import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HEAD_SIZE = 32


def widen(source: Path, target: Path) -> None:
    """Write the model of ``source`` with heads of 32 numbers into ``target``; tokenizer and the rest are copied.

    Raises:
        ValueError: its heads are larger, or it is built otherwise than nano models are.
    """
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    num_heads, hidden = config["num_attention_heads"], config["hidden_size"]
    former = hidden // num_heads
    if former > HEAD_SIZE or config["num_key_value_heads"] != num_heads or not config["tie_word_embeddings"]:
        raise ValueError(f"{source} is no nano model with heads of at most {HEAD_SIZE} numbers; give another one")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.safetensors"), dirs_exist_ok=True)
    wide = num_heads * HEAD_SIZE
    weights = load_file(source / "model.safetensors")
    widened = {
        name: _widen(name, weight, hidden=hidden, wide=wide, num_heads=num_heads) for name, weight in weights.items()
    }
    save_file(widened, target / "model.safetensors", metadata={"format": "pt"})
    rope = config["rope_parameters"]
    config |= {
        "hidden_size": wide,
        "rms_norm_eps": config["rms_norm_eps"] * hidden / wide,
        "rope_parameters": rope | {"rope_theta": rope["rope_theta"] ** (HEAD_SIZE / former)},
    }
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _widen(name: str, weight: torch.Tensor, *, hidden: int, wide: int, num_heads: int) -> torch.Tensor:
    former = hidden // num_heads
    if "norm" in name:
        return _pad(weight * math.sqrt(hidden / wide), 0, wide)
    if name.endswith("o_proj.weight"):
        return _pad(_pad_heads(weight, 1, num_heads), 0, wide)
    if "self_attn" in name:
        turned = ".v_proj." not in name
        scale = math.sqrt(HEAD_SIZE / former) if ".q_proj." in name else 1.0
        spread = _pad_heads(weight * scale, 0, num_heads, in_halves=turned)
        return spread if spread.dim() == 1 else _pad(spread, 1, wide)
    if name.endswith("down_proj.weight"):
        return _pad(weight, 0, wide)
    return _pad(weight, 1, wide)  # embeddings, gate, up


def _pad(weight: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    shape = list(weight.shape)
    shape[axis] = size - shape[axis]
    return torch.cat([weight, weight.new_zeros(shape)], dim=axis)


def _pad_heads(weight: torch.Tensor, axis: int, num_heads: int, *, in_halves: bool = False) -> torch.Tensor:
    """Pad every head along an axis; in halves where a rotation pairs each number with one of the other half."""
    num_parts = num_heads * (2 if in_halves else 1)
    size = HEAD_SIZE * num_heads // num_parts
    parts = torch.chunk(weight, num_parts, dim=axis)
    return torch.cat([_pad(part, axis, size) for part in parts], dim=axis).contiguous()
