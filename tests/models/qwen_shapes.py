"""Configurations of the Qwen2.5 family, as its config.json files have them (arXiv 2412.15115, table 1)."""

import json
from pathlib import Path

_SHAPES = {
    "Qwen2.5-0.5B": (896, 4864, 24, 14, 2, True, 151936),
    "Qwen2.5-1.5B": (1536, 8960, 28, 12, 2, True, 151936),
    "Qwen2.5-7B": (3584, 18944, 28, 28, 4, False, 152064),
    "Qwen2.5-32B": (5120, 27648, 64, 40, 8, False, 152064),
}
"""Hidden size, feed-forward width, layers, heads, key and value heads, tied embeddings, vocabulary."""


def write_config(folder: Path, name: str) -> Path:
    """Write config.json into a folder; returns the file."""
    hidden, intermediate, layers, heads, kv_heads, tied, vocabulary = _SHAPES[name]
    content = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "tie_word_embeddings": tied,
        "vocab_size": vocabulary,
        "max_position_embeddings": 32768,
        "torch_dtype": "bfloat16",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content))
    return folder / "config.json"
