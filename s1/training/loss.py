"""The training objective: weighted losses of target tokens, without ever holding a row's logits.

The loss of a step is the sum over its target tokens of weight times negative log-likelihood; the weights
(``s1.training.packing.token_weights``) say whether examples or tokens count the same. Only target places go through
the model's head, and three kernels differ in how: ``plain`` makes all logits at once, ``chunked`` some at a time, made
again in the backward pass, ``fused`` leaves it to Liger on GPUs. Knows a causal model as decoder and head; does not
know how rows are packed, or what ranks do.

Example::

    losses = RowLosses(model, kernel="chunked")
    values = losses(**part.model_inputs)                          # (N,), one for each target of this shard
    weighted_loss(values, part).backward()
    example_losses(values, part, num_examples=16)                 # this shard's part of each example's mean
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from s1.training.packing import PackedRow
from s1.training.spec import LossKernel

TokenLosses = Callable[[Tensor, Tensor], Tensor]
"""From states (N, H) and targets (N,) to losses (N,)."""
CHUNK_BYTES = 2**28
"""Of one chunk's logits in single precision: 441 tokens of Qwen2.5's vocabulary."""
_SCALED_LOGITS = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""Keys of configurations whose models change logits behind the head."""


class LossError(ValueError):
    """A model or device that a loss kernel cannot serve; the message says what can."""


class RowLosses(nn.Module):
    """A causal language model that returns the loss of each target token of a packed row, or of a shard of one.

    The head's weight is used inside the head's own ``forward``, whichever kernel uses it: ZeRO 3 gathers a module's
    weights by hooks around that call.
    """

    def __init__(self, model: PreTrainedModel, *, kernel: LossKernel = "plain", chunk_bytes: int = CHUNK_BYTES) -> None:
        super().__init__()
        self.model = model
        # The two halves of the model, so that the head sees target places only; transformers leaves them untyped.
        parts: Any = model
        config = parts.config.get_text_config()
        scaled = [name for name in _SCALED_LOGITS if getattr(config, name, None) not in (None, 1.0)]
        if scaled:
            raise LossError(
                f"{config.model_type} changes its logits by {', '.join(scaled)} behind the head, which training here "
                "does not do; choose a model of the Qwen2 or Llama family"
            )
        self._find_decoder = parts.get_decoder
        self._find_head = parts.get_output_embeddings
        _route_losses(self._find_head(), kernel=kernel, chunk_bytes=chunk_bytes)

    def forward(self, input_ids: Tensor, target_places: Tensor, targets: Tensor, **decoder_inputs: Any) -> Tensor:
        """Return negative log-likelihoods in nats (N,), in at least single precision.

        Args:
            input_ids: (1, T)
            target_places: (N,), the places whose next token is learned
            targets: (N,), those next tokens
            decoder_inputs: positions and boundaries (``PackedRow.decoder_inputs``).
        """
        states = self._find_decoder()(input_ids=input_ids, use_cache=False, **decoder_inputs).last_hidden_state
        losses: Tensor = self._find_head()(states[0][target_places], targets=targets)
        return losses


def weighted_loss(losses: Tensor, row: PackedRow) -> Tensor:
    """A row's, or shard's, part of the step's objective, from the losses of its targets (N,)."""
    return (losses * row.weights[row.target_places].to(losses.dtype)).sum()


def example_losses(losses: Tensor, row: PackedRow, *, num_examples: int) -> Tensor:
    """A row's, or shard's, part of each example's mean loss per target; added up over ranks it is the whole.

    Returns:
        (num_examples,), double, without gradient, by place in the step; 0 for examples that are elsewhere.
    """
    places = row.target_places
    parts = losses.detach().double() * row.shares[places]
    return torch.zeros(num_examples, dtype=torch.double, device=losses.device).index_add(0, row.owners[places], parts)


def check_loss_kernel(kernel: LossKernel, *, device: str) -> None:
    """Refuse before any training what would fail or be wrong.

    Raises:
        LossError: the kernel does not run here, or its gradients are wrong.
    """
    if kernel != "fused":
        return
    if device != "cuda":
        raise LossError(f"the loss kernel fused runs on CUDA GPUs, not on {device}; set loss_kernel: chunked")
    try_fused_losses(device)


def try_fused_losses(device: str) -> None:
    """Compare Liger's gradients of weighted tokens with torch's on a few numbers.

    Liger 0.8.0 and versions before ignore what each token's loss is multiplied with, without a word: 69 % error in the
    gradient. That is tried rather than looked up, because it would be another objective.

    Raises:
        LossError: Liger is not installed, or this version is one of those.
    """
    numbers = torch.linspace(-1, 1, 37, device=device)
    weights = torch.tensor([0.0, 0.5, 2.0, 1.0], device=device)
    gradients = []
    for losses_of in (_plain_losses, fused_losses):
        head = nn.Linear(16, 32, bias=False, device=device)
        head.weight.data = numbers.repeat(14)[: 32 * 16].view(32, 16).clone()
        states = numbers.flip(0).repeat(2)[: 4 * 16].view(4, 16).clone().requires_grad_()
        losses = losses_of(head, states, torch.arange(4, device=device))
        gradients.append(torch.autograd.grad((losses * weights).sum(), [states, head.weight]))
    for expected, actual in zip(*gradients, strict=True):
        if not torch.allclose(actual, expected, rtol=1e-2, atol=1e-3):  # GPUs may round products to 10 bits
            raise LossError(
                "this version of liger-kernel gives wrong gradients for weighted tokens; pip install "
                "'liger-kernel>=0.8.5', or set loss_kernel: chunked"
            )


def fused_losses(head: nn.Linear, states: Tensor, targets: Tensor) -> Tensor:
    """Losses (N,) by Liger's fused linear cross entropy; logits are made in chunks and never kept.

    The head's gradient is accumulated in single precision.

    Raises:
        LossError: liger-kernel is not installed.
    """
    try:
        from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy
    except ImportError as error:
        raise LossError(
            f"the loss kernel fused needs liger-kernel ({error}); pip install 'liger-kernel>=0.8.5', or set "
            "loss_kernel: chunked"
        ) from error
    losses: Tensor = liger_fused_linear_cross_entropy(
        states, head.weight, targets, bias=head.bias, reduction="none", accum_dtype=torch.float32
    )
    return losses


def _plain_losses(head: Callable[[Tensor], Tensor], states: Tensor, targets: Tensor) -> Tensor:
    logits = head(states)  # (N, V)
    if logits.dtype in (torch.bfloat16, torch.float16):
        logits = logits.float()
    return nn.functional.cross_entropy(logits, targets, reduction="none")


def _route_losses(head: nn.Module, *, kernel: LossKernel, chunk_bytes: int) -> None:
    """Let a head answer with losses where it is called with targets; without them it gives logits as before."""
    make_logits: Callable[[Tensor], Tensor] = head.forward

    def plain(states: Tensor, targets: Tensor) -> Tensor:
        return _plain_losses(make_logits, states, targets)

    def chunked(states: Tensor, targets: Tensor) -> Tensor:
        size = max(1, chunk_bytes // (4 * int(head.out_features)))  # type: ignore[arg-type]
        if len(states) <= size:
            return plain(states, targets)
        parts = zip(torch.split(states, size), torch.split(targets, size), strict=True)
        return torch.cat([checkpoint(plain, *part, use_reentrant=False) for part in parts])

    def fused(states: Tensor, targets: Tensor) -> Tensor:
        assert isinstance(head, nn.Linear)
        # A shard without targets: Liger divides by their number.
        return fused_losses(head, states, targets) if len(states) else plain(states, targets)

    if kernel == "fused" and not isinstance(head, nn.Linear):
        raise LossError(f"the loss kernel fused needs a plain linear head, not {type(head).__name__}; set chunked")
    losses_of: dict[LossKernel, TokenLosses] = {"plain": plain, "chunked": chunked, "fused": fused}

    def forward(states: Tensor, targets: Tensor | None = None) -> Tensor:
        return make_logits(states) if targets is None else losses_of[kernel](states, targets)

    head.forward = forward
