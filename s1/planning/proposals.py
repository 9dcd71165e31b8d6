"""What would fit where a run does not: each proposal is tried before it is made.

Example::

    raise refuse(shape, 17908, recipe=recipe, machine=machine, wishes=wishes)
"""

from collections.abc import Iterator
from dataclasses import replace

from s1.planning.hardware import GPUS, Machine
from s1.planning.memory import OVERHEAD_BYTES
from s1.planning.plan import Recipe, Wishes, allowed_layouts, longest_on_a_rank, rank_budget
from s1.planning.problems import PlanError
from s1.planning.shapes import ModelShape

_LORA_RANK = 16
_MAX_NODES = 32
_GIB = 1024**3
_LARGER = ("A100-80GB", "H100-SXM-80GB", "H200", "B200")
"""Kinds that are proposed."""
_MUCH = 1.2
"""A proposed kind has so many times the memory."""


def longest_example(shape: ModelShape, *, recipe: Recipe, machine: Machine, wishes: Wishes) -> int:
    """Tokens of the longest example that some layout can hold; 0 where not even the states fit."""
    budget = rank_budget(shape, recipe=recipe, machine=machine, wishes=wishes)
    most = longest_on_a_rank(budget, machine, wishes)
    if wishes.max_tokens_per_rank is not None and wishes.max_tokens_per_rank > most:
        return 0
    found = allowed_layouts(shape, machine.num_gpus, sequence_parallel=wishes.sequence_parallel)
    return most * max(layout.sequence_parallel for layout in found)


def refuse(shape: ModelShape, longest: int, *, recipe: Recipe, machine: Machine, wishes: Wishes) -> PlanError:
    """The error that says what does not fit, by how much, and what would."""
    budget = rank_budget(shape, recipe=recipe, machine=machine, wishes=wishes)
    limit = longest_example(shape, recipe=recipe, machine=machine, wishes=replace(wishes, max_tokens_per_rank=None))
    most = longest_on_a_rank(budget, machine, wishes)
    wished = wishes.max_tokens_per_rank
    if wished is not None and wished > most > 0:
        problem = f"max_tokens_per_rank {wished} does not fit: {most} tokens do"
    elif limit == 0:
        around = OVERHEAD_BYTES + budget.loss_bytes
        problem = (
            f"weights, gradients and optimizer take {budget.state_bytes / _GIB:.0f} GiB, CUDA, NCCL and the loss "
            f"{around / _GIB:.0f} GiB, on each of {machine.num_gpus} {machine.gpu.name} "
            f"({machine.gpu.memory_bytes / _GIB:.0f} GiB, {machine.usable_bytes / _GIB:.0f} of them usable)"
        )
    else:
        problem = (
            f"the longest example has {longest} tokens, and {limit} fit on {machine.num_gpus} {machine.gpu.name} "
            f"({machine.gpu.memory_bytes / _GIB:.0f} GiB each)"
        )
    found = list(_proposals(shape, longest, recipe=recipe, machine=machine, wishes=wishes))
    if 0 < limit < longest:
        found.append(f"shorter examples (tokenize.max_length {limit}; over_length decides what happens to longer ones)")
    ways = "\n".join(f"- {way}" for way in found) or "- a smaller model"
    return PlanError(f"this run does not fit: {problem}. What would fit:\n{ways}")


def _proposals(shape: ModelShape, longest: int, *, recipe: Recipe, machine: Machine, wishes: Wishes) -> Iterator[str]:
    """What to change, tried one at a time: first the cluster's file, then the recipe, then the machine."""

    def fits(*, recipe: Recipe = recipe, machine: Machine = machine, wishes: Wishes = wishes) -> bool:
        return longest_example(shape, recipe=recipe, machine=machine, wishes=wishes) >= longest

    for way, freed in (
        ("max_tokens_per_rank: auto", replace(wishes, max_tokens_per_rank=None)),
        ("sequence_parallel: auto", replace(wishes, sequence_parallel=None)),
        ("recompute: auto", replace(wishes, recompute="auto")),
        ("loss_kernel: auto", replace(wishes, loss_kernel="chunked")),
    ):
        if freed != wishes and fits(wishes=freed):
            yield f"{way} in the cluster's file"
    if recipe.zero_stage < 3 and fits(recipe=replace(recipe, zero_stage=3)):
        yield "train.zero_stage: 3, which shares weights, gradients and optimizer out over all ranks"
    sharded = replace(recipe, zero_stage=3)
    larger = [GPUS[name] for name in _LARGER if GPUS[name].memory_bytes > _MUCH * machine.gpu.memory_bytes]
    for others in ([replace(machine, gpu=gpu) for gpu in larger], _grown(machine)):
        fitting = (other for other in others if fits(recipe=sharded, machine=other, wishes=Wishes()))
        if (first := next(fitting, None)) is not None:
            yield f"{first.num_gpus} {first.gpu.name} with train.zero_stage: 3"
    trained = shape.lora_parameters(rank=_LORA_RANK)
    if recipe.num_trained is None and fits(recipe=replace(sharded, num_trained=trained), wishes=Wishes()):
        yield f"LoRA (train.lora with rank {_LORA_RANK}) and train.zero_stage: 3; another recipe than the paper's"


def _grown(machine: Machine) -> Iterator[Machine]:
    """The machine with more GPUs: first up to eight in a node, then more nodes."""
    per_node, num_nodes = machine.gpus_per_node, machine.num_nodes
    while per_node < 8 and num_nodes == 1:
        per_node *= 2
        yield replace(machine, gpus_per_node=per_node)
    while num_nodes < _MAX_NODES:
        num_nodes *= 2
        yield replace(machine, gpus_per_node=per_node, num_nodes=num_nodes)
