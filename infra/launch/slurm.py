"""A run on SLURM: the srun command that starts one process per node, and an sbatch script around a whole stage.

Inside an allocation srun uses it; outside srun asks for one itself and gives it back when it ends or is told to. Knows
SLURM's options; does not run anything.

Example::

    srun_argv(cluster, job, environment=os.environ)    # ['srun', '--nodes=2', …, 'sh', '-c', 'S1_HEAD=$(scontrol …']
"""

import shlex
from collections.abc import Mapping

from infra.cluster import Cluster
from infra.launch.job import PROJECT, NodeJob, interpreter

_ALLOCATED = "SLURM_JOB_ID"
_KEPT_VARIABLES = ("HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "USER")
_JOB_NAME = "s1-train"
_HEAD = "S1_HEAD"
_WAIT_SECONDS = 20
"""For the other nodes, once one has ended."""


def srun_argv(cluster: Cluster, job: NodeJob, *, environment: Mapping[str, str]) -> list[str]:
    """One task per node; a task that fails ends all of them at once."""
    argv = ["srun", *_shape(cluster), "--kill-on-bad-exit=1", f"--wait={_WAIT_SECONDS}", f"--chdir={PROJECT}"]
    # Only what is named goes to the tasks, so no secret does; the job's own text names what ranks need.
    argv.append(f"--export={','.join(_KEPT_VARIABLES)}")
    if _ALLOCATED not in environment:
        argv += [f"--job-name={_JOB_NAME}", *_request(cluster)]
    node = [interpreter(cluster), "-m", "infra.node", "--node-rank-from", "SLURM_NODEID", "--head-from", _HEAD]
    command = shlex.join([*node, job.model_dump_json()])
    # Nodes of the step, in the order of SLURM_NODEID.
    head = f'{_HEAD}=$(scontrol show hostnames "$SLURM_STEP_NODELIST" | head -n 1)'
    return [*argv, "sh", "-c", f"{head}; export {_HEAD}; exec {command}"]


def _shape(cluster: Cluster) -> list[str]:
    shape = [f"--nodes={cluster.num_nodes}", f"--ntasks={cluster.num_nodes}", "--ntasks-per-node=1"]
    # A task is a whole node: without this many cores of its own, all of its ranks would share one.
    shape.append(f"--cpus-per-task={cluster.processes_per_node * cluster.threads_per_process}")
    return [*shape, *([f"--gpus-per-node={cluster.processes_per_node}"] if cluster.device == "cuda" else [])]


def _request(cluster: Cluster) -> list[str]:
    """What is asked of the scheduler; a node is not shared, because ranks take all of its memory and network."""
    slurm = cluster.slurm
    wanted = {"partition": slurm.partition, "account": slurm.account, "time": slurm.time_limit}
    return ["--exclusive", *(f"--{key}={value}" for key, value in wanted.items() if value is not None), *slurm.options]


def render_script(cluster: Cluster, *, name: str) -> str:
    """A script for sbatch that runs the stage ``train`` in an allocation.

    Args:
        name: the cluster's, as ``S1_CLUSTER`` takes it.
    """
    options = [f"--job-name={_JOB_NAME}", "--output=s1-train-%j.log", *_shape(cluster), *_request(cluster)]
    python = shlex.quote(interpreter(cluster))
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {shlex.quote(option)}" for option in options),
            "# The first node goes through the stage; its ranks are started on all nodes by srun.",
            "set -euo pipefail",
            f"cd {shlex.quote(str(PROJECT))}",
            f"export S1_CLUSTER={shlex.quote(name)}",
            f"exec {python} -m dvc repro --single-item train",
            "",
        ]
    )
