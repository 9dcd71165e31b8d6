"""One function that turns a cluster into what is to be run: commands per host, or one command of a scheduler.

Knows launchers; runs nothing.

Example::

    plan = build_launch(load_cluster("two-8gpu"), rank_argv=["spec.json"], log_folder=Path("ranks"))
    plan.commands[1].argv               # ['ssh', '-T', …, 'node-b', 'cd … && exec …']
"""

import hashlib
import os
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.cluster import Cluster, ClusterError
from infra.launch import kubernetes
from infra.launch.connections import HostCommand
from infra.launch.job import PROJECT, NodeJob, address_of, interpreter, make_job
from infra.launch.remote_shell import fill
from infra.launch.slurm import srun_argv


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be run; ``commands`` is empty where this process starts the ranks by itself (launcher local)."""

    cluster: Cluster
    job: NodeJob
    commands: tuple[HostCommand, ...] = ()
    """For ssh one per host, else one of the scheduler."""
    manifest: str | None = None
    """For Kubernetes: what the command applies, expected at ``manifest_file``."""
    manifest_file: Path | None = None

    def checking(self) -> "Launch":
        """The same hosts, told to check themselves only (launcher ssh)."""
        commands = tuple(
            _on_host(self.cluster, self.job, number, is_check=True) for number in range(len(self.commands))
        )
        return replace(self, commands=commands)


def build_launch(
    cluster: Cluster,
    *,
    rank_argv: Sequence[str],
    log_folder: Path,
    needed: Sequence[Path] = (),
    environment: Mapping[str, str] = os.environ,
) -> Launch:
    """Build what starts all ranks of a run.

    Args:
        rank_argv: arguments of ``infra.rank``: the spec's path.
        log_folder: where nodes keep their ranks' output.
        needed: files and folders that every node must see.

    Raises:
        ClusterError: the cluster cannot run this from here.
    """
    if cluster.launcher == "local":
        return Launch(cluster, make_job(cluster, rank_argv=rank_argv, log_folder=log_folder, needed=needed))
    if cluster.launcher == "ssh":
        job = make_job(cluster, rank_argv=rank_argv, log_folder=log_folder, needed=needed, base=environment)
        commands = tuple(_on_host(cluster, job, number) for number in range(cluster.num_nodes))
        return Launch(cluster, job, commands)
    if cluster.launcher == "slurm":
        # The head is known once nodes are allocated; each node asks for it there.
        job = make_job(cluster, rank_argv=rank_argv, log_folder=log_folder, needed=needed, head="-", base=environment)
        return Launch(cluster, job, (HostCommand("srun", 0, srun_argv(cluster, job, environment=environment)),))
    return _on_kubernetes(cluster, rank_argv=rank_argv, log_folder=log_folder, needed=needed, environment=environment)


def _on_kubernetes(
    cluster: Cluster,
    *,
    rank_argv: Sequence[str],
    log_folder: Path,
    needed: Sequence[Path],
    environment: Mapping[str, str],
) -> Launch:
    assert cluster.kubernetes is not None
    mount = cluster.kubernetes.mount_path
    outside = [path for path in (PROJECT, log_folder, *needed) if not path.is_relative_to(mount)]
    if outside:
        raise ClusterError(
            f"{outside[0]} is not under mount_path {mount}; start the run where the volume is mounted as in the pods, "
            "or change kubernetes.mount_path in the cluster's file"
        )
    name = f"s1-train-{hashlib.sha256(str(log_folder).encode()).hexdigest()[:8]}"
    head = kubernetes.head_of(name)
    job = make_job(cluster, rank_argv=rank_argv, log_folder=log_folder, needed=needed, head=head, base=environment)
    file = log_folder / "jobset.yaml"
    manifest = kubernetes.render_manifest(cluster, job, name=name)
    follow = HostCommand("kubectl", 0, [sys.executable, "-m", "infra.launch.jobset", str(file)])
    return Launch(cluster, job, (follow,), manifest=manifest, manifest_file=file)


def _on_host(cluster: Cluster, job: NodeJob, node_rank: int, *, is_check: bool = False) -> HostCommand:
    """A node's process, through the remote shell, or straight where the host is this machine."""
    host = cluster.hosts[node_rank]
    argv = [interpreter(cluster), "-m", "infra.node", "--node-rank", str(node_rank), "--tethered"]
    argv += ["--check"] if is_check else []
    folder = shlex.quote(str(PROJECT))
    missing = f"the folder {PROJECT} is not on this host; mount it, or set storage: node-local in the cluster's file"
    enter = f"cd {folder} 2>/dev/null || {{ echo {shlex.quote(missing)}; exit 72; }}"
    command = f"{enter}; exec {shlex.join([*argv, job.model_dump_json()])}"
    template = ("sh", "-c", "{command}") if is_here(host) else cluster.ssh.remote_shell
    return HostCommand(host, node_rank, fill(template, host=host, command=command))


def is_here(host: str) -> bool:
    """Whether a host is this machine: only one's own addresses can be bound."""
    try:
        family, _, _, _, place = socket.getaddrinfo(address_of(host), 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(place)
    except OSError:  # also a name that nobody knows: the remote shell will say so
        return False
    return True
