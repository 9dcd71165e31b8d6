"""Minutes and GPU-hours of a whole run, from what its steps cost.

Example::

    estimate = make_estimate(load, rows, stack=OURS)
    estimate.minutes.mid, estimate.floor_minutes        # (13.9, 4.9)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from s1.planning.stacks import Range, Stack
from s1.planning.steps import Load, StepCost, StepRows, cost_of, example_flops, seconds
from s1.planning.traffic import breakeven_gbits, pass_bytes

START_SECONDS = 60.0
"""Processes, CUDA and NCCL starting; an assumption."""
_SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes. Minutes and shares are of its optimizer steps unless their name says otherwise."""

    minutes: Range
    """``mid`` by the stack's constants; ``low`` by the upper end of its efficiency with all communication hidden,
    ``high`` by the lower end with none hidden."""
    floor_minutes: float
    """At the datasheet's peak, perfectly balanced, nothing recomputed, nothing sent."""
    serial_minutes: float
    """``mid`` with no communication hidden."""
    load_minutes: float
    checkpoint_minutes: float
    save_minutes: float
    num_gpus: int
    model_flops: float
    mfu: float
    """Model operations over the peak, in ``minutes.mid``."""
    tokens_per_second_per_gpu: float
    waste: float
    """Share of computing time in which ranks wait for the fullest one."""
    recompute_share: float
    """Mean share of layers that are computed again."""
    bound_share: float
    """Share of steps in which communication takes longer than computing."""
    breakeven_gbits_per_gpu: float | None
    """Bandwidth between nodes below which the mean pass waits for the network; None: one node."""
    costs: tuple[StepCost, ...]
    """Of every step."""

    @property
    def total_minutes(self) -> Range:
        """From the first process to the saved model."""
        around = self.load_minutes + self.checkpoint_minutes + self.save_minutes
        return Range(self.minutes.low + around, self.minutes.mid + around, self.minutes.high + around)

    @property
    def gpu_hours(self) -> Range:
        """Of all GPUs, from the first process to the saved model."""
        scale = self.num_gpus / _SECONDS_PER_MINUTE
        total = self.total_minutes
        return Range(total.low * scale, total.mid * scale, total.high * scale)

    @property
    def step_gpu_hours(self) -> float:
        """Of all GPUs while they train: what published figures count."""
        return self.minutes.mid * self.num_gpus / _SECONDS_PER_MINUTE


def make_estimate(load: Load, steps: Sequence[StepRows], *, stack: Stack, num_checkpoints: int = 0) -> Estimate:
    """Add up all steps of a run."""
    costs = tuple(cost_of(load, step) for step in steps)
    spread = stack.efficiency
    mid = _total(costs, efficiency=spread.mid, exposed=stack.exposed)
    lengths = [length for step in steps for group in step.rows for row in group for length in row]
    flops = sum(example_flops(load.shape, length, trains_all=load.trains_all) for length in lengths)
    machine = load.machine
    passes = [one for cost in costs for one in cost.passes]
    traffic = pass_bytes(load.shape.num_parameters, num_trained=load.num_trained, zero_stage=load.zero_stage)
    computing = fmean(one.fullest / spread.mid + one.exchange for one in passes)
    weights, states = 2.0 * load.shape.num_parameters, 12.0 * load.num_trained
    reading = weights / machine.storage_bytes_per_second
    checkpoint = (weights + states) / machine.num_nodes / machine.storage_bytes_per_second
    return Estimate(
        minutes=Range(
            low=_total(costs, efficiency=spread.high, exposed=0.0) / _SECONDS_PER_MINUTE,
            mid=mid / _SECONDS_PER_MINUTE,
            high=_total(costs, efficiency=spread.low, exposed=1.0) / _SECONDS_PER_MINUTE,
        ),
        floor_minutes=flops / machine.peak_flops / _SECONDS_PER_MINUTE,
        serial_minutes=_total(costs, efficiency=spread.mid, exposed=1.0) / _SECONDS_PER_MINUTE,
        load_minutes=(START_SECONDS + reading) / _SECONDS_PER_MINUTE,
        checkpoint_minutes=num_checkpoints * checkpoint / _SECONDS_PER_MINUTE,
        save_minutes=reading / _SECONDS_PER_MINUTE,
        num_gpus=machine.num_gpus,
        model_flops=flops,
        mfu=flops / mid / machine.peak_flops,
        tokens_per_second_per_gpu=sum(lengths) / mid / machine.num_gpus,
        waste=1 - sum(one.mean for one in passes) / sum(one.fullest for one in passes),
        recompute_share=fmean(cost.num_recomputed_layers for cost in costs) / load.shape.num_layers,
        bound_share=fmean(_is_bound(cost, efficiency=spread.mid) for cost in costs),
        breakeven_gbits_per_gpu=breakeven_gbits(traffic, seconds=computing, machine=machine),
        costs=costs,
    )


def _total(costs: Sequence[StepCost], *, efficiency: float, exposed: float) -> float:
    return sum(seconds(cost, efficiency=efficiency, exposed=exposed) for cost in costs)


def _is_bound(cost: StepCost, *, efficiency: float) -> bool:
    computing = sum(one.fullest / efficiency + one.exchange for one in cost.passes)
    return sum(one.communication for one in cost.passes) > computing
