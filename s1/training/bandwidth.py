"""One rank of a measurement: how fast an all-gather goes, inside a node and across nodes.

ZeRO-3 gathers every weight twice a pass, so this is what tells a network-bound run before it is paid for. Knows
torch.distributed; rank, world size and ranks per node come from the launcher's environment.

Example::

    torchrun --nproc-per-node 8 -m s1.training.bandwidth network.json
    # {"world_size": 16, "across_nodes_gbits_per_rank": 312.4, ...}
"""

import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, distributed

from s1.artifacts import write_text_atomically

logger = logging.getLogger(__name__)

_SECONDS = 10.0
"""Of each of the two measurements; with start and end about half a minute in all."""
_BYTES = {"cuda": 256 << 20, "cpu": 4 << 20}
"""What each rank gives: on GPUs about a layer of a 32B model over 16 ranks."""
_ROUNDS_PER_LOOK = 3


class NetworkReport(BaseModel):
    """What was measured, at the pace of the slowest rank; direction: into a rank."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    world_size: int
    ranks_per_node: int
    bytes_per_rank: int
    """What each rank gave to each all-gather."""
    in_node_gbits_per_rank: float | None
    """Into each rank from the others of its node; None: one rank per node."""
    across_nodes_gbits_per_rank: float | None
    """Into each node from the others, over its ranks: what ``network_gbits_per_gpu`` means. None: one node."""
    across_nodes_seconds: float | None
    """One all-gather over all ranks; None: one node."""


def run(output: Path, *, seconds: float = _SECONDS) -> NetworkReport:
    """Measure with all ranks; rank 0 writes the report."""
    # Newer torch has another name for all_gather_into_tensor, which older ones lack.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    device = "cuda" if os.environ.get("DS_ACCELERATOR") != "cpu" and torch.cuda.is_available() else "cpu"
    local_rank, ranks_per_node = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if device == "cuda":
        torch.cuda.set_device(local_rank)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    world = distributed.get_world_size()
    if distributed.get_rank() == 0:
        logger.info("measuring all-gathers of %d ranks", world)
    own_node = None
    for first in range(0, world, ranks_per_node):
        group = distributed.new_group(list(range(first, first + ranks_per_node)))
        if first == distributed.get_rank() - local_rank:
            own_node = group
    given = torch.zeros(_BYTES[device] // 4, dtype=torch.float32, device=device)
    gigabits = given.numel() * 4 * 8 / 1e9
    inside = across = None
    if ranks_per_node > 1:
        inside = _seconds_of_one(given, group=own_node, num_ranks=ranks_per_node, seconds=seconds)
    if world > ranks_per_node:
        across = _seconds_of_one(given, group=None, num_ranks=world, seconds=seconds)
    report = NetworkReport(
        device=device,
        world_size=world,
        ranks_per_node=ranks_per_node,
        bytes_per_rank=given.numel() * 4,
        in_node_gbits_per_rank=None if inside is None else (ranks_per_node - 1) * gigabits / inside,
        # What must enter a node is what the ranks outside give; its ranks share the way in.
        across_nodes_gbits_per_rank=None
        if across is None
        else (world - ranks_per_node) * gigabits / across / ranks_per_node,
        across_nodes_seconds=across,
    )
    if distributed.get_rank() == 0:
        write_text_atomically(output, report.model_dump_json(indent=1) + "\n")
    distributed.destroy_process_group()
    return report


def _seconds_of_one(given: Tensor, *, group: object, num_ranks: int, seconds: float) -> float:
    """Median over ``seconds`` of the slowest rank's time for one all-gather."""
    received = torch.empty(given.numel() * num_ranks, dtype=given.dtype, device=given.device)
    times: list[float] = []
    spent = 0.0
    _gather(received, given, group)  # the first one also makes connections
    while spent < seconds:
        distributed.barrier()
        started = time.perf_counter()
        for _ in range(_ROUNDS_PER_LOOK):
            _gather(received, given, group)
        slowest = torch.tensor(time.perf_counter() - started, device=given.device)
        distributed.all_reduce(slowest, op=distributed.ReduceOp.MAX)
        times.append(float(slowest) / _ROUNDS_PER_LOOK)
        spent += float(slowest)  # the same on all ranks, so all leave together
    return sorted(times)[math.floor(len(times) / 2)]


def _gather(received: Tensor, given: Tensor, group: object) -> None:
    distributed.all_gather_into_tensor(received, given, group=group)
    if given.device.type == "cuda":
        torch.cuda.synchronize()


def main(argv: Sequence[str]) -> int:
    """Entry of one rank: where the report goes, then, optionally, seconds of each measurement."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run(Path(argv[0]), seconds=float(argv[1]) if len(argv) > 1 else _SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
