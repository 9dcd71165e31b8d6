"""Models, machines and recipes for tests of plans."""

from s1.planning import Machine, ModelShape, Recipe, find_gpu
from s1.planning.lengths import standin

SMALL = ModelShape(
    num_layers=4,
    hidden_size=64,
    intermediate_size=128,
    num_heads=8,
    num_kv_heads=4,
    head_size=8,
    vocabulary_size=1000,
)
RECIPE = Recipe(batch_size=16, num_epochs=5, seed=0, precision="bfloat16", zero_stage=3, checkpoint_every_steps=100)


def h100s(num_nodes: int = 2, *, gbits: float | None = 400.0) -> Machine:
    return Machine(find_gpu("H100-SXM-80GB"), gpus_per_node=8, num_nodes=num_nodes, network_gbits_per_gpu=gbits)


def lengths_like(name: str) -> dict[str, int]:
    return {str(number): length for number, length in enumerate(standin(name))}
