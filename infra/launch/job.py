"""What one node of a run is told: which runner starts how many ranks of what, where the nodes meet, what to check.

The same text goes to every node; its place among them comes beside it. Holds no secrets. Knows the cluster; does not
start anything.

Example::

    job = make_job(cluster, rank_argv=["spec.json"], log_folder=Path("ranks"))
    job.log_folder_of(1)                        # PosixPath('ranks/node-1')
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from infra.cluster import Cluster
from infra.redaction import holds_secret, redact

PROJECT = Path(__file__).resolve().parents[2]
_PASSED_ON = (
    "CUDA_", "DEEPSPEED_", "DO_NOT_TRACK", "DS_", "FI_", "GLOO_", "HF_", "LANG", "LC_", "LD_LIBRARY_PATH", "MKL_",
    "NCCL_", "OMPI_", "OMP_", "PYTHONPATH", "PYTORCH_", "TORCH", "TRANSFORMERS_", "TRITON_", "UCX_",
)  # fmt: skip
"""Beginnings of the variables that other nodes' ranks get from here, unless their names say that they hold secrets."""
_OF_ONE_NODE = {"CUDA_VISIBLE_DEVICES", "GLOO_SOCKET_IFNAME"}


class NodeJob(BaseModel):
    """The work of one node, but for its place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runner: Literal["torchrun", "deepspeed"]
    device: Literal["cpu", "cuda"]
    num_nodes: int
    processes_per_node: int
    threads_per_process: int
    rank_argv: list[str]
    """Arguments of ``infra.rank``."""
    needed: list[Path] = []
    """What ranks read, which must be there on every node."""
    log_folder: Path
    head: str | None = None
    """Where the nodes meet; None: on this machine."""
    port: int = 0
    second: str | None = None
    """A host that is not the head: the head's way to it tells the head's interface."""
    interface: str | None = None
    collective_timeout_minutes: int = 15
    environment: dict[str, str] = {}
    checks_first: bool = False
    """Whether the node checks itself before it starts ranks, where nobody has asked it before."""

    def log_folder_of(self, node_rank: int) -> Path:
        """Where a node's ranks write."""
        return self.log_folder if self.num_nodes == 1 else self.log_folder / f"node-{node_rank}"


def make_job(
    cluster: Cluster,
    *,
    rank_argv: Sequence[str],
    log_folder: Path,
    needed: Sequence[Path] = (),
    head: str | None = None,
    base: Mapping[str, str] = os.environ,
) -> NodeJob:
    """Describe the work of each node of a cluster.

    Args:
        head: where the nodes meet; the cluster's first host without it.
        base: what variables for other nodes are taken from.
    """
    hosts = [address_of(host) for host in cluster.hosts]
    is_local = cluster.launcher == "local"
    return NodeJob(
        runner=cluster.runner,
        device=cluster.device,
        num_nodes=cluster.num_nodes,
        processes_per_node=cluster.processes_per_node,
        threads_per_process=cluster.threads_per_process,
        rank_argv=list(rank_argv),
        needed=list(needed),
        log_folder=log_folder,
        head=None if is_local else head or hosts[0],
        port=0 if is_local else cluster.port,
        second=hosts[1] if len(hosts) > 1 else None,
        interface=cluster.interface,
        collective_timeout_minutes=cluster.collective_timeout_minutes,
        environment={} if is_local else environment_for_others(base),
        checks_first=cluster.launcher in ("slurm", "kubernetes") or (is_local and cluster.device == "cuda"),
    )


def environment_for_others(base: Mapping[str, str]) -> dict[str, str]:
    """Variables of this process that ranks elsewhere need; never one whose name says that it holds a secret."""
    return {
        name: value
        for name, value in sorted(base.items())
        if name.startswith(_PASSED_ON) and name not in _OF_ONE_NODE
        if not holds_secret(name) and redact(value, {name: value}) == value  # a password in an address, too
    }


def address_of(host: str) -> str:
    """``user@node-a`` without its user."""
    return host.rpartition("@")[2]


def interpreter(cluster: Cluster) -> str:
    """The Python of the nodes."""
    return cluster.python or ("python" if cluster.launcher == "kubernetes" else sys.executable)


def build_env(job: NodeJob, *, base: Mapping[str, str], interface: str | None = None) -> dict[str, str]:
    """The ranks' environment on one node: the given one, with device, threads, network and time limits set.

    Args:
        interface: the network interface that leads to the other nodes, where it is known.
    """
    env = {**base, **job.environment}
    env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, [env.get("PYTHONPATH")])])
    env["OMP_NUM_THREADS"] = str(job.threads_per_process)
    env["TOKENIZERS_PARALLELISM"] = "false"
    # How long a rank waits in one collective operation: a network that falls silent ends the run, at the latest, then.
    env.setdefault("DEEPSPEED_TIMEOUT", str(job.collective_timeout_minutes))
    if job.interface is not None:
        env["GLOO_SOCKET_IFNAME"] = env["NCCL_SOCKET_IFNAME"] = job.interface
    elif interface is not None:
        env.setdefault("GLOO_SOCKET_IFNAME", interface)
    if job.device == "cuda" and "PYTORCH_ALLOC_CONF" not in env:
        # Steps differ in size; blocks that can grow lose less memory between them.
        env.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    if job.device == "cpu":
        env["DS_ACCELERATOR"] = "cpu"
        if job.num_nodes == 1:
            # gloo would take the interface that this machine's name resolves to, which need not exist offline.
            env.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    return env
