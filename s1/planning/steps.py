"""What each optimizer step of a run costs: who computes what, who waits, what travels.

Every step is laid out as training itself lays it out (``s1.batching``). Seconds are kept at the peak of the hardware;
an efficiency is divided in afterwards. Knows shapes, layouts and machines; chooses nothing.

Example::

    rows = lay_out(lengths, layout=Layout(4, 4), max_tokens_per_rank=8192, attention_weight=1e-5)
    cost = cost_of(load, rows)
    seconds(cost, efficiency=0.5, exposed=0.5)        # 2.7
"""

from collections.abc import Sequence
from dataclasses import dataclass

from s1.batching import Layout, Loads, Row, count_loads, plan_rows
from s1.planning.hardware import Machine
from s1.planning.memory import Budget
from s1.planning.shapes import ModelShape
from s1.planning.stacks import ATTENTION_FACTOR
from s1.planning.traffic import collective_seconds, exchange_seconds, optimizer_seconds, pass_bytes, step_bytes
from s1.training.spec import RecomputeMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One way to run the steps on a machine."""

    shape: ModelShape
    layout: Layout
    machine: Machine
    budget: Budget
    recompute: RecomputeMode
    zero_stage: int
    num_trained: int
    """Parameters that are trained; all, or LoRA's."""

    @property
    def trains_all(self) -> bool:
        """Whether weights get gradients, not only what lies beside them."""
        return self.num_trained >= self.shape.num_parameters


@dataclass(frozen=True, slots=True)
class PassCost:
    """One forward and backward pass of all groups, seconds at the hardware's peak."""

    fullest: float
    """Computing of the group that has most to do."""
    mean: float
    """Over the groups."""
    exchange: float
    communication: float


@dataclass(frozen=True, slots=True)
class StepRows:
    """Who computes what in one optimizer step."""

    rows: tuple[tuple[tuple[int, ...], ...], ...]
    """Of each group, of each of its passes: the lengths in its row."""
    loads: Loads

    @property
    def num_passes(self) -> int:
        """Forward and backward passes of every group."""
        return len(self.rows[0])

    @property
    def num_tokens(self) -> int:
        """Tokens of the step's examples."""
        return sum(sum(row) for group in self.rows for row in group)

    @property
    def fullest_tokens(self) -> int:
        """Tokens of the fullest pass of one rank, padding included."""
        return max(self.loads.longest)


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one optimizer step takes."""

    passes: tuple[PassCost, ...]
    closing: float
    """Seconds of the optimizer, and of gathering weights after it."""
    num_recomputed_layers: int


def lay_out(lengths: Sequence[int], *, layout: Layout, max_tokens_per_rank: int, attention_weight: float) -> StepRows:
    """Lay out one step as training does."""
    places = plan_rows(
        lengths, layout=layout, max_tokens_per_rank=max_tokens_per_rank, attention_weight=attention_weight
    )
    return count_rows(places, lengths, layout=layout)


def count_rows(places: Sequence[Sequence[Row]], lengths: Sequence[int], *, layout: Layout) -> StepRows:
    """A step whose rows are laid out, in lengths."""
    rows = tuple(tuple(tuple(lengths[place] for place in row) for row in group) for group in places)
    return StepRows(rows, count_loads(places, lengths, layout=layout))


def cost_of(load: Load, step: StepRows) -> StepCost:
    """Count what one step takes."""
    num_recomputed = _num_recomputed(load, num_tokens=step.fullest_tokens)
    passes = tuple(
        _cost_of_pass(load, [group[number] for group in step.rows], num_recomputed=num_recomputed)
        for number in range(step.num_passes)
    )
    num_bytes = step_bytes(num_trained=load.num_trained, zero_stage=load.zero_stage)
    closing = optimizer_seconds(load.num_trained, load.machine) + collective_seconds(num_bytes, load.machine)
    return StepCost(passes, closing, num_recomputed)


def seconds(cost: StepCost, *, efficiency: float, exposed: float) -> float:
    """Duration of a step.

    Args:
        efficiency: share of the peak that computing reaches.
        exposed: share of the shorter of computing and communication that is not hidden behind the longer: 0 where
            weights and gradients travel wholly while others are computed, 1 where everything waits for them.
    """
    total = cost.closing
    for one in cost.passes:
        computing = one.fullest / efficiency + one.exchange
        both = (computing, one.communication)
        total += max(both) + exposed * min(both)
    return total


def example_flops(shape: ModelShape, num_tokens: int, *, trains_all: bool = True) -> float:
    """Operations of one example's forward and backward pass that the model needs; frozen weights get no gradient."""
    matrices = (6.0 if trains_all else 4.0) * shape.matrix_parameters * num_tokens
    return matrices + 6.0 * shape.attention_units(num_tokens)


def _num_recomputed(load: Load, *, num_tokens: int) -> int:
    if load.recompute == "none":
        return 0
    if load.recompute == "all":
        return load.shape.num_layers
    return load.budget.recomputed(num_tokens, memory_bytes=load.machine.usable_bytes)


def _cost_of_pass(load: Load, rows: Sequence[Sequence[int]], *, num_recomputed: int) -> PassCost:
    size = load.layout.sequence_parallel
    work = [sum(_weighted_flops(load, length, num_recomputed=num_recomputed) for length in row) for row in rows]
    peak = load.machine.gpu.peak_flops * size
    fullest_tokens = max(sum(row) for row in rows) / size
    return PassCost(
        fullest=max(work) / peak,
        mean=sum(work) / len(work) / peak,
        exchange=exchange_seconds(
            load.shape, tokens_per_rank=fullest_tokens, sequence_parallel=size, machine=load.machine
        ),
        communication=collective_seconds(
            pass_bytes(load.shape.num_parameters, num_trained=load.num_trained, zero_stage=load.zero_stage),
            load.machine,
        ),
    )


def _weighted_flops(load: Load, num_tokens: int, *, num_recomputed: int) -> float:
    """Operations of one example with what is recomputed, attention's counting for what they cost."""
    shape = load.shape
    again = num_recomputed / shape.num_layers
    layers = shape.num_layers * shape.layer_matrix_parameters
    matrices = (6.0 if load.trains_all else 4.0) * shape.matrix_parameters + 2.0 * again * layers
    return matrices * num_tokens + (6.0 + 2.0 * again) * ATTENTION_FACTOR * shape.attention_units(num_tokens)
