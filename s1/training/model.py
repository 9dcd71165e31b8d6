"""The model that is trained: loaded under sharding, saved whole in the transformers format.

Knows transformers and how ZeRO 3 spreads weights; does not know optimizers, examples or steps.

Example::

    model = load_model(spec, zero_config=zero_config(spec))
    save_model(model, is_sharded=False, tokenizer_folder=spec.model_folder, folder=spec.output_folder)
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from s1.artifacts import sync
from s1.model_loading import load_causal_model, load_tokenizer
from s1.training.guards import TrainingError
from s1.training.lora import adapter_config, adapter_name, add_lora, lora_layers, merged_weight, plain_name
from s1.training.spec import TrainSpec
from s1.training.stops import settle_stops

MAX_FILE_SIZE = "5GB"
"""Larger models are saved in several files."""
ADAPTER_FOLDER = "adapter"
"""Inside a tuned model's folder: LoRA's matrices by themselves, as peft reads them."""


def load_model(spec: TrainSpec, *, zero_config: dict[str, Any]) -> PreTrainedModel:
    """Load the base model, with LoRA's matrices where asked for; under ZeRO 3 each rank keeps its shard from the start.

    Raises:
        TrainingError: the device cannot compute in ``train.dtype``.
        ModelError: the model does not have what ``train.lora`` names.
    """
    if spec.device == "cuda":
        check_precision(spec.train.dtype, can_bfloat16=_can_bfloat16, device_name=torch.cuda.get_device_name)
    # transformers looks for a living configuration object of ZeRO 3, by a weak reference, while it loads.
    sharding: Any = _announce_sharding(zero_config) if spec.train.zero_stage == 3 else None
    model = load_causal_model(spec.model_folder, dtype=getattr(torch, spec.train.dtype))
    del sharding
    model.config.use_cache = False
    if spec.train.lora is not None:
        add_lora(model, spec.train.lora, seed=spec.seed)
    return model


def _announce_sharding(config: dict[str, Any]) -> Any:
    from transformers.integrations import deepspeed as integration

    announce: Any = integration.HfDeepSpeedConfig
    return announce(config)


def check_precision(dtype: str, *, can_bfloat16: Callable[[], bool], device_name: Callable[[], str]) -> None:
    """See that a GPU computes in a number format itself, not by emulation at a fraction of its speed.

    Raises:
        TrainingError: it does not.
    """
    if dtype == "bfloat16" and not can_bfloat16():
        raise TrainingError(
            f"train.dtype is bfloat16, which {device_name()} does not compute in; set train.dtype to float32 (twice "
            "the memory), or use GPUs from NVIDIA's Ampere generation (A100, RTX 30) on"
        )


def _can_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def save_model(model: PreTrainedModel, *, is_sharded: bool, tokenizer_folder: Path, folder: Path) -> None:
    """Write the whole model in the transformers format with its tokenizer; every rank calls this, rank 0 writes.

    LoRA's matrices are taken up into the weights, and also lie in ``adapter`` by themselves. Built beside its place and
    renamed, so the folder is whole when it is there.

    Args:
        is_sharded: whether ZeRO 3 spreads the weights over ranks.
    """
    state = dict(_whole_weights(model, is_sharded=is_sharded))
    matrices = dict(_whole_matrices(model, is_sharded=is_sharded))
    if torch.distributed.get_rank() == 0:
        temporary = folder.with_name(f"{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        tokenizer = load_tokenizer(tokenizer_folder)
        settle_stops(model, tokenizer)
        model.config.use_cache = True
        model.save_pretrained(temporary, state_dict=state, max_shard_size=MAX_FILE_SIZE)
        tokenizer.save_pretrained(temporary)
        if matrices:
            _save_adapter(model, matrices, temporary / ADAPTER_FOLDER)
        for path in temporary.rglob("*"):  # files and folders: a node that loses its power leaves no empty model
            sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
        sync(folder.parent)
    torch.distributed.barrier()


def _whole_weights(model: nn.Module, *, is_sharded: bool) -> Iterator[tuple[str, Tensor]]:
    """What the model holds without LoRA, matrices taken up, one weight at a time so that no device holds them all.

    Every rank has to exhaust this; rank 0 alone gets anything, on CPU.
    """
    layers = lora_layers(model)
    for name, parameter in model.named_parameters():
        plain = plain_name(name)
        if plain is None:
            continue
        layer = layers.get(name)
        with _gathered([parameter] if layer is None else list(layer.parameters()), is_sharded=is_sharded):
            if torch.distributed.get_rank() == 0:
                weight = parameter.detach() if layer is None else merged_weight(layer)
                yield plain, weight.to("cpu", copy=is_sharded)
    saved = model.state_dict().keys()
    for name, buffer in model.named_buffers():
        if name in saved and torch.distributed.get_rank() == 0:
            yield name, buffer.detach().cpu()


def _whole_matrices(model: nn.Module, *, is_sharded: bool) -> Iterator[tuple[str, Tensor]]:
    """LoRA's matrices under peft's names; as ``_whole_weights``."""
    for name, parameter in model.named_parameters():
        plain = adapter_name(name)
        if plain is not None:
            with _gathered([parameter], is_sharded=is_sharded):
                if torch.distributed.get_rank() == 0:
                    yield plain, parameter.detach().to("cpu", copy=is_sharded)


def _gathered(parameters: list[nn.Parameter], *, is_sharded: bool) -> Any:
    import deepspeed

    return deepspeed.zero.GatheredParameters(parameters, enabled=is_sharded)


def _save_adapter(model: nn.Module, matrices: dict[str, Tensor], folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir()
    save_file({name: matrix.contiguous() for name, matrix in matrices.items()}, folder / "adapter_model.safetensors")
    config = adapter_config(model)
    assert config is not None
    config.save_pretrained(folder)
