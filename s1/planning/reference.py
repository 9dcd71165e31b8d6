"""The same run trained the reference's way: FSDP, every rank its own examples as they come, everything recomputed.

Example::

    estimate_reference(shape, lengths, recipe=recipe, machine=machine).minutes.mid      # 23.1 for s1 on 16 H100
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from s1.batching import Layout, Row, Step, plan_steps
from s1.planning.estimate import Estimate, make_estimate
from s1.planning.hardware import Machine
from s1.planning.memory import reference_budget
from s1.planning.plan import Recipe
from s1.planning.shapes import ModelShape
from s1.planning.stacks import FSDP
from s1.planning.steps import Load, StepRows, count_rows


def estimate_reference(
    shape: ModelShape, lengths: Mapping[str, int], *, recipe: Recipe, machine: Machine
) -> Estimate | None:
    """What it would take; None where it would not fit (paper appendix D; s1's issue 13 is about that)."""
    budget = reference_budget(shape, num_ranks=machine.num_gpus)
    longest = budget.longest(machine.gpu.memory_bytes, num_recomputed=shape.num_layers)
    if recipe.num_trained is not None or max(lengths.values()) > longest:
        return None
    steps = plan_steps(list(lengths), batch_size=recipe.batch_size, num_epochs=recipe.num_epochs, seed=recipe.seed)
    load = Load(
        shape=shape,
        layout=Layout(num_groups=machine.num_gpus, sequence_parallel=1),
        machine=machine,
        budget=budget,
        recompute="all",
        zero_stage=3,
        num_trained=shape.num_parameters,
    )
    return make_estimate(load, [deal_out(step, lengths, num_ranks=machine.num_gpus) for step in steps], stack=FSDP)


def deal_rows(num_examples: int, *, num_ranks: int) -> list[list[Row]]:
    """One example per rank at a time, in the order of the data loader; empty rows where none is left."""
    rounds = range(0, num_examples, num_ranks)
    return [[(start + rank,) if start + rank < num_examples else () for start in rounds] for rank in range(num_ranks)]


def deal_out(step: Step, lengths: Mapping[str, int], *, num_ranks: int) -> StepRows:
    """A step's examples dealt to ranks in their order, a rank computing one after the other."""
    rows = deal_rows(len(step.example_ids), num_ranks=num_ranks)
    own = [lengths[name] for name in step.example_ids]
    return count_rows(rows, own, layout=Layout(num_groups=num_ranks, sequence_parallel=1))


def dealt_max_over_mean(steps: Sequence[Step], lengths: Mapping[str, int], *, num_ranks: int) -> float:
    """Tokens of the fullest rank over the mean of all, without balancing; mean over steps."""
    return fmean(deal_out(step, lengths, num_ranks=num_ranks).loads.max_over_mean for step in steps)
