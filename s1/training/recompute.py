"""Which layers are computed again in the backward pass, as few as memory asks, decided anew for every step.

Example::

    num = num_recomputed_layers(spec.recompute, num_tokens=5000, num_layers=64)     # 23
    recompute_layers(model, num)
"""

from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from s1.training.spec import Recompute


def num_recomputed_layers(recompute: Recompute, *, num_tokens: int, num_layers: int) -> int:
    """The fewest layers to recompute so that a pass of so many tokens fits; all of them where even that does not.

    The first layers are recomputed and the last ones kept: when the backward pass comes to a recomputed layer, what the
    kept ones held is free again and serves as its working space. Hence a pass needs, with n of L layers recomputed,
    ``n * boundary + (L - n) * kept`` for each token, and beside it the larger of what the loss and a layer's working
    space take.

    Args:
        num_tokens: tokens of the fullest rank's pass. All ranks must decide alike, from the same number: under ZeRO 3 a
            recomputed layer gathers its weights once more, and every rank has to take part.
    """
    if recompute.mode != "auto":
        return num_layers if recompute.mode == "all" else 0
    boundary, kept = recompute.boundary_bytes_per_token, recompute.kept_bytes_per_token
    at_loss = recompute.loss_bytes + num_tokens * recompute.loss_bytes_per_token
    beside = max(at_loss, num_tokens * recompute.workspace_bytes_per_token)
    for num in range(num_layers):
        held = num_tokens * (num * boundary + (num_layers - num) * kept)
        if held + beside <= recompute.activation_bytes:
            return num
    return num_layers


def find_layers(model: nn.Module) -> list[GradientCheckpointingLayer]:
    """A model's layers that can be recomputed, in the order of computation."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def recompute_layers(model: nn.Module, num: int) -> None:
    """Have the first ``num`` layers recomputed in the backward passes that follow, and the others kept.

    Only layers of a model in training mode are; random numbers (dropout) are the same when drawn again.
    """
    for index, layer in enumerate(find_layers(model)):
        layer.gradient_checkpointing = index < num
        settable: Any = layer  # torch types what is set on modules as tensors and modules only
        settable._gradient_checkpointing_func = _recompute


def _recompute(function: Any, *args: Any) -> Any:
    return checkpoint(function, *args, use_reentrant=False)
