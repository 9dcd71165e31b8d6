"""Prints what starts training on a cluster: the ssh commands, the sbatch script, or the JobSet.

Example::

    python -m infra.launch.render --cluster slurm-two-8gpu > train.sbatch
    python -m infra.launch.render --cluster k8s-two-8gpu --spec .s1/work/train/3f/spec.json
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.cluster import ClusterError, load_cluster
from infra.launch.job import PROJECT
from infra.launch.plan import build_launch
from infra.launch.runners import runner_argv
from infra.launch.slurm import render_script

_SPEC = PROJECT / ".s1" / "work" / "train" / "KEY" / "spec.json"
"""Stands for the file that the stage ``train`` writes for each run."""


def render(name: str, *, spec_file: Path = _SPEC, folder: Path | None = None) -> str:
    """What starts a run on a cluster.

    Args:
        folder: of cluster files, when not the project's.

    Raises:
        ClusterError: there is no such cluster, or it cannot be used from here.
    """
    cluster = load_cluster(name) if folder is None else load_cluster(name, folder=folder)
    if cluster.launcher == "slurm":
        return render_script(cluster, name=name)
    plan = build_launch(cluster, rank_argv=[str(spec_file)], log_folder=spec_file.parent / "ranks")
    if plan.manifest is not None:
        return plan.manifest
    if plan.commands:
        return "".join(f"# {command.host}\n{shlex.join(command.argv)}\n" for command in plan.commands)
    if cluster.runner == "deepspeed":  # its command names a file of hosts that the run writes
        return f"# on this machine: DeepSpeed's launcher, {cluster.num_ranks} ranks, -m infra.rank {spec_file}\n"
    return shlex.join(runner_argv(plan.job, node_rank=0, log_folder=plan.job.log_folder)) + "\n"


def main(argv: Sequence[str]) -> int:
    """Entry of the command."""
    parser = argparse.ArgumentParser(description="Print what starts training on a cluster.")
    parser.add_argument("--cluster", required=True, help="a name in infra/clusters")
    parser.add_argument("--spec", type=Path, default=_SPEC, help="the run's spec.json; the stage train writes it")
    arguments = parser.parse_args(argv)
    try:
        sys.stdout.write(render(arguments.cluster, spec_file=arguments.spec))
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
