"""Training small matrices beside frozen weights (LoRA, arXiv 2106.09685), and taking them up into the weights.

The matrices are peft's, put into the model in place, so that the model stays what it is to everyone else. At the end
each is multiplied out and added to the weight it stands beside: the saved model is like any other. Knows peft; does not
know files or optimizers. peft is imported only where LoRA is asked for.

Example::

    add_lora(model, LoraParams(rank=16, alpha=32.0), seed=0)
    for name, parameter in model.named_parameters():
        plain_name(name)            # 'model.layers.0.mlp.up_proj.weight'; None for a matrix of LoRA
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from s1.config import LoraParams
from s1.model_limits import check_targets

_ADAPTER = "default"
_BASE = "base_layer"
_MATRICES = ("lora_A", "lora_B")


def add_lora(model: PreTrainedModel, lora: LoraParams, *, seed: int) -> None:
    """Freeze a model and put trainable matrices beside its linear layers; they add nothing before the first step.

    Args:
        seed: of the matrices' first values, the same on every rank and whatever was drawn before.

    Raises:
        ModelError: ``target_modules`` names what the model does not have (lists what it has).
    """
    from peft import LoraConfig, inject_adapter_in_model

    check_targets(lora, known=_linear_names(model))
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # annotated int; it only divides it by the rank
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules or "all-linear",  # which leaves out the head
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model, adapter_name=_ADAPTER)


def _linear_names(model: PreTrainedModel) -> list[str]:
    """Names of linear layers, as they are called in each block; the head is none of them."""
    parts: Any = model  # transformers leaves this method untyped
    head = parts.get_output_embeddings()
    layers = [name for name, part in model.named_modules() if isinstance(part, nn.Linear) and part is not head]
    return sorted({name.rpartition(".")[2] for name in layers})


def plain_name(name: str) -> str | None:
    """A parameter's name in the model without LoRA; None for LoRA's own matrices."""
    if any(f".{matrix}." in name for matrix in _MATRICES):
        return None
    return name.replace(f".{_BASE}.", ".")


def adapter_name(name: str) -> str | None:
    """The name of one of LoRA's matrices in a file of peft; None for other parameters."""
    if plain_name(name) is not None:
        return None
    return "base_model.model." + name.replace(f".{_ADAPTER}.", ".")


def lora_layers(model: nn.Module) -> dict[str, Any]:
    """Name of a frozen weight -> peft's layer around it; empty without LoRA."""
    return {f"{name}.{_BASE}.weight": part for name, part in model.named_modules() if hasattr(part, _MATRICES[0])}


def merged_weight(layer: Any) -> Tensor:
    """A layer's weight with its matrices multiplied out and added, in the weight's precision; all of them whole."""
    weight: Tensor = layer.base_layer.weight.detach()
    delta: Tensor = layer.get_delta_weight(_ADAPTER).detach()
    return (weight.float() + delta.float()).to(weight.dtype) if weight.dtype != torch.float64 else weight + delta


def adapter_config(model: nn.Module) -> Any | None:
    """Peft's description of the matrices; None without LoRA."""
    configs: dict[str, Any] = getattr(model, "peft_config", {})
    return configs.get(_ADAPTER)
