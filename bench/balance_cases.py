"""Layouts that ``bench.balance`` compares: planned, run on this machine, put together from what the ranks wrote.

Knows layouts and measured seconds; does not know where lengths come from, or how results are shown.

Example::

    measured = run_cases(cases_of(4, shape=shape), {"s1k-short": steps}, spec=spec, num_ranks=4)
    measured["s1k-short", "groups x ranks: 2 x 2"].max_over_mean
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from bench.ranks import RankError, run_ranks
from s1.batching import Layout, Loads, count_loads, layouts, partition, plan_rows
from s1.planning.reference import deal_rows
from s1.planning.shapes import ModelShape
from s1.training.spec import TrainSpec

REFERENCE = "one example per rank"
SIXTEEN = Layout(num_groups=4, sequence_parallel=4)
"""Of the paper's 16 GPUs."""
ALL_TOGETHER = 1_000_000
"""Tokens per rank of a pass: a step is one pass, as it is on the paper's 16 GPUs."""
SAME_LOSS = 1e-4
"""Nats that two layouts' losses of an example may differ by: rounding."""


@dataclass(frozen=True, slots=True)
class Case:
    """One layout on some ranks."""

    name: str
    layout: Layout
    is_reference: bool = False

    def planned(self, lengths: Sequence[int], *, attention_weight: float) -> Loads:
        """What every rank carries in one step."""
        rows = (
            deal_rows(len(lengths), num_ranks=self.layout.num_ranks)
            if self.is_reference
            else plan_rows(
                lengths, layout=self.layout, max_tokens_per_rank=ALL_TOGETHER, attention_weight=attention_weight
            )
        )
        return count_loads(rows, lengths, layout=self.layout)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the ranks of one case did, over its steps."""

    steps: Sequence[Sequence[Sequence[float]]]
    """Of each step, of each rank: processor seconds of its passes."""
    wall_seconds: float
    """Of a step, by the clock; mean."""
    losses: Sequence[Sequence[float]]
    """Of each step, of each example."""

    @property
    def max_over_mean(self) -> float:
        """Seconds of the busiest rank of each pass over those of the mean one."""
        longest: float = sum(max(of_pass) for step in self.steps for of_pass in zip(*step, strict=True))
        return longest / sum(fmean(sum(passes) for passes in step) for step in self.steps)

    @property
    def work_seconds(self) -> float:
        """Processor seconds of all ranks together, of a step; mean."""
        return fmean(sum(map(sum, step)) for step in self.steps)


def cases_of(num_ranks: int, *, shape: ModelShape) -> list[Case]:
    """The reference's layout, then every one of ours."""
    found = layouts(num_ranks, num_heads=shape.num_heads, num_kv_heads=shape.num_kv_heads)
    ours = [Case(_name(layout), layout) for layout in found]
    return [Case(REFERENCE, Layout(num_ranks, 1), is_reference=True), *ours]


def run_cases(
    cases: Sequence[Case], steps: Mapping[str, Sequence[Sequence[str]]], *, spec: TrainSpec, num_ranks: int
) -> dict[tuple[str, str], Measured]:
    """Run all cases on all lists in one launch.

    Returns:
        By names of list and case.
    """
    described = [
        {"name": case.name, "sequence_parallel": case.layout.sequence_parallel, "is_reference": case.is_reference}
        for case in cases
    ]
    output = spec.run_folder / f"ranks-{num_ranks}"
    job_file = output.with_suffix(".json")
    job = {"spec": spec.model_dump(mode="json"), "cases": described, "steps": steps, "output": str(output)}
    job_file.write_text(json.dumps(job), encoding="utf-8")
    run_ranks(["-m", "bench.balance_rank", str(job_file)], num_ranks=num_ranks)
    results = [json.loads(Path(f"{output}.rank{rank}.json").read_text("utf-8")) for rank in range(num_ranks)]
    return {
        (name, case.name): read_measured([result[f"{name}/{case.name}"] for result in results])
        for name in steps
        for case in cases
    }


def read_measured(of_ranks: Sequence[Sequence[Mapping[str, Any]]]) -> Measured:
    """Put together what each rank wrote of its steps."""
    by_step = list(zip(*of_ranks, strict=True))
    return Measured(
        steps=[[rank["passes"] for rank in step] for step in by_step],
        wall_seconds=fmean(max(rank["seconds"] for rank in step) for step in by_step),
        losses=[step[0]["losses"] for step in by_step],
    )


def check_losses(measured: Mapping[tuple[str, str], Measured]) -> float:
    """Largest difference between two layouts' losses of one example.

    Raises:
        RankError: it is no rounding.
    """
    reference = {name: one.losses for (name, case), one in measured.items() if case == REFERENCE}
    largest = max(
        abs(loss - other)
        for (name, _), one in measured.items()
        for step, others in zip(one.losses, reference[name], strict=True)
        for loss, other in zip(step, others, strict=True)
    )
    if largest > SAME_LOSS:
        raise RankError(f"the layouts' losses differ by {largest:.1e}, so they do not do the same work")
    return largest


def sixteen_cases() -> list[Case]:
    """The two layouts of ``Waiting``, to plan."""
    return [Case(REFERENCE, Layout(16, 1), is_reference=True), Case(_name(SIXTEEN), SIXTEEN)]


class Waiting(NamedTuple):
    """Max over mean on 16 ranks."""

    alone: float
    """One example per rank."""
    grouped: float
    """Four groups of four ranks, each group's work shared evenly by its ranks."""


def sixteen_ranks(
    measured: Measured, lengths: Sequence[Sequence[int]], *, num_ranks: int, attention_weight: float
) -> Waiting:
    """Waiting on 16 ranks, from the seconds that single examples took.

    Args:
        measured: of the reference's layout on ``num_ranks`` ranks.
        lengths: of each step's examples.
    """
    alone, grouped = [], []
    for step, of_step in zip(measured.steps, lengths, strict=True):
        # Example p of rank r stands at place p * num_ranks + r of the step.
        seconds = [step[place % num_ranks][place // num_ranks] for place in range(len(of_step))]
        costs = [length + attention_weight * length**2 for length in of_step]
        shares = partition(costs, num_groups=SIXTEEN.num_groups)
        alone.append((max(seconds), fmean(seconds)))
        loads = [sum(seconds[place] for place in share) for share in shares]
        grouped.append((max(loads), fmean(loads)))
    return Waiting(*(sum(longest for longest, _ in of) / sum(mean for _, mean in of) for of in (alone, grouped)))


def _name(layout: Layout) -> str:
    return f"groups x ranks: {layout.num_groups} x {layout.sequence_parallel}"
