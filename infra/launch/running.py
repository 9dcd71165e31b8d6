"""Runs a launch to its end: checks before anything starts, copies between nodes, one reason when it fails.

Knows ``build_launch`` and the nodes' reports; does not know what ranks compute.

Example::

    launch(load_cluster(), spec_file=Path(".s1/work/train/3f/spec.json"), log_folder=Path(".s1/work/train/3f/ranks"))
"""

import json
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.cluster import Cluster
from infra.launch.connections import run_on_hosts
from infra.launch.copying import give
from infra.launch.explaining import explain
from infra.launch.failures import LaunchError
from infra.launch.job import PROJECT
from infra.launch.node import END_PREFIX, NodeEnding, run_node
from infra.launch.plan import Launch, build_launch, is_here
from infra.processes import run_in_group
from s1.batching import LayoutError, make_layout
from s1.training.spec import TrainSpec

logger = logging.getLogger(__name__)

_NUM_TAIL_LINES = 25


def launch(
    cluster: Cluster, *, spec_file: Path, log_folder: Path, on_line: Callable[[str], None] | None = None
) -> None:
    """Run all ranks of a training run to their end; nothing of them is left on any node when this returns or raises.

    Args:
        log_folder: emptied, then receives each rank's output.
        on_line: receives each line that rank 0 or a launcher writes.

    Raises:
        LaunchError: the run was refused, or ranks died.
        ClusterError: the cluster cannot run this from here.
    """
    spec = TrainSpec.model_validate_json(spec_file.read_bytes())
    refuse_bad_layout(cluster, spec)
    needed = [spec_file, spec.model_folder, spec.examples_file]
    run_ranks(
        cluster,
        rank_argv=[str(spec_file)],
        log_folder=log_folder,
        needed=needed,
        on_line=on_line,
    )


def refuse_bad_layout(cluster: Cluster, spec: TrainSpec) -> None:
    """Refuse ranks that cannot share rows and heads.

    Raises:
        LaunchError: names what divides what.
    """
    file = spec.model_folder / "config.json"
    if not file.exists():  # the model's loading says what is missing
        return
    config = json.loads(file.read_text(encoding="utf-8"))
    heads = config.get("num_attention_heads")
    if heads is None:
        return
    try:
        make_layout(
            cluster.num_ranks,
            sequence_parallel=spec.sequence_parallel,
            num_heads=heads,
            num_kv_heads=config.get("num_key_value_heads") or heads,
        )
    except LayoutError as error:
        raise LaunchError(f"training was not started:\n{error}") from error


def run_ranks(
    cluster: Cluster,
    *,
    rank_argv: Sequence[str],
    log_folder: Path,
    needed: Sequence[Path] = (),
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run ``infra.rank`` with the given arguments on all ranks of a cluster.

    Args:
        needed: what every node must see; copied where storage is node-local.

    Raises:
        LaunchError: the run was refused, or ranks died.
        ClusterError: the cluster cannot run this from here.
    """
    shutil.rmtree(log_folder, ignore_errors=True)
    log_folder.mkdir(parents=True)
    receive = on_line or logger.info
    plan = build_launch(
        cluster, rank_argv=rank_argv, log_folder=log_folder.resolve(), needed=[path.resolve() for path in needed]
    )
    if cluster.launcher == "local":
        endings = [run_node(plan.job, node_rank=0, on_line=receive)]
    elif cluster.launcher == "ssh":
        endings = _run_by_ssh(plan, needed=needed, on_line=receive)
    else:
        endings = _run_by_scheduler(plan, on_line=receive)
    if any(ending.status != 0 for ending in endings):
        raise LaunchError(explain(endings))


def _run_by_ssh(plan: Launch, *, needed: Sequence[Path], on_line: Callable[[str], None]) -> list[NodeEnding]:
    cluster = plan.cluster
    if cluster.storage == "node-local":
        if not is_here(cluster.hosts[0]):
            raise LaunchError(
                f"with storage node-local a run is started on its first host, {cluster.hosts[0]}, whose disk keeps the "
                "model and the checkpoints; start it there, or name this machine first in hosts"
            )
        give(cluster, hosts=[host for host in cluster.hosts if not is_here(host)], paths=needed)
    endings = run_on_hosts(plan.checking().commands, on_line=on_line)
    if any(ending.status != 0 for ending in endings):
        return endings
    return run_on_hosts(plan.commands, on_line=on_line)


def _run_by_scheduler(plan: Launch, *, on_line: Callable[[str], None]) -> list[NodeEnding]:
    """One command speaks for all nodes; their reports are among its lines."""
    if plan.manifest is not None and plan.manifest_file is not None:
        plan.manifest_file.write_text(plan.manifest, encoding="utf-8")
    endings: list[NodeEnding] = []
    said: deque[str] = deque(maxlen=_NUM_TAIL_LINES)

    def receive(line: str) -> None:
        _, found, report = line.partition(END_PREFIX)
        if found:
            endings.append(NodeEnding.model_validate_json(report))
        else:
            said.append(line)
            on_line(line)

    (command,) = plan.commands
    try:
        status = run_in_group(command.argv, env=dict(os.environ), cwd=PROJECT, on_line=receive)
    except FileNotFoundError as error:
        raise LaunchError(
            f"launcher {plan.cluster.launcher} needs the command {command.argv[0]!r}, which is not on PATH here"
        ) from error
    if status != 0 and all(ending.status == 0 for ending in endings):
        endings.append(NodeEnding(node_rank=0, host=command.host, status=status, words=list(said)))
    if status == 0 and len(endings) < plan.cluster.num_nodes:
        missing = f"{command.host} ended well, but only {len(endings)} of {plan.cluster.num_nodes} nodes reported"
        endings.append(NodeEnding(node_rank=0, host=command.host, status=1, words=[*said, missing]))
    return endings
