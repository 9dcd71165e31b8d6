"""What measured slices say: seconds of a layer, shares of peak, and what the paper's run would take on 16 H100.

The whole model's pass is put together from slices: what more layers take beyond few is layers' time at their exact
shapes, the rest is embedding, head and loss; nothing is extrapolated over widths. Its share of peak, counted as the
planner counts (``s1.planning.steps``), goes into the planner as measured efficiency. Knows results and the planner;
does not know how anything was measured.

Example::

    layer = per_layer(results, num_tokens=4700, recomputes=False)
    predict(efficiency(results), lengths_name="s1k-long").estimate.minutes.mid
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.slice_models import slice_shape
from bench.slice_results import Measurement, Results
from s1.batching import Layout
from s1.planning import Gpu, Machine, ModelShape, Plan, Wishes, make_plan
from s1.planning.lengths import standin
from s1.planning.memory import budget_of
from s1.planning.published import S1_MACHINE, S1_RECIPE
from s1.planning.steps import Load, cost_of, example_flops, lay_out

_NAMES = (
    ("H100 80GB HBM3", "H100-SXM-80GB"),
    ("H200", "H200"),
    ("B200", "B200"),
    ("A100-SXM4-80GB", "A100-80GB"),
)
"""Parts of drivers' names of GPUs; H100 as PCIe cards and NVL have other peaks, which plans do not know."""


@dataclass(frozen=True, slots=True)
class LayerTime:
    """One row length, with or without recompute."""

    num_tokens: int
    recomputes: bool
    few: Measurement
    many: Measurement

    @property
    def seconds(self) -> float:
        """Of one layer, forward and backward."""
        assert self.few.seconds is not None and self.many.seconds is not None
        return (self.many.seconds - self.few.seconds) / (self.many.num_layers - self.few.num_layers)

    @property
    def rest_seconds(self) -> float:
        """Of embedding, head and loss."""
        assert self.few.seconds is not None
        return self.few.seconds - self.few.num_layers * self.seconds

    def model_seconds(self, num_layers: int) -> float:
        """Of a whole model's pass on one GPU that had room for it."""
        return self.rest_seconds + num_layers * self.seconds


def gpu_kind(name: str) -> str | None:
    """The kind of GPU that plans know by what its driver calls it."""
    return next((kind for part, kind in _NAMES if part in name), None)


def layer_times(results: Results) -> Iterator[LayerTime]:
    """Every length that was measured with few and with more layers."""
    measured = [one for one in results.find(part="layers") if one.seconds is not None]
    counts = sorted({one.num_layers for one in measured})
    for few in measured:
        for many in measured:
            same = (few.lengths, few.recomputes) == (many.lengths, many.recomputes)
            if same and (few.num_layers, many.num_layers) == (counts[0], counts[-1]) and len(counts) > 1:
                yield LayerTime(few.num_tokens, few.recomputes, few, many)


def model_flops_share(one: Measurement, *, shape: ModelShape, gpu: Gpu) -> float:
    """Model FLOPs utilisation of a slice: operations that the model needs, recompute not counted, over the peak."""
    assert one.seconds is not None
    flops = sum(example_flops(slice_shape(shape, one.num_layers), length) for length in one.lengths)
    return flops / one.seconds / gpu.peak_flops


def layer_flops_share(time: LayerTime, *, shape: ModelShape, gpu: Gpu) -> float:
    """The same of layers alone."""
    more = time.many.num_layers - time.few.num_layers
    flops = [example_flops(slice_shape(shape, one.num_layers), time.num_tokens) for one in (time.few, time.many)]
    return (flops[1] - flops[0]) / more / time.seconds / gpu.peak_flops


def peak_seconds(shape: ModelShape, num_tokens: int, *, recomputes: bool, gpu: Gpu) -> float:
    """What the planner takes for a pass over one example at the GPU's peak."""
    budget = budget_of(shape, num_ranks=1, precision="bfloat16", zero_stage=3, loss_kernel="fused")
    load = Load(
        shape=shape,
        layout=Layout(1, 1),
        machine=Machine(gpu, gpus_per_node=1),
        budget=budget,
        recompute="all" if recomputes else "none",
        zero_stage=3,
        num_trained=shape.num_parameters,
    )
    rows = lay_out([num_tokens], layout=load.layout, max_tokens_per_rank=num_tokens, attention_weight=0.0)
    return cost_of(load, rows).passes[0].fullest


def engine_factor(results: Results) -> float:
    """How much longer a pass takes under DeepSpeed than in a plain loop; 1 where that was not measured."""
    plain = [one.seconds for one in results.find(part="engine", engine="plain")]
    under = [one.seconds for one in results.find(part="engine", engine="deepspeed")]
    return under[0] / plain[0] if plain and under and plain[0] and under[0] else 1.0


def efficiency(results: Results, *, gpu: Gpu) -> float | None:
    """Share of peak for the planner: of the whole model under DeepSpeed, the least over lengths and recompute.

    Lengths below half of the longest are left out: a rank of the paper's run has 4,600 to 5,500 tokens.

    Returns:
        None where no length was measured with few and with more layers.
    """
    times = list(layer_times(results))
    longest = max((time.num_tokens for time in times), default=0)
    layers = results.shape.num_layers
    found = [
        peak_seconds(results.shape, time.num_tokens, recomputes=time.recomputes, gpu=gpu) / time.model_seconds(layers)
        for time in times
        if 2 * time.num_tokens >= longest
    ]
    return min(found) / engine_factor(results) if found else None


def predict(share: float, *, shape: ModelShape, lengths_name: str) -> Plan:
    """The paper's run on two nodes of eight H100 at 400 Gb/s each, at a measured share of peak."""
    lengths = {str(number): length for number, length in enumerate(standin(lengths_name))}
    return make_plan(shape, lengths, recipe=S1_RECIPE, machine=S1_MACHINE, wishes=Wishes(efficiency=share))
