"""One optimizer step: every group's packed rows forward and backward, then the engine's step.

Each rank plans the whole step by itself and computes its shard of its group's rows, so nothing is sent but what ZeRO
and Ulysses send, and every example's loss at the end. Knows how loss and gradient are scaled; does not know files.

Example::

    record = take_step(engine, step, examples, spec=spec, total=315)
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from s1.batching import Layout, Row, Step, count_loads, plan_rows
from s1.records import Example
from s1.training.engine import set_learning_rate
from s1.training.guards import check_grad_norm, check_losses
from s1.training.loss import example_losses, weighted_loss
from s1.training.packing import PackedRow, count_targets, pack_row, shard, token_weights
from s1.training.recompute import find_layers, num_recomputed_layers, recompute_layers
from s1.training.schedule import learning_rate
from s1.training.spec import TrainSpec, TrainStep


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What all ranks do in one step; the same on every rank."""

    layout: Layout
    rows: list[list[Row]]
    """Of every group, one for each pass."""


def plan_step(examples: Sequence[Example], *, spec: TrainSpec, num_ranks: int) -> StepPlan:
    """Share a step's examples out over the groups of ranks."""
    layout = Layout(num_ranks // spec.sequence_parallel, spec.sequence_parallel)
    rows = plan_rows(
        [len(example.input_ids) for example in examples],
        layout=layout,
        max_tokens_per_rank=spec.max_tokens_per_rank,
        attention_weight=spec.attention_weight,
    )
    return StepPlan(layout=layout, rows=rows)


def take_step(engine: Any, step: Step, examples: Sequence[Example], *, spec: TrainSpec, total: int) -> TrainStep:
    """Take one optimizer step, all ranks together.

    Raises:
        TrainingError: a loss or the gradient is not a number; names the step's examples.
    """
    started = time.perf_counter()
    # Seeded by the step, not by what ran before: a model with dropout resumes exactly, too.
    torch.manual_seed(spec.seed * 1_000_003 + step.number)
    rate = learning_rate(
        step=step.number, num_steps=total, peak=spec.train.learning_rate, warmup_ratio=spec.train.warmup_ratio
    )
    set_learning_rate(engine, rate)
    plan = plan_step(examples, spec=spec, num_ranks=distributed.get_world_size())
    lengths = [len(example.input_ids) for example in examples]
    loads = count_loads(plan.rows, lengths, layout=plan.layout)
    num_recomputed = num_recomputed_layers(
        spec.recompute, num_tokens=max(loads.longest), num_layers=len(find_layers(engine.module))
    )
    recompute_layers(engine.module, num_recomputed)
    losses = accumulate_gradient(engine, plan, examples, spec=spec)
    check_losses(losses, step)
    engine.step()
    grad_norm = float(engine.get_global_grad_norm())
    check_grad_norm(grad_norm, step)
    return TrainStep(
        step=step.number,
        epoch=step.epoch,
        loss=_objective(losses, examples, spec=spec),
        learning_rate=rate,
        grad_norm=grad_norm,
        seconds=time.perf_counter() - started,
        num_tokens=sum(lengths),
        example_hash=step.example_hash,
        max_over_mean=loads.max_over_mean,
        num_recomputed_layers=num_recomputed,
        num_passes=len(loads.longest),
        example_losses=tuple(losses),
    )


def _objective(losses: Sequence[float], examples: Sequence[Example], *, spec: TrainSpec) -> float:
    """The step's loss from every example's mean per target token."""
    num_targets = [count_targets(example) for example in examples]
    weights = token_weights(num_targets, objective=spec.train.objective)
    return sum(loss * num * weight for loss, num, weight in zip(losses, num_targets, weights, strict=True))


def accumulate_gradient(engine: Any, plan: StepPlan, examples: Sequence[Example], *, spec: TrainSpec) -> list[float]:
    """Run this rank's forward and backward passes; the gradient of the objective is then in the engine.

    Returns:
        Every example's mean loss per target token, from all ranks, in the step's order.
    """
    weights = token_weights([count_targets(example) for example in examples], objective=spec.train.objective)
    losses = torch.zeros(len(examples), dtype=torch.float64, device=spec.device)
    own_rows = plan.rows[plan.layout.group_of(distributed.get_rank())]
    for number, places in enumerate(own_rows, start=1):
        engine.set_gradient_accumulation_boundary(number == len(own_rows))
        row = _own_shard(places, examples, weights=weights, layout=plan.layout).to(spec.device)
        target_losses: Tensor = engine(**row.model_inputs)  # (N,)
        # ZeRO averages gradients over all ranks, those that share a row included; times their number it is the sum.
        engine.backward(weighted_loss(target_losses, row) * plan.layout.num_ranks, scale_wrt_gas=False)
        losses += example_losses(target_losses, row, num_examples=len(examples))
    distributed.all_reduce(losses)
    result: list[float] = losses.tolist()
    return result


def _own_shard(places: Row, examples: Sequence[Example], *, weights: Sequence[float], layout: Layout) -> PackedRow:
    """Pack a row and cut this rank's part out; of an empty row it is one token, which takes part in all collectives."""
    size = layout.sequence_parallel
    row = pack_row([(place, examples[place]) for place in places], token_weights=weights, multiple_of=size)
    return shard(row, part=layout.part_of(distributed.get_rank()), num_parts=size)
