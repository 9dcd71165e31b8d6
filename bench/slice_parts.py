"""The four parts of ``bench.slices``: layers by length, loss kernels, attention kernels, DeepSpeed around it all.

All of it goes through this project's own modules: packing, attention, loss, recompute, engine. Knows what is compared
with what; does not know how results are read.

Example::

    setting = Setting(shape=QWEN25_32B, device="cuda", dtype=torch.bfloat16)
    measurements = measure_layers(setting, Timer("cuda", minutes=9.0))
"""

import gc
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench.ranks import ROOT
from bench.slice_models import make_examples, make_row, make_slice, run_pass
from bench.slice_results import Measurement, Part
from bench.slice_timing import NUM_REPEATS, NUM_WARM_UPS, Timer, describe
from s1.config import load_params
from s1.planning.shapes import ModelShape
from s1.training.attention import check_attention, register_attention
from s1.training.loss import RowLosses, check_loss_kernel
from s1.training.recompute import recompute_layers
from s1.training.spec import AttentionKernel, LossKernel, TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured, and where."""

    shape: ModelShape
    """Of the whole model."""
    device: str
    dtype: torch.dtype
    layer_counts: tuple[int, int] = (4, 8)
    lengths: tuple[int, ...] = (2300, 4700, 7000, 9400)
    """Tokens of one rank's pass: s1K's steps have 4,600 to 5,500 on each of 16 ranks."""
    loss_tokens: int = 20000
    engine_layers: int = 2
    """Under DeepSpeed a parameter takes some 20 bytes: 51 GB for two layers of 32B with embedding and head."""

    @property
    def attention(self) -> AttentionKernel:
        """The kernel that training takes here."""
        return "varlen" if self.device == "cuda" else "sdpa"

    @property
    def loss_kernel(self) -> LossKernel:
        """The kernel that training takes here."""
        return "fused" if self.device == "cuda" else "chunked"

    def describe(
        self,
        part: Part,
        *,
        num_layers: int,
        lengths: tuple[int, ...],
        recomputes: bool = False,
        loss_kernel: LossKernel | None = None,
        attention: AttentionKernel | None = None,
    ) -> Measurement:
        """What is to be measured; kernels are training's unless named."""
        return Measurement(
            part=part,
            num_layers=num_layers,
            lengths=lengths,
            recomputes=recomputes,
            loss_kernel=loss_kernel or self.loss_kernel,
            attention=attention or self.attention,
        )

    def make_slice(self, num_layers: int) -> Any:
        """A model of so many layers."""
        return make_slice(self.shape, num_layers=num_layers, device=self.device, dtype=self.dtype)


def measure_layers(setting: Setting, timer: Timer) -> Iterator[Measurement]:
    """Few and more layers at every length, all recomputed and none: their difference is what layers take."""
    for num_layers in setting.layer_counts:
        model = setting.make_slice(num_layers)
        for length in setting.lengths:
            for recomputes in (False, True):
                what = setting.describe("layers", num_layers=num_layers, lengths=(length,), recomputes=recomputes)
                yield _measure(what, model, setting=setting, timer=timer)
        del model
        gc.collect()


def measure_losses(setting: Setting, timer: Timer) -> Iterator[Measurement]:
    """Every loss kernel on a row as long as the reference's longest, with what it takes of memory."""
    num_layers = setting.layer_counts[0]
    model = setting.make_slice(num_layers)
    kernels: tuple[LossKernel, ...] = ("fused", "chunked", "plain")
    for kernel in kernels:
        what = setting.describe(
            "loss", num_layers=num_layers, lengths=(setting.loss_tokens,), recomputes=True, loss_kernel=kernel
        )
        yield _measure(what, model, setting=setting, timer=timer)


def measure_attention(setting: Setting, timer: Timer) -> Iterator[Measurement]:
    """One call per row beside one per example, on rows of equal and of unequal examples."""
    num_layers, total = setting.layer_counts[0], setting.lengths[-1]
    model = setting.make_slice(num_layers)
    kernels: tuple[AttentionKernel, ...] = ("varlen", "sdpa")
    for parts in ((4, 4, 4, 4), (2, 4, 8, 16, 16)):
        for kernel in kernels:
            lengths = tuple(total // part for part in parts)
            what = setting.describe("attention", num_layers=num_layers, lengths=lengths, attention=kernel)
            yield _measure(what, model, setting=setting, timer=timer)


def _measure(what: Measurement, model: Any, *, setting: Setting, timer: Timer) -> Measurement:
    row = make_row(what.lengths, vocabulary_size=setting.shape.vocabulary_size, device=setting.device)
    losses: list[RowLosses] = []
    model.zero_grad(set_to_none=True)  # Left there by a pass that did not fit.

    def action() -> torch.Tensor:
        if not losses:
            check_attention(model.config, kernel=what.attention, device=setting.device, dtype=setting.dtype)
            check_loss_kernel(what.loss_kernel, device=setting.device)
            model.set_attn_implementation(register_attention(what.attention))
            recompute_layers(model, what.num_layers if what.recomputes else 0)
            losses.append(RowLosses(model, kernel=what.loss_kernel))
        return run_pass(losses[0], row)

    return timer.measure(what, action)


def measure_engine(setting: Setting, timer: Timer) -> Iterator[Measurement]:
    """The same pass in a plain loop and under DeepSpeed ZeRO 3 on one rank, and the optimizer's step.

    Joins a process group of one and leaves it.
    """
    what = setting.describe("engine", num_layers=setting.engine_layers, lengths=(setting.lengths[1],))
    model = setting.make_slice(setting.engine_layers)
    yield _measure(what, model, setting=setting, timer=timer)
    what = what.model_copy(update={"engine": "deepspeed"})
    if timer.is_over:
        yield timer.measure(what, lambda: torch.zeros(()))
        return
    _join_alone()
    try:
        yield _measure_deepspeed(what, model, setting=setting, timer=timer)
    except RuntimeError as error:  # Memory, NCCL: what was measured before is kept.
        yield what.model_copy(update={"problem": describe(error)})
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _measure_deepspeed(what: Measurement, model: Any, *, setting: Setting, timer: Timer) -> Measurement:
    from s1.training.engine import make_engine, start_distributed
    from s1.training.stepping import accumulate_gradient, plan_step

    start_distributed(setting.device)
    spec = _engine_spec(setting)
    engine = make_engine(model, spec=spec)
    recompute_layers(engine.module, 0)
    examples = make_examples(what.lengths, vocabulary_size=setting.shape.vocabulary_size)
    plan = plan_step(examples, spec=spec, num_ranks=1)
    base = timer.allocated()
    passes, steps = [], []
    for _ in range(NUM_WARM_UPS + NUM_REPEATS):
        passes.append(timer.time(lambda: accumulate_gradient(engine, plan, examples, spec=spec)))
        steps.append(timer.time(engine.step))
    return what.model_copy(
        update={
            "seconds": median(passes[NUM_WARM_UPS:]),
            "optimizer_seconds": median(steps[NUM_WARM_UPS:]),
            "peak_bytes": torch.cuda.max_memory_allocated() if setting.device == "cuda" else None,
            "base_bytes": base,
        }
    )


def _engine_spec(setting: Setting) -> TrainSpec:
    train = load_params(ROOT / "profiles/nano.yaml").train
    dtype = str(setting.dtype).removeprefix("torch.")
    return TrainSpec.model_validate(
        {
            "train": {**train.model_dump(), "dtype": dtype, "zero_stage": 3, "batch_size": 1},
            "seed": 0,
            "model_folder": Path(),
            "examples_file": Path(),
            "run_folder": Path(),
            "device": setting.device,
            "max_tokens_per_rank": max(setting.lengths),
            "attention": setting.attention,
            "loss_kernel": setting.loss_kernel,
        }
    )


def _join_alone() -> None:
    """Describe a launch of one rank, as a launcher would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ.update(one)
