"""One node's part of a run: checks the node, runs its ranks to their end, and reports how they ended.

Runs in the launching process where that is the only node, else in a process on each node (``infra.node``). Knows
processes; does not know training, nor who launched the run.

Example::

    ending = run_node(job, node_rank=1, on_line=print)
    ending.status, ending.rank, ending.code            # (1, 9, -9): rank 9 was killed
"""

import os
import re
import shutil
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from infra.launch.job import NodeJob, build_env
from infra.launch.runners import find_lost_rank, find_unfinished, runner_argv
from infra.processes import run_in_group
from infra.rank import FOLDER_VARIABLE, output_file
from s1.training.preflight import ask_for_device_facts, find_port_problem, find_problems

BEAT_SECONDS = 5.0
"""Between two signs of life, in both directions."""
SILENCE_SECONDS = 30.0
"""Without a sign of life for so long, the other end counts as gone."""
ALIVE_LINE = "S1-NODE-ALIVE"
END_PREFIX = "S1-NODE-ENDED "
REFUSED_STATUS = 78
"""Of a node that found itself unfit (EX_CONFIG of sysexits.h)."""
_NUM_TAIL_LINES = 25
_MAX_LINES = 400
_RUNNER_LINE = re.compile(r"^[WE]\d{4} .*torch/distributed/elastic|\[launch\.py:\d+")


class NodeEnding(BaseModel):
    """How one node's part ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    node_rank: int
    host: str
    status: int
    """0: all ranks finished."""
    problems: list[str] = []
    """Why the node refused to begin."""
    rank: int | None = None
    """The rank whose death ended the node's part."""
    code: int | None = None
    """That rank's exit code; negative: the signal."""
    was_stopped: bool = False
    """Whether the launcher stopped the node, because of another."""
    words: list[str] = []
    """Its last lines, or the runner's."""


def run_node(job: NodeJob, *, node_rank: int, on_line: Callable[[str], None]) -> NodeEnding:
    """Run all ranks of this node to their end; nothing of them is left when this returns or raises.

    Args:
        on_line: receives each line that rank 0 or the runner writes.
    """
    host = socket.gethostname()
    if job.checks_first and (problems := check_node(job, node_rank=node_rank)):
        return NodeEnding(node_rank=node_rank, host=host, status=REFUSED_STATUS, problems=problems)
    folder = job.log_folder_of(node_rank).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    address, interface = _way_out(job, node_rank)
    output: deque[str] = deque(maxlen=_MAX_LINES)

    def receive(line: str) -> None:
        output.append(line)
        on_line(line)

    env = build_env(job, base={**os.environ, FOLDER_VARIABLE: str(folder)}, interface=interface)
    argv = runner_argv(job, node_rank=node_rank, log_folder=folder, local_address=address)
    status = run_in_group(argv, env=env, on_line=receive)
    ending = NodeEnding(node_rank=node_rank, host=host, status=status)
    first = node_rank * job.processes_per_node
    if status == 0:
        left = find_unfinished(range(first, first + job.processes_per_node), log_folder=folder)
        return ending if not left else ending.model_copy(update={"status": 1, "rank": left[0], "words": _tail(output)})
    lost = find_lost_rank(job, node_rank=node_rank, status=status, output="\n".join(output), log_folder=folder)
    if lost is None:
        return ending.model_copy(update={"words": _tail(output)})
    words = _last_words(lost.rank, folder, output)
    return ending.model_copy(update={"rank": lost.rank, "code": lost.code, "words": words})


def check_node(job: NodeJob, *, node_rank: int) -> list[str]:
    """What keeps this node from its part, in sentences that say what to change; torch is imported only for GPUs."""
    problems = [
        f"{path} is not on this node; mount the folder that the first node has, or set storage: node-local"
        for path in job.needed
        if not path.exists()
    ]
    if job.device == "cuda":
        try:
            facts = ask_for_device_facts()
        except RuntimeError as error:
            return [*problems, str(error)]
        problems += find_problems(facts, device=job.device, processes_per_node=job.processes_per_node)
    if job.num_nodes > 1 and node_rank == 0 and (taken := find_port_problem(job.port)) is not None:
        problems.append(taken)
    return problems


def _tail(lines: Sequence[str]) -> list[str]:
    return list(lines)[-_NUM_TAIL_LINES:]


def _last_words(rank: int, folder: Path, output: Sequence[str]) -> list[str]:
    """A rank's last lines; rank 0 spoke through the runner, whose own report follows what it said."""
    if rank == 0:
        ends = [number for number, line in enumerate(output) if _RUNNER_LINE.search(line)]
        return _tail(list(output)[: ends[0]] if ends else output)
    file = output_file(folder, rank)
    return _tail(file.read_text(encoding="utf-8", errors="replace").splitlines()) if file.exists() else []


def _way_out(job: NodeJob, node_rank: int) -> tuple[str | None, str | None]:
    """Find this node's address towards the others and its interface; (None, None): one node, or no way is known."""
    peer = job.head if node_rank != 0 or job.second is None else job.second
    if job.num_nodes == 1 or peer is None:
        return None, None
    try:
        family, _, _, _, place = socket.getaddrinfo(peer, job.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(place)  # sends nothing
            address: str = probe.getsockname()[0]
    except OSError:  # the runner will say what it cannot reach
        return None, None
    names = [
        name
        for name, entries in psutil.net_if_addrs().items()
        if any(entry.address.partition("%")[0] == address for entry in entries)
    ]
    if not names or address.startswith("127."):  # the head's own name often leads to its loopback
        return None, None
    return address, names[0]
