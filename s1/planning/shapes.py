"""Sizes of a decoder model, from its ``config.json``: parameters, floating-point operations, bytes of activations.

Knows the families Qwen2, Qwen3, Llama and Mistral as transformers builds them (dense ones, gated MLP, RMS norms); reads
no weights. Operations are counted as usual: a multiply-add is two, causal attention counts half of the square, norms
and activations count nothing.

Example::

    shape = read_shape(Path("models/base/large/config.json"))
    shape.num_parameters                # 32763876352 for Qwen2.5-32B
    shape.training_flops(4700) / 4700   # 2.01e11 per token
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s1.planning.problems import PlanError

_KNOWN = ("llama", "mistral", "qwen2", "qwen3")
_HEAD_WIDTH = {"qwen3": 128}
"""Width of one head where the config does not say and it does not follow from the others (transformers' defaults)."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes that decide memory and time."""

    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_size: int
    vocabulary_size: int
    shares_embeddings: bool = False
    """Input embedding and output head are one matrix."""
    has_qkv_bias: bool = False
    has_output_bias: bool = False
    has_mlp_bias: bool = False
    has_head_norms: bool = False
    """Queries and keys are normed per head (Qwen3)."""

    @property
    def query_width(self) -> int:
        """All heads side by side; not always the hidden size."""
        return self.num_heads * self.head_size

    @property
    def key_width(self) -> int:
        """All key (or value) heads side by side."""
        return self.num_kv_heads * self.head_size

    @property
    def layer_matrix_parameters(self) -> int:
        """Parameters of one layer that tokens are multiplied with."""
        attention = self.hidden_size * 2 * (self.query_width + self.key_width)
        return attention + 3 * self.hidden_size * self.intermediate_size

    @property
    def layer_parameters(self) -> int:
        """All parameters of one layer."""
        biases = self.has_qkv_bias * (self.query_width + 2 * self.key_width) + self.has_output_bias * self.hidden_size
        mlp_biases = self.has_mlp_bias * (2 * self.intermediate_size + self.hidden_size)
        norms = 2 * self.hidden_size + self.has_head_norms * 2 * self.head_size
        return self.layer_matrix_parameters + biases + mlp_biases + norms

    @property
    def head_parameters(self) -> int:
        """Parameters of the output head."""
        return self.vocabulary_size * self.hidden_size

    @property
    def num_parameters(self) -> int:
        """All parameters; shared embeddings count once."""
        embeddings = self.head_parameters * (1 if self.shares_embeddings else 2)
        return self.num_layers * self.layer_parameters + embeddings + self.hidden_size

    @property
    def matrix_parameters(self) -> int:
        """What every token is multiplied with: the layers' matrices and the head; looking up embeddings is free."""
        return self.num_layers * self.layer_matrix_parameters + self.head_parameters

    @property
    def attention_weight(self) -> float:
        """Attention's cost over that of the matrices, per token of length: an example costs L + this * L**2."""
        return self.num_layers * self.query_width / self.matrix_parameters

    def training_flops(self, num_tokens: int) -> float:
        """Operations of one example's forward and backward pass, nothing recomputed."""
        return 6.0 * self.matrix_parameters * num_tokens + 6.0 * self.attention_units(num_tokens)

    def attention_units(self, num_tokens: int) -> float:
        """A sixth of the operations that causal attention over one example takes forward and backward."""
        return float(self.num_layers * self.query_width * num_tokens**2)

    def lora_parameters(self, *, rank: int, targets: Sequence[str] = ()) -> int:
        """Trained parameters of LoRA.

        Args:
            targets: names of the linear layers that get matrices; empty: all but the output head.
        """
        hidden, gated = self.hidden_size, self.intermediate_size
        sums = {
            "q_proj": hidden + self.query_width,
            "k_proj": hidden + self.key_width,
            "v_proj": hidden + self.key_width,
            "o_proj": self.query_width + hidden,
            "gate_proj": hidden + gated,
            "up_proj": hidden + gated,
            "down_proj": gated + hidden,
        }
        return self.num_layers * rank * sum(size for name, size in sums.items() if not targets or name in targets)


def read_shape(config_file: Path) -> ModelShape:
    """Read a model's sizes.

    Raises:
        PlanError: no such file, not a model's config, or a family that is not known here.
    """
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PlanError(
            f"{config_file} is missing. Run the stage `base` (`dvc repro base`), or name another with --config; where "
            "base.large is a tokenizer without a model there is none"
        ) from error
    except IsADirectoryError as error:
        raise PlanError(f"{config_file} is a folder; name the config.json in it") from error
    except ValueError as error:
        raise PlanError(f"{config_file} is not JSON ({error}); fetch the model's config.json again") from error
    if not isinstance(config, dict):
        raise PlanError(f"{config_file} holds no object; a model's config.json does")
    return shape_of(config, name=str(config_file))


def shape_of(config: Mapping[str, Any], *, name: str) -> ModelShape:
    """Read a model's sizes from its configuration.

    Args:
        name: what to call it in messages.

    Raises:
        PlanError: as ``read_shape``.
    """
    family = config.get("model_type")
    if family not in _KNOWN:
        raise PlanError(f"{name}: model_type is {family!r}; plans know {', '.join(_KNOWN)}")
    hidden, heads = _size(config, "hidden_size", name), _size(config, "num_attention_heads", name)
    head_size = config.get("head_dim") or _HEAD_WIDTH.get(family) or hidden // heads
    attention_bias = bool(config.get("attention_bias", False)) and family in ("llama", "qwen3")
    return ModelShape(
        num_layers=_size(config, "num_hidden_layers", name),
        hidden_size=hidden,
        intermediate_size=_size(config, "intermediate_size", name),
        num_heads=heads,
        num_kv_heads=config.get("num_key_value_heads") or heads,
        head_size=head_size,
        vocabulary_size=_size(config, "vocab_size", name),
        shares_embeddings=bool(config.get("tie_word_embeddings", False)),
        has_qkv_bias=family == "qwen2" or attention_bias,
        has_output_bias=attention_bias,
        has_mlp_bias=family == "llama" and bool(config.get("mlp_bias", False)),
        has_head_norms=family == "qwen3",
    )


def _size(config: Mapping[str, Any], key: str, name: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PlanError(f"{name}: {key} is {value!r}; a whole number above 0 belongs there")
    return value
