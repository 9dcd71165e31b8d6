"""The training objective: every example weighs the same, however long it is and wherever it is computed.

The loss of a step is the mean over its examples of each example's mean loss per target token. At the reference each
of 16 GPUs holds one example, averages over that example's targets, and gradients are averaged over GPUs: the same.

Example::

    batch = pad_micro_batch(examples, device="cpu")
    losses = ExampleLosses(model)(**batch.model_inputs)         # (B,), each example's mean over its own targets
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from s1.records import Example


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Padded examples of one forward pass. B examples, T tokens of the longest, N targets in all."""

    input_ids: Tensor
    """(B, T)"""
    target_places: Tensor
    """(N,), places in the flattened (B, T) whose next token is a target"""
    targets: Tensor
    """(N,), those next tokens"""
    owners: Tensor
    """(N,), the row that each target belongs to"""

    @property
    def model_inputs(self) -> dict[str, Tensor]:
        """Arguments of ``ExampleLosses``."""
        return {
            "input_ids": self.input_ids,
            "target_places": self.target_places,
            "targets": self.targets,
            "owners": self.owners,
        }


def pad_micro_batch(examples: Sequence[Example], *, device: str) -> MicroBatch:
    """Pad examples on the right.

    No attention mask is needed: attention is causal, so a real token never sees the padding behind it, and padding
    carries no loss.
    """
    width = max(len(example.input_ids) for example in examples)
    input_ids = torch.zeros((len(examples), width), dtype=torch.long)
    mask = torch.zeros((len(examples), width), dtype=torch.bool)
    for row, example in enumerate(examples):
        input_ids[row, : len(example.input_ids)] = torch.tensor(example.input_ids)
        # Place t predicts token t + 1; the first token of a sequence is predicted by nothing.
        mask[row, : len(example.loss_mask) - 1] = torch.tensor(example.loss_mask[1:], dtype=torch.bool)
    places = mask.flatten().nonzero().squeeze(1)
    return MicroBatch(
        input_ids=input_ids.to(device),
        target_places=places.to(device),
        targets=input_ids.flatten()[places + 1].to(device),
        owners=(places // width).to(device),
    )


class ExampleLosses(nn.Module):
    """A causal language model that returns each example's mean loss per target token.

    Logits are made at target places only: on prompts and padding they would be thrown away.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        # The two halves of the model, so that the head sees target places only; transformers leaves them untyped.
        parts: Any = model
        self._find_decoder = parts.get_decoder
        self._find_head = parts.get_output_embeddings

    def forward(self, input_ids: Tensor, target_places: Tensor, targets: Tensor, owners: Tensor) -> Tensor:
        """Return losses (B,) in at least single precision."""
        states = self._find_decoder()(input_ids=input_ids, use_cache=False).last_hidden_state  # (B, T, H)
        chosen = states.flatten(0, 1)[target_places]  # (N, H)
        logits = self._find_head()(chosen)  # (N, V)
        if logits.dtype in (torch.bfloat16, torch.float16):
            logits = logits.float()
        losses = nn.functional.cross_entropy(logits, targets, reduction="none")  # (N,)
        zeros = torch.zeros(input_ids.shape[0], dtype=losses.dtype, device=losses.device)
        counts = zeros.index_add(0, owners, torch.ones_like(losses))
        return zeros.index_add(0, owners, losses) / counts
