"""Bytes on one GPU: what the model's states take, what each token takes, how many tokens fit.

Two moments decide: the loss, where logits live, and the backward pass, where one layer is computed again. Bytes per
token and layer are counted from what PyTorch keeps for the backward pass of transformers' decoder layers in bf16. Knows
shapes and stacks; does not know time.

Example::

    budget = budget_of(shape, num_ranks=16, precision="bfloat16", zero_stage=3, loss_kernel="fused")
    budget.longest(machine.usable_bytes, num_recomputed=64)         # 37347 tokens on each GPU
"""

import math
from dataclasses import dataclass
from typing import Literal

from s1.planning.shapes import ModelShape
from s1.training.spec import LossKernel

OVERHEAD_BYTES = 4_000_000_000
"""CUDA's context, NCCL's buffers, weights gathered for the layers at hand, fragments."""
FUSED_LOSS_BYTES = 500_000_000
LOGIT_BYTES = 14
"""Per token and word of the vocabulary: logits in bf16 and fp32, their softmax and gradient."""
CHUNKED_LOSS_BYTES = 2**28 * LOGIT_BYTES // 4
"""``s1.training.loss`` makes 256 MiB of logits in fp32 at a time."""
_HEAD_GRADIENT_BYTES = {"plain": 1, "chunked": 2, "fused": 4}
"""Copies of the head, in the model's format, while its gradient is made: the gradient; with chunks also what each adds
to it; Liger's sum in fp32, its result, and the weight that it keeps for the backward pass."""
_GRADIENT_BYTES = 4
"""ZeRO adds gradients up in fp32, whatever the model's format (``grad_accum_dtype`` of ``s1.training.engine``)."""
_TRANSIENT_LAYERS = 1.3
"""Layers' worth of activations and gradients that are alive while one layer is computed again."""

Precision = Literal["bfloat16", "float32"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one rank's memory goes to."""

    num_layers: int
    state_bytes: int
    """Weights, optimizer, and gradients where they stay allocated."""
    backward_bytes: int
    """Gradients that exist in the backward pass only."""
    loss_bytes: int
    """Of the loss, whatever the tokens."""
    loss_bytes_per_token: int
    kept_bytes: int
    """One token of one layer that is not recomputed."""
    boundary_bytes: int
    """One token of one layer that is recomputed: its input."""

    @property
    def transient_bytes(self) -> float:
        """Per token, in the backward pass, whatever is recomputed."""
        return _TRANSIENT_LAYERS * self.kept_bytes

    def activation_bytes(self, num_recomputed: int) -> int:
        """Per token, kept from forward to backward."""
        return num_recomputed * self.boundary_bytes + (self.num_layers - num_recomputed) * self.kept_bytes

    def peak(self, num_tokens: int, *, num_recomputed: int) -> float:
        """Bytes of one rank at the worse of the two moments.

        Args:
            num_tokens: of one pass on one rank.
        """
        kept = num_tokens * self.activation_bytes(num_recomputed)
        at_loss = self.loss_bytes + num_tokens * self.loss_bytes_per_token
        backward = self.backward_bytes + num_tokens * self.transient_bytes
        return OVERHEAD_BYTES + self.state_bytes + kept + max(at_loss, backward)

    def longest(self, memory_bytes: int, *, num_recomputed: int) -> int:
        """Tokens of one pass on one rank that fit; 0 where not even the states do."""
        free = memory_bytes - OVERHEAD_BYTES - self.state_bytes
        kept = self.activation_bytes(num_recomputed)
        at_loss = (free - self.loss_bytes) / (kept + self.loss_bytes_per_token)
        backward = (free - self.backward_bytes) / (kept + self.transient_bytes)
        return max(0, math.floor(min(at_loss, backward)))

    def recomputed(self, num_tokens: int, *, memory_bytes: int) -> int:
        """The fewest layers to recompute so that a pass fits; all of them where nothing helps."""
        for num in range(self.num_layers + 1):
            if self.peak(num_tokens, num_recomputed=num) <= memory_bytes:
                return num
        return self.num_layers


def budget_of(
    shape: ModelShape,
    *,
    num_ranks: int,
    precision: Precision,
    zero_stage: int,
    loss_kernel: LossKernel,
    num_trained: int | None = None,
    fuses_layers: bool = False,
) -> Budget:
    """The budget of this project's training: DeepSpeed ZeRO, fp32 master weights and moments beside bf16 ones.

    Args:
        num_trained: parameters that are trained; None: all (else the model's weights are frozen).
        fuses_layers: norms and gated activations are fused kernels that keep less.
    """
    weight = 2 if precision == "bfloat16" else 4
    trained = shape.num_parameters if num_trained is None else num_trained
    extra = 0 if num_trained is None else num_trained
    weights, gradients = weight * (shape.num_parameters + extra), _GRADIENT_BYTES * trained
    optimizer = (12 if precision == "bfloat16" else 8) * trained
    states = optimizer / num_ranks
    states += gradients / (num_ranks if zero_stage >= 2 else 1)
    states += weights / (num_ranks if zero_stage == 3 else 1)
    per_token, fixed = _loss(shape, loss_kernel)
    if num_trained is None:  # LoRA leaves the head as it is
        fixed += _HEAD_GRADIENT_BYTES[loss_kernel] * weight * shape.vocabulary_size * shape.hidden_size
    scale = weight // 2
    return Budget(
        num_layers=shape.num_layers,
        state_bytes=round(states),
        backward_bytes=0,
        loss_bytes=fixed,
        loss_bytes_per_token=per_token,
        kept_bytes=scale * layer_bytes(shape, fuses=fuses_layers),
        boundary_bytes=scale * 2 * shape.hidden_size,
    )


def reference_budget(shape: ModelShape, *, num_ranks: int) -> Budget:
    """The budget of the reference's training: FSDP over fp32 weights, computing in bf16, all logits at once."""
    return Budget(
        num_layers=shape.num_layers,
        state_bytes=12 * shape.num_parameters // num_ranks,
        backward_bytes=4 * shape.num_parameters // num_ranks,
        loss_bytes=0,
        loss_bytes_per_token=LOGIT_BYTES * shape.vocabulary_size,
        kept_bytes=layer_bytes(shape, fuses=True),
        boundary_bytes=2 * shape.hidden_size,
    )


def layer_bytes(shape: ModelShape, *, fuses: bool) -> int:
    """Bytes that one token of one layer keeps for the backward pass, in bf16.

    Fused: each norm its input and output, attention queries, keys, values and its output, the MLP gate, up and product.
    Otherwise each norm also two copies in fp32, and the MLP the gate after its activation.
    """
    norms = (8 if fuses else 16) * shape.hidden_size
    attention = 4 * shape.query_width + 4 * shape.key_width
    return norms + attention + (6 if fuses else 8) * shape.intermediate_size


def _loss(shape: ModelShape, kernel: LossKernel) -> tuple[int, int]:
    """Bytes per token, and bytes whatever the tokens."""
    if kernel == "plain":
        return LOGIT_BYTES * shape.vocabulary_size, 0
    return 0, FUSED_LOSS_BYTES if kernel == "fused" else CHUNKED_LOSS_BYTES
