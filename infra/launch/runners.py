"""What starts the ranks of one node, torchrun or DeepSpeed's launcher: their commands, and which rank they lost.

Knows their options and what they write; does not run them. Both start ``infra.rank`` once per rank, which keeps each
rank's output and leaves a note of how it ended.

Example::

    runner_argv(job, node_rank=0, log_folder=Path("ranks"))     # [python, '-m', 'torch.distributed.run', …]
"""

import json
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.launch.job import NodeJob
from infra.rank import end_file

_RANK_MODULE = "infra.rank"
_HOSTFILE = "hostfile"
_SIGKILL_STATUSES = (-9, 247, 137)  # as torchrun, DeepSpeed's launcher and a shell say it


@dataclass(frozen=True, slots=True)
class LostRank:
    """The rank whose death ended a node's run."""

    rank: int
    code: int
    """Its exit code; negative: the signal."""


def runner_argv(job: NodeJob, *, node_rank: int, log_folder: Path, local_address: str | None = None) -> list[str]:
    """The runner's command on one node; DeepSpeed's also gets the file of hosts that it reads."""
    if job.runner == "deepspeed":
        return _deepspeed_argv(job, node_rank=node_rank, log_folder=log_folder)
    argv = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(job.processes_per_node)]
    if job.num_nodes == 1:
        # A free port, and no look-up of this machine's name, which hangs on a laptop without network.
        argv += ["--standalone", "--local-addr", "127.0.0.1"]
    else:
        argv += ["--nnodes", str(job.num_nodes), "--node-rank", str(node_rank)]
        argv += ["--master-addr", str(job.head), "--master-port", str(job.port)]
        if local_address is not None:
            argv += ["--local-addr", local_address]
    return [*argv, "-m", _RANK_MODULE, *job.rank_argv]


def _deepspeed_argv(job: NodeJob, *, node_rank: int, log_folder: Path) -> list[str]:
    hostfile = log_folder / _HOSTFILE
    slots = [f"node-{number} slots={job.processes_per_node}\n" for number in range(job.num_nodes)]
    hostfile.write_text("".join(slots), encoding="utf-8")
    address, port = (job.head, job.port) if job.num_nodes > 1 else ("127.0.0.1", _free_port())
    argv = [sys.executable, "-m", "deepspeed.launcher.runner", "--hostfile", str(hostfile)]
    # --no_ssh: this project has a way of its own to the nodes, which ends with the run.
    argv += ["--no_ssh", "--node_rank", str(node_rank), "--master_addr", str(address), "--master_port", str(port)]
    return [*argv, "--no_local_rank", "--log_level", "warning", "--module", _RANK_MODULE, *job.rank_argv]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_lost_rank(job: NodeJob, *, node_rank: int, status: int, output: str, log_folder: Path) -> LostRank | None:
    """Which rank of a node ended badly first; None: the runner failed before, or did not say."""
    if job.runner == "torchrun":
        return _torchrun_lost(output)
    first = node_rank * job.processes_per_node
    ranks = range(first, first + job.processes_per_node)
    ends = {rank: json.loads(file.read_text()) for rank in ranks if (file := end_file(log_folder, rank)).exists()}
    silent = [rank for rank in ranks if rank not in ends]
    if status in _SIGKILL_STATUSES and len(silent) == 1:
        return LostRank(silent[0], -9)
    failed = sorted((end["time"], rank) for rank, end in ends.items() if end["code"])
    return LostRank(failed[0][1], ends[failed[0][1]]["code"]) if failed else None


def _torchrun_lost(output: str) -> LostRank | None:
    cause = output[output.rfind("Root Cause") :] if "Root Cause" in output else ""
    rank = re.search(r"rank\s*:\s*(\d+)", cause)
    code = re.search(r"exitcode\s*:\s*(-?\d+)", cause)
    return LostRank(int(rank.group(1)), int(code.group(1))) if rank and code else None


def find_unfinished(ranks: Sequence[int], *, log_folder: Path) -> list[int]:
    """Ranks that left no note of a good end. A runner that was itself killed can end with status 0."""
    return [rank for rank in ranks if not _ended_well(end_file(log_folder, rank))]


def _ended_well(file: Path) -> bool:
    return file.exists() and json.loads(file.read_text(encoding="utf-8"))["code"] == 0
