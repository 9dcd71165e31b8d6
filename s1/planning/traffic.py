"""What ranks send each other: weights and gradients of ZeRO, exchanges of sequence parallelism.

Example::

    moved = pass_bytes(32_763_876_352, num_trained=32_763_876_352, zero_stage=3)
    collective_seconds(moved, machine)          # 0.54 for 32B on 16 H100 at 400 Gb/s each
"""

from s1.planning.hardware import Machine
from s1.planning.shapes import ModelShape

LINK_SHARE = 0.85
"""Share of a link's bandwidth that collectives reach."""
_BITS = 8
_BF16 = 2


def pass_bytes(num_parameters: int, *, num_trained: int, zero_stage: int) -> float:
    """Bytes that collectives move over a forward and backward pass, before the share of one's own is taken off.

    ZeRO 3 gathers weights for the forward and for the backward pass and scatters gradients; below, gradients travel
    with every pass.
    """
    gathered = 2.0 * _BF16 * num_parameters if zero_stage == 3 else 0.0
    return gathered + _BF16 * num_trained


def step_bytes(*, num_trained: int, zero_stage: int) -> float:
    """Bytes that move once per optimizer step: below ZeRO 3 the updated weights are gathered."""
    return 0.0 if zero_stage == 3 else float(_BF16 * num_trained)


def collective_seconds(num_bytes: float, machine: Machine) -> float:
    """How long an all-gather or reduce-scatter of so many bytes in all takes, the slower of links and network deciding.

    Between nodes a node's GPUs each carry their share: ``bytes * (N - 1) / N / GPUs per node`` through its own adapter.
    """
    if machine.num_gpus == 1:
        return 0.0
    moved = num_bytes * (machine.num_gpus - 1) / machine.num_gpus
    inside = moved / (machine.gpu.link_bytes_per_second * LINK_SHARE) if machine.gpus_per_node > 1 else 0.0
    if machine.num_nodes == 1 or machine.network_gbits_per_gpu is None:
        return inside
    network = machine.network_gbits_per_gpu * 1e9 / _BITS * LINK_SHARE
    return max(inside, moved / machine.gpus_per_node / network)


def exchange_seconds(shape: ModelShape, *, tokens_per_rank: float, sequence_parallel: int, machine: Machine) -> float:
    """All-to-alls of sequence parallelism over a forward and backward pass (DeepSpeed Ulysses, arXiv 2309.14509).

    Queries, keys, values and attention's output travel forward, their gradients backward, and forward again where
    layers are recomputed; three times in all is taken.
    """
    if sequence_parallel == 1:
        return 0.0
    width = 2 * shape.query_width + 2 * shape.key_width
    moved = 3 * _BF16 * width * shape.num_layers * tokens_per_rank * (sequence_parallel - 1) / sequence_parallel
    inside = moved / (machine.gpu.link_bytes_per_second * LINK_SHARE)
    if sequence_parallel <= machine.gpus_per_node or machine.network_gbits_per_gpu is None:
        return inside
    network = machine.network_gbits_per_gpu * 1e9 / _BITS * LINK_SHARE
    return max(inside, moved * (1 - machine.gpus_per_node / sequence_parallel) / network)


def breakeven_gbits(num_bytes: float, *, seconds: float, machine: Machine) -> float | None:
    """Bandwidth per GPU between nodes at which a pass's traffic takes just as long as its computing; None: one node."""
    if machine.num_nodes == 1 or seconds <= 0:
        return None
    moved = num_bytes * (machine.num_gpus - 1) / machine.num_gpus / machine.gpus_per_node
    return moved / seconds / LINK_SHARE * _BITS / 1e9


def optimizer_seconds(num_trained: int, machine: Machine) -> float:
    """AdamW over this rank's share: it reads weight, gradient and moments in fp32 and writes all but the gradient."""
    return 30.0 * num_trained / machine.num_gpus / machine.gpu.memory_bytes_per_second
