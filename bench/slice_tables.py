"""Tables of ``bench.slices``.

Example::

    print_tables(Results.model_validate_json(Path("slices.json").read_bytes()))
"""

from collections.abc import Sequence

from bench.slice_figures import (
    efficiency,
    engine_factor,
    layer_flops_share,
    layer_times,
    model_flops_share,
    predict,
)
from bench.slice_models import slice_shape
from bench.slice_results import Measurement, Results
from s1.planning import Gpu, Machine, find_gpu
from s1.planning.published import S1_MINUTES, S1_USD_PER_GPU_HOUR
from s1.planning.traffic import optimizer_seconds

AIM_MFU = 0.45
AIM_MINUTES = 14.0
AIM_USD = 11.0
"""What the project asks of one slice and of the paper's run."""


def print_tables(results: Results) -> None:
    """Everything that was measured, then what it says of the paper's run."""
    gpu = find_gpu(results.gpu) if results.gpu else None
    print(f"{results.device}, {results.dtype}, torch {results.torch_version}")
    print_layers(results, gpu)
    print_losses(results)
    print_attention(results)
    print_engine(results, gpu)
    if gpu is None:
        print("\nPlans know no peak of this device, so there are no shares of it and no prediction.")
    else:
        print_prediction(results, gpu)


def print_layers(results: Results, gpu: Gpu | None) -> None:
    """Slices by length and recompute."""
    counts = sorted({one.num_layers for one in results.find(part="layers")})
    heads = [f"{count} layers, ms | MFU" for count in counts]
    print(f"\n| tokens | recompute | {' | '.join(heads)} | one layer, ms | MFU of layers | rest, ms | peak, GB |")
    print("|---:|---|" + "---:|" * (2 * len(counts) + 4))
    times = {(time.num_tokens, time.recomputes): time for time in layer_times(results)}
    for few in results.find(part="layers", num_layers=counts[0] if counts else None):
        row = results.find(part="layers", num_tokens=few.num_tokens, recomputes=few.recomputes)
        cells = [f"{_milliseconds(one)} | {_mfu(one, results, gpu)}" for one in row]
        time = times.get((few.num_tokens, few.recomputes))
        share = "-" if time is None or gpu is None else f"{layer_flops_share(time, shape=results.shape, gpu=gpu):.1%}"
        layer, rest = ("-", "-") if time is None else (f"{1e3 * time.seconds:.2f}", f"{1e3 * time.rest_seconds:.2f}")
        kind = "all" if few.recomputes else "none"
        print(f"| {few.num_tokens:,} | {kind} | {' | '.join(cells)} | {layer} | {share} | {rest} | {_peak(row[-1])} |")


def print_losses(results: Results) -> None:
    """Loss kernels on one long row."""
    print("\n| loss kernel | tokens | pass, ms | peak, GB | peak beyond weights, GB | loss | |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for one in results.find(part="loss"):
        beyond = "-" if one.peak_bytes is None or one.base_bytes is None else _gb(one.peak_bytes - one.base_bytes)
        loss = "-" if one.loss is None else f"{one.loss:.4f}"
        cells = f"{_milliseconds(one)} | {_peak(one)} | {beyond} | {loss} | {one.problem}"
        print(f"| {one.loss_kernel} | {one.num_tokens:,} | {cells} |")


def print_attention(results: Results) -> None:
    """Attention kernels on packed rows."""
    print("\n| attention kernel | examples of a row | pass, ms | loss | |\n|---|---|---:|---:|---|")
    for one in results.find(part="attention"):
        loss = "-" if one.loss is None else f"{one.loss:.4f}"
        lengths = " + ".join(f"{length:,}" for length in one.lengths)
        print(f"| {one.attention} | {lengths} | {_milliseconds(one)} | {loss} | {one.problem} |")


def print_engine(results: Results, gpu: Gpu | None) -> None:
    """A plain loop beside DeepSpeed, and the optimizer."""
    print(
        "\n| loop | layers | tokens | pass, ms | optimizer step, ms | peak, GB | |\n|---|---:|---:|---:|---:|---:|---|"
    )
    for one in results.find(part="engine"):
        step = "-" if one.optimizer_seconds is None else f"{1e3 * one.optimizer_seconds:.2f}"
        name = "plain" if one.engine == "plain" else "DeepSpeed ZeRO 3, one rank"
        cells = f"{one.num_layers} | {one.num_tokens:,} | {_milliseconds(one)} | {step} | {_peak(one)} | {one.problem}"
        print(f"| {name} | {cells} |")
    under = [one for one in results.find(part="engine", engine="deepspeed") if one.optimizer_seconds is not None]
    if under and gpu is not None:
        shape = slice_shape(results.shape, under[0].num_layers)
        planned = optimizer_seconds(shape.num_parameters, Machine(gpu, gpus_per_node=1))
        print(f"\nThe planner takes {1e3 * planned:.2f} ms for this optimizer step.")


def print_prediction(results: Results, gpu: Gpu) -> None:
    """The planner's figures for the paper's run, at the share of peak that was measured."""
    share = efficiency(results, gpu=gpu)
    if share is None:
        print("\nToo little was measured for a prediction: no length with few and with more layers.")
        return
    best = max(model_flops_share(one, shape=results.shape, gpu=gpu) for one in _measured(results))
    print(f"\nBest slice: {best:.1%} MFU (aim: {AIM_MFU:.0%}). Share of peak for the planner: {share:.3f},")
    print(f"which holds that a pass takes {engine_factor(results):.3f} times as long under DeepSpeed.")
    print("\n| paper's run, 16 H100, 400 Gb/s each | minutes | GPU-hours | dollars | MFU | floor, minutes | over it |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in ("s1k-short", "s1k-long"):
        plan = predict(share, shape=results.shape, lengths_name=name)
        assert plan.estimate is not None, "GPUs are estimated"
        minutes, floor = plan.estimate.minutes, plan.estimate.floor_minutes
        hours = plan.estimate.step_gpu_hours
        layout = f"{plan.layout.num_groups} x {plan.layout.sequence_parallel}"
        span = f"{minutes.mid:.1f} ({minutes.low:.1f}–{minutes.high:.1f})"
        cells = f"{hours:.2f} | {hours * S1_USD_PER_GPU_HOUR:.2f} | {plan.estimate.mfu:.1%} | {floor:.1f}"
        print(f"| {name}, groups x ranks {layout} | {span} | {cells} | {minutes.mid / floor:.2f}x |")
    print(f"| aim | {AIM_MINUTES:g} | | {AIM_USD:g} | {AIM_MFU:.0%} | | |")
    published = S1_MINUTES / 60 * 16
    print(f"| published | {S1_MINUTES:g} | {published:.2f} | {published * S1_USD_PER_GPU_HOUR:.2f} | | | |")
    print(f"\nDollars at ${S1_USD_PER_GPU_HOUR} per GPU-hour, of the steps alone; measured on one {gpu.name}.")


def _measured(results: Results) -> Sequence[Measurement]:
    return [one for one in results.find(part="layers") if one.seconds is not None]


def _milliseconds(one: Measurement) -> str:
    return "-" if one.seconds is None else f"{1e3 * one.seconds:.2f}"


def _mfu(one: Measurement, results: Results, gpu: Gpu | None) -> str:
    return "-" if gpu is None or one.seconds is None else f"{model_flops_share(one, shape=results.shape, gpu=gpu):.1%}"


def _peak(one: Measurement) -> str:
    return "-" if one.peak_bytes is None else _gb(one.peak_bytes)


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f}"
