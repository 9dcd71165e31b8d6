"""Starts a training run on the nodes of a cluster and says clearly how it ended.

``build_launch`` is the one function that turns a cluster into commands, for this machine, ssh, SLURM and Kubernetes,
with torchrun or DeepSpeed's launcher on each node; ``launch`` runs them. Knows processes and hosts, not training.

Example::

    launch(load_cluster(), spec_file=Path(".s1/work/train/3f/spec.json"), log_folder=Path(".s1/work/train/3f/ranks"))
"""

from infra.launch.failures import LaunchError
from infra.launch.plan import Launch, build_launch
from infra.launch.running import launch, run_ranks

__all__ = ["Launch", "LaunchError", "build_launch", "launch", "run_ranks"]
