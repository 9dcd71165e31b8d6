"""A training run planned on a cluster: what ``auto`` stands for, what it will take, what it took.

Brings together the cluster's file, the recipe, the base model's config, the examples' lengths and the price; the
arithmetic is ``s1.planning``'s. Only speed, place and memory are decided here, so no change of it makes a stage stale.

Example::

    planned = plan_run(cluster, train=params.train, seed=params.seed, shape=shape, lengths=lengths)
    planned.spec_fields             # {'sequence_parallel': 8, 'max_tokens_per_rank': 37347, …}
    planned.figures()["minutes"]    # 13.9
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import fmean
from typing import Any

from infra.cluster import Cluster
from infra.prices import load_prices
from s1.config import TrainParams
from s1.planning import (
    Machine,
    ModelShape,
    Plan,
    PlanError,
    Recipe,
    Wishes,
    find_gpu,
    make_cpu_plan,
    make_plan,
    read_shape,
)
from s1.records import Example
from s1.training.spec import Recompute, TrainStep
from tasks.paths import LARGE_MODEL

_BYTES_PER_GB = 1e9
_SECONDS_PER_MINUTE = 60.0
_SECONDS_PER_HOUR = 3600.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A plan on a cluster."""

    cluster: Cluster
    plan: Plan
    usd_per_gpu_hour: float | None
    """None on CPUs."""

    @property
    def spec_fields(self) -> dict[str, Any]:
        """Fields of ``TrainSpec`` that the plan decides."""
        return {
            "max_tokens_per_rank": self.plan.max_tokens_per_rank,
            "sequence_parallel": self.plan.layout.sequence_parallel,
            "attention_weight": self.plan.attention_weight,
            "attention": self.plan.attention,
            "loss_kernel": self.plan.loss_kernel,
            "recompute": self._recompute(),
        }

    def figures(self) -> dict[str, float]:
        """What is expected, as MLflow's ``plan/*``; of the optimizer steps where a name does not say ``total``."""
        plan, estimate, fit = self.plan, self.plan.estimate, self.plan.fit
        found: dict[str, float] = {
            "num_steps": len(plan.steps),
            "num_tokens": plan.num_tokens,
            "num_groups": plan.layout.num_groups,
            "sequence_parallel": plan.layout.sequence_parallel,
            "max_tokens_per_rank": plan.max_tokens_per_rank,
            "max_over_mean": plan.max_over_mean,
            "num_passes": fmean(step.num_passes for step in plan.rows),
        }
        if fit is not None:
            found |= {"peak_gb": fit.peak_bytes / _BYTES_PER_GB, "longest_example": fit.longest_example}
        if estimate is None:
            return found
        found |= {
            "minutes": estimate.minutes.mid,
            "minutes_low": estimate.minutes.low,
            "minutes_high": estimate.minutes.high,
            "floor_minutes": estimate.floor_minutes,
            "total_minutes": estimate.total_minutes.mid,
            "gpu_hours": estimate.step_gpu_hours,
            "total_gpu_hours": estimate.gpu_hours.mid,
            "mfu": estimate.mfu,
            "tokens_per_second_per_gpu": estimate.tokens_per_second_per_gpu,
            "waste": estimate.waste,
            "recompute_share": estimate.recompute_share,
        }
        return found | self._dollars(found)

    def actual_figures(self, steps: Sequence[TrainStep], *, num_layers: int) -> dict[str, float]:
        """What the run took, by the same names."""
        seconds = sum(step.seconds for step in steps)
        tokens = sum(step.num_tokens for step in steps)
        found: dict[str, float] = {
            "num_steps": len(steps),
            "num_tokens": tokens,
            "max_over_mean": fmean(step.max_over_mean for step in steps),
            "num_passes": fmean(step.num_passes for step in steps),
            "minutes": seconds / _SECONDS_PER_MINUTE,
            "recompute_share": fmean(step.num_recomputed_layers for step in steps) / num_layers,
        }
        if self.cluster.device == "cpu":
            return found
        num_gpus, estimate = self.cluster.num_ranks, self.plan.estimate
        found["gpu_hours"] = seconds * num_gpus / _SECONDS_PER_HOUR
        found["tokens_per_second_per_gpu"] = tokens / seconds / num_gpus
        if estimate is not None and self.cluster.gpu is not None:
            peak = find_gpu(self.cluster.gpu).peak_flops
            found["mfu"] = estimate.model_flops / seconds / num_gpus / peak
        return found | self._dollars(found)

    def _dollars(self, figures: Mapping[str, float]) -> dict[str, float]:
        if self.usd_per_gpu_hour is None:
            return {}
        prices = {"usd_per_gpu_hour": self.usd_per_gpu_hour}
        for name, dollars in (("gpu_hours", "usd"), ("total_gpu_hours", "total_usd")):
            if name in figures:
                prices[dollars] = figures[name] * self.usd_per_gpu_hour
        return prices

    def _recompute(self) -> Recompute:
        fit = self.plan.fit
        if self.plan.recompute != "auto" or fit is None:
            return Recompute(mode=self.plan.recompute)
        return Recompute(
            mode="auto",
            activation_bytes=fit.activation_bytes,
            kept_bytes_per_token=fit.budget.kept_bytes,
            boundary_bytes_per_token=fit.budget.boundary_bytes,
            workspace_bytes_per_token=fit.workspace_bytes,
            loss_bytes=fit.budget.loss_bytes,
            loss_bytes_per_token=fit.budget.loss_bytes_per_token,
        )


def ratios(actual: Mapping[str, float], planned: Mapping[str, float]) -> dict[str, float]:
    """Actual over planned, of all figures that both have; those planned as zero are left out."""
    return {name: value / planned[name] for name, value in actual.items() if planned.get(name)}


def base_shape() -> ModelShape:
    """Sizes of the model that training starts from.

    Raises:
        PlanError: its config cannot be used.
    """
    return read_shape(LARGE_MODEL / "config.json")


def lengths_of(examples: Sequence[Example]) -> dict[str, int]:
    """Tokens of each example, by its id."""
    return {example.question_id: len(example.input_ids) for example in examples}


def plan_run(
    cluster: Cluster,
    *,
    train: TrainParams,
    seed: int,
    shape: ModelShape,
    lengths: Mapping[str, int],
    usd_per_gpu_hour: float | None = None,
) -> PlannedRun:
    """Plan a run.

    Args:
        lengths: tokens of each example, by its id.
        usd_per_gpu_hour: what ``prices.yaml`` says unless given.

    Raises:
        PlanError: the run does not fit, or the cluster asks for the impossible; says what would do.
    """
    recipe, wishes = recipe_of(train, seed=seed, shape=shape), _wishes(cluster, train)
    if cluster.device == "cpu":
        plan = make_cpu_plan(shape, lengths, recipe=recipe, num_ranks=cluster.num_ranks, wishes=wishes)
        return PlannedRun(cluster, plan, None)
    usd = load_prices().gpu_hour.usd if usd_per_gpu_hour is None else usd_per_gpu_hour
    if cluster.gpu is None:
        return PlannedRun(cluster, _plan_blindly(cluster, shape, lengths, recipe=recipe, wishes=wishes), usd)
    machine = machine_of(cluster)
    return PlannedRun(cluster, make_plan(shape, lengths, recipe=recipe, machine=machine, wishes=wishes), usd)


def machine_of(cluster: Cluster) -> Machine:
    """The GPUs of a cluster that names their kind.

    Raises:
        PlanError: it does not, or the kind is not known.
    """
    if cluster.gpu is None:
        raise PlanError("the cluster's file names no gpu; `python -m flows.plan --gpus` lists the kinds that are known")
    return Machine(
        gpu=find_gpu(cluster.gpu),
        gpus_per_node=cluster.processes_per_node,
        num_nodes=cluster.num_nodes,
        network_gbits_per_gpu=cluster.network_gbits_per_gpu,
    )


def _plan_blindly(
    cluster: Cluster, shape: ModelShape, lengths: Mapping[str, int], *, recipe: Recipe, wishes: Wishes
) -> Plan:
    """On GPUs whose kind nobody told: nothing is foretold, and everything is recomputed where that is left open."""
    if cluster.max_tokens_per_rank == "auto":
        raise PlanError(
            "the cluster's file names no gpu, so max_tokens_per_rank: auto cannot be worked out. Name the kind of GPU "
            "(`python -m flows.plan --gpus` lists them), or give max_tokens_per_rank as a number"
        )
    logger.warning("the cluster's file names no gpu: memory, minutes and dollars of this run are not planned")
    if wishes.recompute == "auto":
        wishes = replace(wishes, recompute="all")
    return make_cpu_plan(shape, lengths, recipe=recipe, num_ranks=cluster.num_ranks, wishes=wishes)


def recipe_of(train: TrainParams, *, seed: int, shape: ModelShape) -> Recipe:
    """What of the recipe decides time and memory."""
    lora = train.lora
    return Recipe(
        batch_size=train.batch_size,
        num_epochs=train.num_epochs,
        seed=seed,
        precision=train.dtype,
        zero_stage=train.zero_stage,
        num_trained=None if lora is None else shape.lora_parameters(rank=lora.rank, targets=lora.target_modules),
        checkpoint_every_steps=train.checkpoint_every_steps,
    )


def _wishes(cluster: Cluster, train: TrainParams) -> Wishes:
    """What the cluster's file fixes; kernels that run on this device where it leaves them open."""
    on_gpu = cluster.device == "cuda"
    loss_kernel = cluster.loss_kernel
    if loss_kernel == "auto":
        loss_kernel = "fused" if on_gpu and find_spec("liger_kernel") is not None else "chunked"
    attention = cluster.attention
    if attention == "auto":  # kernels for rows of several examples know half precision only
        attention = "varlen" if on_gpu and train.dtype == "bfloat16" else "sdpa"
    return Wishes(
        sequence_parallel=None if cluster.sequence_parallel == "auto" else cluster.sequence_parallel,
        max_tokens_per_rank=None if cluster.max_tokens_per_rank == "auto" else cluster.max_tokens_per_rank,
        recompute=cluster.recompute,
        loss_kernel=loss_kernel,
        attention=attention,
        efficiency=cluster.efficiency,
    )
