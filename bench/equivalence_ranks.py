"""One rank of ``bench.equivalence``: steps through DeepSpeed beside plain torch, many cases in one process group.

Example::

    run_rank("gradients", Path("out.json"))        # on every rank, with RANK and WORLD_SIZE set
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import torch
from torch import distributed

from bench.equivalence_cases import Case, gradient_cases, trajectory_cases
from bench.equivalence_model import (
    NUM_STEPS,
    PARAMS,
    Weights,
    distance,
    make_examples,
    make_model,
    norm,
    reference_gradient,
    reference_trajectory,
    trajectory_steps,
)
from s1.training import engine as engine_module
from s1.training import sequence, stepping
from s1.training.engine import make_engine, start_distributed
from s1.training.loss import RowLosses
from s1.training.packing import PackedRow, pack_row
from s1.training.recompute import recompute_layers
from s1.training.spec import Recompute, TrainSpec, TrainStep

Part = Literal["gradients", "trajectories"]
Figures = dict[str, Any]
_CLIPPED = 0.01
"""Shorter than every gradient here, so that clipping is at work."""
_CHUNK_BYTES = 4 * 48 * 16
"""Of 16 tokens' logits: a row takes several chunks."""


def run_rank(part: Part, path: Path) -> None:
    """Run all cases of a part on this number of ranks; rank 0 writes the figures down."""
    torch.set_num_threads(1)
    start_distributed("cpu")
    figures = {"gradients": measure_gradients, "trajectories": measure_trajectories}[part]()
    if distributed.get_rank() == 0:
        path.write_text(json.dumps(figures), encoding="utf-8")
    distributed.destroy_process_group()


def measure_gradients() -> Figures:
    """Name of case -> how far its gradient is from the reference's, relative to the latter's norm."""
    return {case.name: _measure_gradient(case) for case in gradient_cases(distributed.get_world_size())}


def _measure_gradient(case: Case) -> Figures:
    from deepspeed.utils import safe_get_full_grad, safe_get_full_optimizer_state

    spec, examples = _make_spec(case, max_grad_norm=_CLIPPED), make_examples(case.num_examples)
    expected = reference_gradient(case.num_examples, has_lora=case.has_lora)
    with _prepared(case):
        engine = make_engine(make_model(has_lora=case.has_lora), spec=spec)
        plan = stepping.plan_step(examples, spec=spec, num_ranks=distributed.get_world_size())
        recompute_layers(engine.module, case.num_recomputed)
        stepping.accumulate_gradient(engine, plan, examples, spec=spec)
    gradient = _collect(engine, safe_get_full_grad)
    engine.step()
    _link_moments(engine)
    # Adam's first moment after its first step is (1 - beta1) of the gradient that it was given, clipped or not.
    moments = _collect(engine, partial(safe_get_full_optimizer_state, optim_state_key="exp_avg"))
    given = {name: value.double() / (1 - PARAMS.adam_beta1) for name, value in moments.items()}
    length = norm(expected)
    clipped = {name: value * (_CLIPPED / length) for name, value in expected.items()}
    figures = {
        "error": distance(gradient, expected) / length,
        "clipped_error": distance(given, clipped) / _CLIPPED,
        "norm_error": abs(float(engine.get_global_grad_norm()) / length - 1),
        "num_passes": len(plan.rows[0]),
        "num_empty_rows": sum(row == () for rows in plan.rows for row in rows),
    }
    engine.destroy()
    return figures


def measure_trajectories() -> Figures:
    """Name of case -> how far its weights are from a plain loop's after all steps, relative to how far those went.

    Beside it what rounding does to the plain loop itself, and how far the layouts are from each other at most. Rank 0
    alone compares.
    """
    runs = {case: _train(case) for case in trajectory_cases(distributed.get_world_size())}
    if distributed.get_rank() > 0:
        return {}
    start = {name: parameter.detach() for name, parameter in make_model().named_parameters()}
    expected, norms = reference_trajectory(torch.float32)
    moved = distance(expected, start)
    ends = [weights for case, (weights, _) in runs.items() if case.flaw is None]
    return {
        "rounding": distance(reference_trajectory(torch.float64)[0], expected) / moved,
        "spread": max(distance(one, other) for one in ends for other in ends) / moved,
        "num_clipped": sum(length > PARAMS.max_grad_norm for length in norms),
        "cases": {
            case.name: {
                "error": distance(weights, expected) / moved,
                "norm_error": max(abs(step.grad_norm / length - 1) for step, length in zip(steps, norms, strict=True)),
                "num_passes": sorted({step.num_passes for step in steps}),
                "num_recomputed_layers": sorted({step.num_recomputed_layers for step in steps}),
            }
            for case, (weights, steps) in runs.items()
        },
    }


def _train(case: Case) -> tuple[Weights, list[TrainStep]]:
    """Weights at the end, and the log of all steps."""
    from deepspeed.utils import safe_get_full_fp32_param

    # Memory for about two layers of the longer steps: how many are recomputed changes from step to step.
    recompute = Recompute(mode="auto", activation_bytes=160, kept_bytes_per_token=2, boundary_bytes_per_token=1)
    spec = _make_spec(case, max_grad_norm=PARAMS.max_grad_norm).model_copy(update={"recompute": recompute})
    by_id = {example.question_id: example for example in make_examples(40)}
    with _prepared(case):
        engine = make_engine(make_model(), spec=spec)
        records = [
            stepping.take_step(engine, step, [by_id[name] for name in step.example_ids], spec=spec, total=NUM_STEPS)
            for step in trajectory_steps()
        ]
    weights = _collect(engine, safe_get_full_fp32_param)
    engine.destroy()
    return weights, records


def _make_spec(case: Case, *, max_grad_norm: float) -> TrainSpec:
    nowhere = Path("nowhere")  # Nothing is read from files here.
    changes = {
        "zero_stage": case.zero_stage,
        "max_grad_norm": max_grad_norm,
        "objective": "token-mean" if case.flaw == "token mean" else "example-mean",
    }
    return TrainSpec(
        train=PARAMS.model_copy(update=changes),
        seed=0,
        model_folder=nowhere,
        examples_file=nowhere,
        run_folder=nowhere,
        device="cpu",
        max_tokens_per_rank=case.max_tokens_per_rank,
        sequence_parallel=case.sequence_parallel,
        loss_kernel=case.loss_kernel,
    )


@contextmanager
def _prepared(case: Case) -> Iterator[None]:
    """Chunks of a size for tiny models; and the case's mistake, made on purpose."""

    def run_on(*args: Any, **kwargs: Any) -> PackedRow:
        row = pack_row(*args, **kwargs)
        return replace(row, position_ids=torch.arange(row.num_tokens)[None])

    with ExitStack() as changes:
        small = partial(RowLosses, chunk_bytes=_CHUNK_BYTES)
        changes.enter_context(patch.object(engine_module, "RowLosses", small))
        if case.flaw in ("positions run on", "stock sdpa under Ulysses"):
            changes.enter_context(patch.object(sequence, "register_attention", lambda _kernel: "sdpa"))
        if case.flaw == "positions run on":
            changes.enter_context(patch.object(stepping, "pack_row", run_on))
        yield


def _collect(engine: Any, get: Callable[[Any], torch.Tensor]) -> Weights:
    parameters = engine.module.model.named_parameters()
    return {name: get(parameter) for name, parameter in parameters if parameter.requires_grad}


def _link_moments(engine: Any) -> None:
    """ZeRO 1 and 2 link moments to parameters after the first group's first step, before the second group has any."""
    if engine.zero_optimization_stage() < 3:
        engine.optimizer._hp_optimizer_states_linked = False
        engine.optimizer._lazy_init_hp_params_optimizer_state()
