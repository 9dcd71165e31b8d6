"""The DeepSpeed engine around a model: optimizer groups, ZeRO stage, precision.

The optimizer is torch's AdamW and no DeepSpeed operator is compiled, so a C++ compiler is neither needed nor used.
Knows DeepSpeed; does not know examples or steps.

Example::

    start_distributed("cpu")
    engine = make_engine(load_model(spec, zero_config=zero_config(spec)), spec=spec)
"""

import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from s1.training.attention import check_attention
from s1.training.loss import RowLosses, check_loss_kernel
from s1.training.sequence import share_rows
from s1.training.spec import TrainSpec

logger = logging.getLogger(__name__)


_LORA_BUCKET = 50_000_000
_PREFETCH = {
    # Weights on their way while others compute: one whole layer of a 32B model (4.9e8). Between two nodes at 400 Gb/s
    # per GPU that takes about 3 ms, its forward pass over 5,000 tokens 11 ms; DeepSpeed's default is a tenth of it.
    "stage3_prefetch_bucket_size": 500_000_000,
    # Weights that may lie whole on a GPU: two such layers and a piece of the head (7.8e8), 3 GB. At the default of 1e9
    # the head alone keeps the layer before it from being fetched ahead.
    "stage3_max_live_parameters": 1_500_000_000,
}


def start_distributed(device: str) -> None:
    """Join the process group that the launcher described in the environment (gloo on CPU, nccl on CUDA)."""
    import deepspeed
    import deepspeed.ops

    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")  # of DeepSpeed's calls
    quiet: Callable[[], None] = disable_progress_bar
    quiet()
    # DeepSpeed would otherwise compile a shared-memory operator wherever it finds a compiler. It serves inference only;
    # with an empty table of operators it is taken as absent, and the probe of all compilers is saved as well.
    deepspeed.ops.__compatible_ops__ = {}
    deepspeed.init_distributed(dist_backend="gloo" if device == "cpu" else "nccl", verbose=False)
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def zero_config(spec: TrainSpec) -> dict[str, Any]:
    """DeepSpeed's configuration. Batch sizes in it are nominal: ``stepping`` says where a step ends."""
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": spec.train.max_grad_norm,
        "steps_per_print": None,
        # Master weights and Adam's moments are single precision in both formats; so is what several passes add up to,
        # which would otherwise be summed in the model's format.
        "bf16": {"enabled": spec.train.dtype == "bfloat16"},
        "checkpoint": {"use_node_local_storage": spec.storage == "node-local"},
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_optimization": {
            "stage": spec.train.zero_stage,
            "overlap_comm": spec.device == "cuda",
            "contiguous_gradients": True,
            # Two buffers of so many numbers; LoRA's gradients are a tenth of DeepSpeed's default, on the smallest GPUs.
            **({"reduce_bucket_size": _LORA_BUCKET} if spec.train.lora is not None else {}),
            **(_PREFETCH if spec.train.zero_stage == 3 else {}),
        },
    }


def optimizer_groups(model: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with and without weight decay: biases and norms have none, as in today's transformers Trainer.

    The version that the reference pinned may have decayed RMS norms; at 1e-4 and 315 steps that is below 1e-6. Frozen
    parameters (all but LoRA's, where LoRA is trained) are in no group, and a group without parameters is left out.
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (free if name.endswith(".bias") or "norm" in name else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def make_engine(model: PreTrainedModel, *, spec: TrainSpec) -> Any:
    """Wrap a model so that calling the engine gives the losses of a row's targets (``RowLosses``).

    Raises:
        LayoutError: ranks, heads and ``spec.sequence_parallel`` do not go together.
        AttentionError: the attention kernel cannot serve this model here.
        LossError: the loss kernel cannot.
    """
    import deepspeed

    check_attention(model.config, kernel=spec.attention, device=spec.device, dtype=getattr(torch, spec.train.dtype))
    check_loss_kernel(spec.loss_kernel, device=spec.device)
    share_rows(model, sequence_parallel=spec.sequence_parallel, attention=spec.attention)
    module = RowLosses(model, kernel=spec.loss_kernel)
    optimizer = torch.optim.AdamW(
        optimizer_groups(module, weight_decay=spec.train.weight_decay),
        lr=spec.train.learning_rate,
        betas=(spec.train.adam_beta1, spec.train.adam_beta2),
        fused=spec.device == "cuda",
    )
    engine, _, _, _ = deepspeed.initialize(model=module, optimizer=optimizer, config=zero_config(spec))
    engine.train()
    return engine


def set_learning_rate(engine: Any, rate: float) -> None:
    """Set the rate of the next optimizer step."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
