"""Where training runs: nodes, ranks, device. Read from ``infra/clusters/<name>.yaml``, chosen by ``S1_CLUSTER``.

What stands here changes speed and cost only, so it is no part of ``params.yaml`` and makes no stage stale.

Example::

    cluster = load_cluster()            # infra/clusters/laptop.yaml unless S1_CLUSTER names another
    cluster.num_ranks                   # 2
"""

import os
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, ValidationError, model_validator

CLUSTERS_FOLDER = Path(__file__).parent / "clusters"
_VARIABLE = "S1_CLUSTER"
_DEFAULT = "laptop"


class ClusterError(ValueError):
    """There is no such cluster file, or it cannot be used; the message names file and key."""


SSH = (
    "ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5",
    "-o", "ServerAliveCountMax=3", "{host}", "{command}",
)  # fmt: skip
"""Never asks for a password, and gives a silent host up after 15 seconds."""


class Ssh(BaseModel):
    """What launcher ``ssh`` needs beyond ``hosts``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    remote_shell: tuple[str, ...] = SSH
    """How a command reaches a host: words in which ``{host}`` and ``{command}`` (one word of shell) are replaced, such
    as ``[gcloud, compute, ssh, "{host}", --command, "{command}"]``. Its standard input must reach the command."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        words = " ".join(self.remote_shell)
        if "{host}" not in words or "{command}" not in words:
            raise ValueError("remote_shell must name {host} and {command}")
        return self


class Slurm(BaseModel):
    """What launcher ``slurm`` asks the scheduler for; inside an allocation the allocation is used as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str | None = None
    account: str | None = None
    time_limit: str | None = None
    """As sbatch takes it: ``02:00:00``."""
    options: tuple[str, ...] = ()
    """Further options of sbatch and srun, such as ``--constraint=h100`` or ``--container-image=...``."""


class Kubernetes(BaseModel):
    """What launcher ``kubernetes`` makes its pods of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    """Has the project's Python environment; the code comes from the volume."""
    volume_claim: str
    """A claim that many pods may mount (ReadWriteMany), holding the project and the models."""
    mount_path: Path
    """Where the volume lies, in the pods as where the run is started."""
    namespace: str = "default"
    gpu_resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    shared_memory: str = "64Gi"
    """Size of /dev/shm, through which NCCL talks inside a node."""


class Cluster(BaseModel):
    """Layout of a training run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_nodes: PositiveInt = 1
    processes_per_node: PositiveInt
    """Ranks on each node: GPUs, or CPU processes."""
    device: Literal["cpu", "cuda"]
    threads_per_process: PositiveInt = 1
    """Threads of each rank's CPU operations."""
    hosts: list[str] = []
    """Names or addresses of the nodes for launcher ``ssh``; rank 0 is on the first."""
    port: PositiveInt = 29500
    """Where the nodes of a multi-node run meet on the first host; one node finds a free port by itself."""
    launcher: Literal["local", "ssh", "slurm", "kubernetes"] = "local"
    """What starts the ranks: this machine, ssh to ``hosts``, a SLURM allocation, a Kubernetes JobSet."""
    runner: Literal["torchrun", "deepspeed"] = "torchrun"
    """What starts the ranks of one node."""
    storage: Literal["shared", "node-local"] = "shared"
    """Whether all nodes see the same folders, or each its own copy of model and examples."""
    python: str | None = None
    """The interpreter on the nodes; None: the path of this one, in Kubernetes ``python``."""
    interface: str | None = None
    """Network interface between nodes, such as ``ens5``; None: the one that leads to the first host."""
    collective_timeout_minutes: PositiveInt = 15
    """How long a rank waits for another in one operation before it gives up; reading weights counts."""
    ssh: Ssh = Ssh()
    slurm: Slurm = Slurm()
    kubernetes: Kubernetes | None = None
    gpu: str | None = None
    """Kind of GPU, as ``python -m flows.plan --gpus`` lists them: what plans of time, memory and money start from."""
    network_gbits_per_gpu: PositiveFloat | None = None
    """Bandwidth between nodes, per GPU and direction; None: one node, or unknown."""
    efficiency: PositiveFloat | None = None
    """Share of the GPUs' peak that earlier runs' computing reached here; None: the planner's own constant."""
    preflight: bool = False
    """Measure the network for half a minute before training, and refuse where it makes the plan wrong (also by the
    environment variable ``S1_PREFLIGHT=1``)."""
    sequence_parallel: PositiveInt | Literal["auto"] = "auto"
    """Ranks that share a packed row; ``auto``: as the planner finds fastest."""
    max_tokens_per_rank: PositiveInt | Literal["auto"]
    """Tokens of one forward pass on one rank; ``auto``: as memory allows."""
    recompute: Literal["auto", "all", "none"] = "auto"
    """Layers computed again in the backward pass; ``auto``: as few as memory asks."""
    attention: Literal["auto", "sdpa", "varlen"] = "auto"
    loss_kernel: Literal["auto", "plain", "chunked", "fused"] = "auto"

    @property
    def num_ranks(self) -> int:
        """Ranks of the whole run."""
        return self.num_nodes * self.processes_per_node

    @model_validator(mode="after")
    def _hosts_match(self) -> Self:
        needs_hosts = self.launcher == "ssh" or (self.launcher == "local" and self.num_nodes > 1)
        if needs_hosts and len(self.hosts) != self.num_nodes:
            raise ValueError(f"hosts names {len(self.hosts)} hosts for num_nodes {self.num_nodes}; name each node once")
        if len(set(self.hosts)) != len(self.hosts):
            raise ValueError("hosts names a node twice")
        return self

    @model_validator(mode="after")
    def _keys_match_the_launcher(self) -> Self:
        if self.launcher == "local" and self.num_nodes > 1:
            raise ValueError("launcher local runs one node; for num_nodes > 1 choose ssh, slurm or kubernetes")
        for name in ("ssh", "slurm", "kubernetes"):
            if name != self.launcher and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"section {name} is for launcher {name}, and launcher is {self.launcher}")
        if self.launcher == "kubernetes" and self.kubernetes is None:
            raise ValueError("launcher kubernetes needs the section kubernetes: image, volume_claim, mount_path")
        if self.storage == "node-local" and self.launcher != "ssh":
            raise ValueError("storage node-local is for launcher ssh, which copies what nodes need; use shared")
        return self


def load_cluster(name: str | None = None, *, folder: Path = CLUSTERS_FOLDER) -> Cluster:
    """Load a cluster by name; without one, the environment variable ``S1_CLUSTER``, else ``laptop``.

    Raises:
        ClusterError: no such file, not YAML, or a wrong key or value.
    """
    name = name or os.environ.get(_VARIABLE) or _DEFAULT
    path = folder / f"{name}.yaml"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Cluster.model_validate(data)
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ClusterError(
            f"there is no cluster {name!r} ({path}); set {_VARIABLE} or --cluster to one of: {known}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{path}, {'.'.join(map(str, issue['loc'])) or '(whole file)'}: {issue['msg']}" for issue in error.errors()
        ]
        raise ClusterError("\n".join(lines)) from error
