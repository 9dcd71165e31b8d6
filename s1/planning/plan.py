"""Chooses how a run is laid out on a machine, or refuses it and says what would fit.

Of all layouts that ranks and attention heads allow, and of several sizes of a pass, the one with the least time among
those that fit in memory is taken. On CPUs there is no model of time and memory: the layout is taken as wished, or one
rank per group. Knows nothing of files or prices.

Example::

    plan = make_plan(shape, named_lengths, recipe=recipe, machine=machine)
    plan.layout.sequence_parallel, plan.max_tokens_per_rank     # (8, 37347)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import Literal

from s1.batching import Layout, LayoutError, Step, layouts, make_layout, plan_steps
from s1.planning.estimate import Estimate, make_estimate
from s1.planning.hardware import Machine
from s1.planning.memory import OVERHEAD_BYTES, Budget, Precision, budget_of
from s1.planning.problems import PlanError
from s1.planning.shapes import ModelShape
from s1.planning.stacks import OURS, Stack, measured
from s1.planning.steps import Load, StepRows, cost_of, lay_out, seconds
from s1.training.spec import AttentionKernel, LossKernel, RecomputeMode

_NUM_TRIED_STEPS = 100
"""Steps on which candidates are compared, evenly spaced; the chosen one is then laid out whole."""
_TRIED_SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Shares of layers recomputed at which a pass is as large as memory allows: sizes of a pass that are tried."""
_CPU_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the recipe decides time and memory."""

    batch_size: int
    num_epochs: int
    seed: int
    precision: Precision
    zero_stage: Literal[1, 2, 3]
    num_trained: int | None = None
    """Parameters of LoRA; None: all weights are trained."""
    checkpoint_every_steps: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is fixed; None and ``auto`` leave it to the plan."""

    sequence_parallel: int | None = None
    max_tokens_per_rank: int | None = None
    recompute: RecomputeMode = "auto"
    loss_kernel: LossKernel = "fused"
    attention: AttentionKernel = "varlen"
    efficiency: float | None = None
    """Measured share of peak, in place of the stack's constant."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What memory allows."""

    budget: Budget
    memory_bytes: int
    """What the plan may fill of a GPU."""
    peak_bytes: float
    """Of the fullest pass."""
    longest_example: int
    """Tokens of the longest example that this layout could hold."""

    @property
    def activation_bytes(self) -> int:
        """What states leave of one rank's memory for activations, the loss and ``workspace_bytes``."""
        free = self.memory_bytes - OVERHEAD_BYTES - self.budget.state_bytes - self.budget.backward_bytes
        return max(0, free)

    @property
    def workspace_bytes(self) -> int:
        """One token of what is held while a layer is computed again, rounded up."""
        return ceil(self.budget.transient_bytes)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is laid out, and what that costs."""

    layout: Layout
    max_tokens_per_rank: int
    attention_weight: float
    recompute: RecomputeMode
    loss_kernel: LossKernel
    attention: AttentionKernel
    steps: tuple[Step, ...]
    rows: tuple[StepRows, ...]
    """Who computes what, of every step."""
    estimate: Estimate | None
    """None on CPUs."""
    fit: Fit | None
    """None on CPUs."""
    stack: Stack
    """What the estimate starts from."""

    @property
    def max_over_mean(self) -> float:
        """Tokens of the passes' fullest ranks over what all would carry if all carried the same; mean over steps."""
        return fmean(step.loads.max_over_mean for step in self.rows)

    @property
    def num_tokens(self) -> int:
        """Tokens of all steps."""
        return sum(step.num_tokens for step in self.rows)


def make_plan(
    shape: ModelShape,
    lengths: Mapping[str, int],
    *,
    recipe: Recipe,
    machine: Machine,
    wishes: Wishes | None = None,
    stack: Stack = OURS,
) -> Plan:
    """Choose the fastest way of running that fits.

    Args:
        lengths: tokens of each example, by its id: the order of a run's examples depends on ids.

    Raises:
        PlanError: what was wished is impossible, or nothing fits (says what would).
    """
    from s1.planning.proposals import refuse

    wishes = wishes or Wishes()
    stack = stack if wishes.efficiency is None else measured(stack, wishes.efficiency)
    steps = _steps(lengths, recipe)
    step_lengths = [[lengths[name] for name in step.example_ids] for step in steps]
    tried = step_lengths[:: max(1, len(steps) // _NUM_TRIED_STEPS)]
    best: tuple[float, Load, int] | None = None
    for load, max_tokens in _candidates(shape, max(lengths.values()), recipe=recipe, machine=machine, wishes=wishes):
        taken = _mid_seconds(load, tried, max_tokens=max_tokens, stack=stack)
        if best is None or taken < best[0]:
            best = (taken, load, max_tokens)
    if best is None:
        raise refuse(shape, max(lengths.values()), recipe=recipe, machine=machine, wishes=wishes)
    _, load, max_tokens = best
    rows = _lay_out_all(step_lengths, load.layout, max_tokens=max_tokens, shape=shape)
    fullest = max(step.fullest_tokens for step in rows)
    num_checkpoints = (len(steps) - 1) // recipe.checkpoint_every_steps
    estimate = make_estimate(load, rows, stack=stack, num_checkpoints=num_checkpoints)
    most = max(cost.num_recomputed_layers for cost in estimate.costs)
    return Plan(
        layout=load.layout,
        max_tokens_per_rank=max_tokens,
        attention_weight=shape.attention_weight,
        recompute=wishes.recompute,
        loss_kernel=wishes.loss_kernel,
        attention=wishes.attention,
        steps=steps,
        rows=rows,
        estimate=estimate,
        fit=Fit(
            load.budget,
            machine.usable_bytes,
            peak_bytes=load.budget.peak(fullest, num_recomputed=most),
            longest_example=longest_on_a_rank(load.budget, machine, wishes) * load.layout.sequence_parallel,
        ),
        stack=stack,
    )


def make_cpu_plan(
    shape: ModelShape, lengths: Mapping[str, int], *, recipe: Recipe, num_ranks: int, wishes: Wishes
) -> Plan:
    """Lay a run out on CPU ranks, where time and memory are not foretold.

    Raises:
        PlanError: what was wished is impossible.
    """
    layout = allowed_layouts(shape, num_ranks, sequence_parallel=wishes.sequence_parallel or 1)[0]
    steps = _steps(lengths, recipe)
    max_tokens = wishes.max_tokens_per_rank or max(_CPU_TOKENS, *lengths.values())
    step_lengths = [[lengths[name] for name in step.example_ids] for step in steps]
    return Plan(
        layout=layout,
        max_tokens_per_rank=max_tokens,
        attention_weight=shape.attention_weight,
        recompute="none" if wishes.recompute == "auto" else wishes.recompute,
        loss_kernel=wishes.loss_kernel,
        attention=wishes.attention,
        steps=steps,
        rows=_lay_out_all(step_lengths, layout, max_tokens=max_tokens, shape=shape),
        estimate=None,
        fit=None,
        stack=OURS,
    )


def allowed_layouts(shape: ModelShape, num_ranks: int, *, sequence_parallel: int | None) -> list[Layout]:
    """Layouts that heads and ranks allow; with a size given, that one alone.

    Raises:
        PlanError: the size does not go with them; names those that do.
    """
    heads = {"num_heads": shape.num_heads, "num_kv_heads": shape.num_kv_heads}
    if sequence_parallel is None:
        return layouts(num_ranks, **heads)
    try:
        return [make_layout(num_ranks, sequence_parallel=sequence_parallel, **heads)]
    except LayoutError as error:
        raise PlanError(str(error)) from error


def rank_budget(shape: ModelShape, *, recipe: Recipe, machine: Machine, wishes: Wishes) -> Budget:
    """What one rank's memory goes to."""
    return budget_of(
        shape,
        num_ranks=machine.num_gpus,
        precision=recipe.precision,
        zero_stage=recipe.zero_stage,
        loss_kernel=wishes.loss_kernel,
        num_trained=recipe.num_trained,
    )


def longest_on_a_rank(budget: Budget, machine: Machine, wishes: Wishes) -> int:
    """Tokens of one pass on one rank that fit, recomputing what may be."""
    num_recomputed = 0 if wishes.recompute == "none" else budget.num_layers
    return budget.longest(machine.usable_bytes, num_recomputed=num_recomputed)


def _candidates(
    shape: ModelShape, longest: int, *, recipe: Recipe, machine: Machine, wishes: Wishes
) -> Iterator[tuple[Load, int]]:
    """Ways of running that hold the longest example, each with tokens per pass and rank."""
    budget = rank_budget(shape, recipe=recipe, machine=machine, wishes=wishes)
    most = longest_on_a_rank(budget, machine, wishes)
    for layout in allowed_layouts(shape, machine.num_gpus, sequence_parallel=wishes.sequence_parallel):
        needed = -(-longest // layout.sequence_parallel)
        if needed > most:
            continue
        load = Load(
            shape=shape,
            layout=layout,
            machine=machine,
            budget=budget,
            recompute=wishes.recompute,
            zero_stage=recipe.zero_stage,
            num_trained=recipe.num_trained or shape.num_parameters,
        )
        sizes = {max(needed, size) for size in _sizes(budget, machine, wishes)}
        yield from ((load, size) for size in sorted(sizes, reverse=True) if size <= most)


def _sizes(budget: Budget, machine: Machine, wishes: Wishes) -> Sequence[int]:
    if wishes.max_tokens_per_rank is not None:
        return [wishes.max_tokens_per_rank]
    if wishes.recompute != "auto":
        return [longest_on_a_rank(budget, machine, wishes)]
    counts = [round(share * budget.num_layers) for share in _TRIED_SHARES]
    return [budget.longest(machine.usable_bytes, num_recomputed=count) for count in counts]


def _mid_seconds(load: Load, tried: Sequence[Sequence[int]], *, max_tokens: int, stack: Stack) -> float:
    rows = _lay_out_all(tried, load.layout, max_tokens=max_tokens, shape=load.shape)
    return sum(seconds(cost_of(load, step), efficiency=stack.efficiency.mid, exposed=stack.exposed) for step in rows)


def _lay_out_all(
    step_lengths: Sequence[Sequence[int]], layout: Layout, *, max_tokens: int, shape: ModelShape
) -> tuple[StepRows, ...]:
    return tuple(
        lay_out(lengths, layout=layout, max_tokens_per_rank=max_tokens, attention_weight=shape.attention_weight)
        for lengths in step_lengths
    )


def _steps(lengths: Mapping[str, int], recipe: Recipe) -> tuple[Step, ...]:
    found = plan_steps(list(lengths), batch_size=recipe.batch_size, num_epochs=recipe.num_epochs, seed=recipe.seed)
    return tuple(found)
