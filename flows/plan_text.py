"""A plan as text: the machine and the run, what they take, and what every rank does in every step.

Example::

    print(render_plan(planned, shape=shape, lengths=lengths, train=params.train, seed=0, num=2))
"""

from collections.abc import Iterator, Mapping, Sequence

from infra.cluster import Cluster
from s1.config import TrainParams
from s1.planning import GPUS, ModelShape
from s1.planning.estimate import Estimate
from s1.planning.plan import Fit, Plan
from s1.planning.published import ValidationRow
from s1.planning.reference import dealt_max_over_mean, estimate_reference
from s1.planning.steps import StepRows, seconds
from tasks.planning import PlannedRun, machine_of, recipe_of

_GB = 1e9


def render_plan(
    planned: PlannedRun, *, shape: ModelShape, lengths: Mapping[str, int], train: TrainParams, seed: int, num: int
) -> str:
    """The whole plan.

    Args:
        num: steps that are shown rank by rank.
    """
    plan = planned.plan
    lines = [*_head(planned, shape, lengths), "", *_layout(plan, shape)]
    if plan.fit is not None:
        lines += ["", *_memory(plan.fit)]
    if plan.estimate is not None:
        machine = machine_of(planned.cluster)
        reference = estimate_reference(shape, lengths, recipe=recipe_of(train, seed=seed, shape=shape), machine=machine)
        lines += ["", *_time(planned, plan.estimate, reference)]
    dealt = dealt_max_over_mean(plan.steps, lengths, num_ranks=plan.layout.num_ranks)
    lines += ["", *_balance(plan, dealt), "", *_steps(plan, shape, num=num)]
    return "\n".join(lines)


def render_gpus() -> str:
    """Kinds of GPU, as a table."""
    rows = [
        (
            gpu.name,
            f"{gpu.peak_flops / 1e12:.0f}",
            f"{gpu.memory_bytes / _GB:.1f}",
            f"{gpu.memory_bytes_per_second / 1e12:.2f}",
            f"{gpu.link_bytes_per_second / _GB:.0f}",
            gpu.source,
        )
        for gpu in GPUS.values()
    ]
    head = ("gpu", "bf16 TFLOP/s", "memory GB", "TB/s", "link GB/s", "source")
    return _table([head, *rows], right={1, 2, 3, 4})


def render_published(rows: Sequence[ValidationRow]) -> str:
    """Published runs beside what is predicted for them, as a Markdown table."""
    lines = ["| run | unit | published | predicted | time off by | |", "|---|---|---:|---:|---:|---|"]
    for row in rows:
        predicted = "" if row.predicted is None else f"{row.predicted:,.1f}"
        error = "" if row.error is None else f"{row.error:+.1%}"
        why = "" if row.predicted is not None else f"does not validate: {row.why_not}"
        lines.append(f"| {row.run} | {row.unit} | {row.published:,.1f} | {predicted} | {error} | {why} |")
    errors = [abs(row.error) for row in rows if row.error is not None]
    return "\n".join([*lines, "", f"{len(errors)} rows validate; the largest error is {max(errors):.1%}."])


def _head(planned: PlannedRun, shape: ModelShape, lengths: Mapping[str, int]) -> Iterator[str]:
    plan, sizes = planned.plan, sorted(lengths.values())
    yield (
        f"{len(plan.steps)} steps on {_machine(planned.cluster)}: a model of {_billions(shape.num_parameters)} "
        f"parameters, {len(sizes):,} examples of {sizes[0]:,} to {sizes[-1]:,} tokens (mean "
        f"{sum(sizes) / len(sizes):,.0f}), {plan.num_tokens:,} tokens in all"
    )


def _machine(cluster: Cluster) -> str:
    kind = cluster.gpu or ("GPUs" if cluster.device == "cuda" else "CPU ranks")
    nodes = f"{cluster.num_nodes} nodes x " if cluster.num_nodes > 1 else ""
    network = f" at {cluster.network_gbits_per_gpu:g} Gb/s each" if cluster.network_gbits_per_gpu else ""
    return f"{nodes}{cluster.processes_per_node} {kind}{network}"


def _layout(plan: Plan, shape: ModelShape) -> Iterator[str]:
    layout = plan.layout
    yield f"layout        {_count(layout.num_groups, 'group')} of {_count(layout.sequence_parallel, 'rank')}"
    yield f"a pass        up to {plan.max_tokens_per_rank:,} tokens per rank"
    recomputed: str = plan.recompute
    if plan.estimate is not None:
        recomputed = f"{plan.recompute}: {plan.estimate.recompute_share:.0%} of {shape.num_layers} layers on average"
    yield f"recomputed    {recomputed}"
    yield f"kernels       attention {plan.attention}, loss {plan.loss_kernel}"


def _memory(fit: Fit) -> Iterator[str]:
    sizes = f"{fit.peak_bytes / _GB:.1f} of {fit.memory_bytes / _GB:.1f}"
    yield f"memory        {sizes} usable GB per GPU at the fullest pass;"
    yield f"              weights, gradients and optimizer take {fit.budget.state_bytes / _GB:.1f} GB of it"
    yield f"              the longest example that this layout could hold: {fit.longest_example:,} tokens"


def _time(planned: PlannedRun, estimate: Estimate, reference: Estimate | None) -> Iterator[str]:
    minutes, total, hours = estimate.minutes, estimate.total_minutes, estimate.gpu_hours
    yield f"training      {minutes.mid:.1f} min ({minutes.low:.1f} to {minutes.high:.1f});"
    yield f"              {estimate.mfu:.1%} MFU, {estimate.tokens_per_second_per_gpu:,.0f} tokens/s per GPU"
    yield (
        f"bounds        {estimate.floor_minutes:.1f} min at 100 % of peak; {estimate.serial_minutes:.1f} min were no "
        "communication hidden"
    )
    yield (
        f"around it     load {estimate.load_minutes:.1f}, checkpoints {estimate.checkpoint_minutes:.1f}, save "
        f"{estimate.save_minutes:.1f} min (storage taken as 2 GB/s per node)"
    )
    usd = planned.usd_per_gpu_hour
    price = "" if usd is None else f"; ${hours.mid * usd:.2f} (${hours.low * usd:.2f} to ${hours.high * usd:.2f})"
    at = "" if usd is None else f" at ${usd:.2f} per GPU-hour"
    yield f"in all        {total.mid:.1f} min, {hours.mid:.2f} GPU-hours{price}{at}"
    yield f"waiting       {estimate.waste:.1%} of computing is lost to waiting for the fullest group"
    if estimate.breakeven_gbits_per_gpu is not None:
        bound = f"{estimate.bound_share:.0%} of steps" if estimate.bound_share else "no step"
        yield (
            f"network       {bound} bound by it; break-even at {estimate.breakeven_gbits_per_gpu:.0f} Gb/s per GPU"
            + ("" if planned.cluster.network_gbits_per_gpu else " (network_gbits_per_gpu is not given: not judged)")
        )
    stack = planned.plan.stack
    yield f"efficiency    {stack.efficiency.mid:.3f} of peak while computing: {stack.source}"
    if reference is None:
        yield "reference     FSDP, one example per GPU, everything recomputed: does not fit, or is another recipe"
    else:
        yield (
            f"reference     FSDP, one example per GPU, everything recomputed: {reference.minutes.mid:.1f} min, "
            f"{reference.waste:.0%} waiting"
        )


def _balance(plan: Plan, dealt: float) -> Iterator[str]:
    ratios = sorted(step.loads.max_over_mean for step in plan.rows)
    yield (
        f"max/mean      {plan.max_over_mean:.3f} over {len(ratios)} steps (worst {ratios[-1]:.3f}); examples dealt to "
        f"ranks as they come: {dealt:.3f}"
    )


def _steps(plan: Plan, shape: ModelShape, *, num: int) -> Iterator[str]:
    for index, (step, rows) in enumerate(zip(plan.steps[:num], plan.rows, strict=False)):
        cost = ""
        if plan.estimate is not None:
            found = plan.estimate.costs[index]
            taken = seconds(found, efficiency=plan.stack.efficiency.mid, exposed=plan.stack.exposed)
            cost = f", {found.num_recomputed_layers} of {shape.num_layers} layers recomputed, {taken:.2f} s"
        yield (
            f"step {step.number} ({step.example_hash}): {rows.num_tokens:,} tokens, "
            f"{_count(rows.num_passes, 'pass', 'passes')}, max/mean {rows.loads.max_over_mean:.3f}{cost}"
        )
        yield from _groups(plan, rows)


def _groups(plan: Plan, rows: StepRows) -> Iterator[str]:
    size = plan.layout.sequence_parallel
    for group, passes in enumerate(rows.rows):
        ranks = f"rank {group}" if size == 1 else f"ranks {group * size}-{(group + 1) * size - 1}"
        shown = " | ".join(" + ".join(map(str, row)) or "nothing" for row in passes)
        each = rows.loads.tokens_per_rank[group]
        yield f"  {ranks}: {shown} = {sum(map(sum, passes)):,} tokens, {sum(each):,} on each rank"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _billions(number: int) -> str:
    return f"{number / 1e9:.2f} B" if number >= 1e8 else f"{number / 1e6:.2f} M"


def _table(rows: Sequence[Sequence[str]], *, right: set[int]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
