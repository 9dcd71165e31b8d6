"""Examples of one pass laid end to end in one row, with everything that keeps them apart.

Positions start anew at every example, ``cu_seq_lens`` tells attention where examples end, targets never cross from one
example into the next, and weights make the sum of weighted losses the step's objective. What pads a row at its end is a
segment of its own without targets. Targets and weights are set before a row is cut into shards, because a shard's last
token predicts the next shard's first. Knows tokens; does not know models, or who computes which row.

Example::

    weights = token_weights([count_targets(example) for example in examples], objective="example-mean")
    row = pack_row([(place, examples[place]) for place in (0, 3)], token_weights=weights, multiple_of=2)
    shard(row, part=1, num_parts=2).model_inputs        # what RowLosses takes on the group's second rank
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import torch
from torch import Tensor

from s1.records import Example

Objective = Literal["example-mean", "token-mean"]
NO_TARGET = -100
"""In ``targets``: the next token is none that is learned. The value that torch's and Liger's losses ignore."""
NO_OWNER = -1
"""In ``owners``: padding."""


@dataclass(frozen=True, slots=True)
class PackedRow:
    """One row, or one rank's shard of it. T tokens here, S segments of the whole row, padding included."""

    input_ids: Tensor
    """(1, T), long"""
    position_ids: Tensor
    """(1, T), long; 0 at the first token of each segment"""
    targets: Tensor
    """(T,), long; the token to predict at each place, ``NO_TARGET`` where none is"""
    weights: Tensor
    """(T,), double; what each target's loss counts in the step's objective, 0 where there is none"""
    shares: Tensor
    """(T,), double; what each target counts in its own example's mean, 0 where there is none"""
    owners: Tensor
    """(T,), long; the example that each token is of, as its place in the step, ``NO_OWNER`` for padding"""
    cu_seq_lens: Tensor
    """(S + 1,), int32; where segments begin and the last one ends, in the whole row also when this is a shard"""
    max_length: int
    """Tokens of the longest segment of the whole row."""
    target_places: Tensor = field(init=False)
    """(N,), the places that have a target"""

    def __post_init__(self) -> None:
        # Found once: counting makes a GPU wait.
        object.__setattr__(self, "target_places", (self.targets != NO_TARGET).nonzero().squeeze(1))

    @property
    def num_tokens(self) -> int:
        """Tokens here, padding included."""
        return self.input_ids.shape[1]

    @property
    def model_inputs(self) -> dict[str, Any]:
        """Arguments of ``s1.training.loss.RowLosses``."""
        return {
            "input_ids": self.input_ids,
            "target_places": self.target_places,
            "targets": self.targets[self.target_places],
            **self.decoder_inputs,
        }

    @property
    def decoder_inputs(self) -> dict[str, Any]:
        """What a decoder of transformers takes beside the tokens, and hands down to attention."""
        return {
            "position_ids": self.position_ids,
            "cu_seq_lens_q": self.cu_seq_lens,
            "cu_seq_lens_k": self.cu_seq_lens,
            "max_length_q": self.max_length,
            "max_length_k": self.max_length,
        }

    def to(self, device: str | torch.device) -> "PackedRow":
        """Return the same on another device."""
        given = {part.name: getattr(self, part.name) for part in fields(self) if part.init}
        moved: dict[str, Any] = {name: value.to(device) for name, value in given.items() if isinstance(value, Tensor)}
        return replace(self, **moved)


def count_targets(example: Example) -> int:
    """Tokens of an example that are learned; its first token is predicted by nothing."""
    return sum(example.loss_mask[1:])


def token_weights(num_targets: Sequence[int], *, objective: Objective) -> list[float]:
    """What one target token counts in a step's objective, for every example of the step.

    ``example-mean`` is the reference's objective: each of its 16 GPUs averages over one example's targets, and
    gradients are averaged over GPUs. ``token-mean`` is what today's transformers Trainer does.

    Args:
        num_targets: of all examples of the step, wherever they are computed.
    """
    if objective == "token-mean":
        return [1 / sum(num_targets)] * len(num_targets)
    return [1 / (len(num_targets) * num) for num in num_targets]


def pack_row(
    members: Sequence[tuple[int, Example]], *, token_weights: Sequence[float], multiple_of: int = 1
) -> PackedRow:
    """Lay examples end to end.

    Without members the row is nothing but padding, for a group that only takes part.

    Args:
        members: the row's examples, each with its place in the step.
        token_weights: what one target counts, by place in the step.
        multiple_of: the row is padded to the next multiple of it; the ranks that share it.
    """
    segments = [_segment(place, example, weight=token_weights[place]) for place, example in members]
    num_tokens = sum(segment.num_tokens for segment in segments)
    num_padding = -num_tokens % multiple_of if segments else multiple_of
    if num_padding:
        segments.append(_padding(num_padding))
    lengths = torch.tensor([0, *(segment.num_tokens for segment in segments)])
    return PackedRow(
        input_ids=torch.cat([segment.input_ids for segment in segments], dim=1),
        position_ids=torch.cat([segment.position_ids for segment in segments], dim=1),
        targets=torch.cat([segment.targets for segment in segments]),
        weights=torch.cat([segment.weights for segment in segments]),
        shares=torch.cat([segment.shares for segment in segments]),
        owners=torch.cat([segment.owners for segment in segments]),
        cu_seq_lens=lengths.cumsum(0).to(torch.int32),
        max_length=int(lengths.max()),
    )


def shard(row: PackedRow, *, part: int, num_parts: int) -> PackedRow:
    """Cut one rank's part out of a row: equal, contiguous, in the order of ranks.

    Boundaries of segments stay those of the whole row, because attention sees all of it (DeepSpeed Ulysses).

    Raises:
        ValueError: the row's tokens do not divide by the parts.
    """
    if row.num_tokens % num_parts:
        raise ValueError(f"a row of {row.num_tokens} tokens cannot be cut into {num_parts} equal parts; pad it first")
    width = row.num_tokens // num_parts
    here = slice(part * width, (part + 1) * width)
    return replace(
        row,
        input_ids=row.input_ids[:, here],
        position_ids=row.position_ids[:, here],
        targets=row.targets[here],
        weights=row.weights[here],
        shares=row.shares[here],
        owners=row.owners[here],
    )


def _segment(place: int, example: Example, *, weight: float) -> PackedRow:
    ids = torch.tensor(example.input_ids, dtype=torch.long)
    learned = torch.tensor(example.loss_mask, dtype=torch.bool).roll(-1)
    learned[-1] = False  # The last token predicts nothing, least of all the next example's first.
    targets = torch.where(learned, ids.roll(-1), NO_TARGET)
    return PackedRow(
        input_ids=ids[None],
        position_ids=torch.arange(len(ids))[None],
        targets=targets,
        weights=learned.double() * weight,
        shares=learned.double() / max(1, count_targets(example)),
        owners=torch.full_like(ids, place),
        cu_seq_lens=torch.tensor([0, len(ids)], dtype=torch.int32),
        max_length=len(ids),
    )


def _padding(num_tokens: int) -> PackedRow:
    """Any token will do (0 is in every vocabulary): nothing attends to it but itself, and it carries no loss."""
    nothing = Example(question_id="padding", input_ids=[0] * num_tokens, loss_mask=[0] * num_tokens)
    return _segment(NO_OWNER, nothing, weight=0.0)
