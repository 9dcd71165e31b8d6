"""The DeepSpeed engine around a model: optimizer groups, ZeRO stage, precision, and saving under sharding.

The optimizer is torch's AdamW and no DeepSpeed operator is compiled, so a C++ compiler is neither needed nor used.
Knows DeepSpeed; does not know examples or steps.

Example::

    start_distributed("cpu")
    engine = make_engine(load_model(spec), spec=spec)
"""

import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from s1.model_loading import load_causal_model, load_tokenizer
from s1.training.loss import ExampleLosses
from s1.training.spec import TrainSpec

logger = logging.getLogger(__name__)


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
    """DeepSpeed's configuration. Batch sizes in it are nominal: ``worker`` says where a step ends."""
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": spec.train.max_grad_norm,
        "steps_per_print": None,
        "bf16": {"enabled": spec.train.dtype == "bfloat16"},
        "zero_optimization": {
            "stage": spec.train.zero_stage,
            "overlap_comm": spec.device == "cuda",
            "contiguous_gradients": True,
        },
    }


def load_model(spec: TrainSpec) -> PreTrainedModel:
    """Load the base model; under ZeRO 3 each rank keeps its shard from the start."""
    # transformers looks for a living configuration object of ZeRO 3, by a weak reference, while it loads.
    sharding: Any = _announce_sharding(zero_config(spec)) if spec.train.zero_stage == 3 else None
    model = load_causal_model(spec.model_folder, dtype=getattr(torch, spec.train.dtype))
    del sharding
    model.config.use_cache = False
    return model


def _announce_sharding(config: dict[str, Any]) -> Any:
    from transformers.integrations import deepspeed as integration

    announce: Any = integration.HfDeepSpeedConfig
    return announce(config)


def optimizer_groups(model: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with and without weight decay: biases and norms have none, as in today's transformers Trainer.

    The version that the reference pinned may have decayed RMS norms; at 1e-4 and 315 steps that is below 1e-6.
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (free if name.endswith(".bias") or "norm" in name else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def make_engine(model: PreTrainedModel, *, spec: TrainSpec) -> Any:
    """Wrap a model so that calling the engine gives per-example losses (``ExampleLosses``)."""
    import deepspeed

    module = ExampleLosses(model)
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


def save_model(engine: Any, *, tokenizer_folder: Path, folder: Path) -> None:
    """Write the whole model in the transformers format with its tokenizer; every rank calls this, rank 0 writes.

    Built beside its place and renamed, so the folder is whole when it is there.
    """
    model: PreTrainedModel = engine.module.model
    state = dict(_gathered(model)) if engine.zero_optimization_stage() == 3 else model.state_dict()
    if torch.distributed.get_rank() == 0:
        temporary = folder.with_name(f"{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        model.config.use_cache = True
        model.save_pretrained(temporary, state_dict=state)
        load_tokenizer(tokenizer_folder).save_pretrained(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    torch.distributed.barrier()


def _gathered(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Whole parameters, one at a time so that no device holds them all; kept (on CPU) by rank 0 only."""
    import deepspeed

    for name, parameter in model.named_parameters():
        with deepspeed.zero.GatheredParameters([parameter]):
            if torch.distributed.get_rank() == 0:
                yield name, parameter.detach().cpu().clone()
