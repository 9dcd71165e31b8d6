"""Where training runs: nodes, ranks, device. Read from ``infra/clusters/<name>.yaml``, chosen by ``S1_CLUSTER``.

What stands here changes speed and cost only, so it is no part of ``params.yaml`` and makes no stage stale.

Example::

    cluster = load_cluster()            # infra/clusters/laptop.yaml unless S1_CLUSTER names another
    cluster.num_ranks                   # 2
"""

import os
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError, model_validator

CLUSTERS_FOLDER = Path(__file__).parent / "clusters"
_VARIABLE = "S1_CLUSTER"
_DEFAULT = "laptop"


class ClusterError(ValueError):
    """There is no such cluster file, or it cannot be used; the message names file and key."""


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
    """Names or addresses of the nodes, the first one being where the run is started; not needed for one node."""
    port: PositiveInt = 29500
    """Where the nodes of a multi-node run meet on the first host; one node finds a free port by itself."""
    max_micro_batch_tokens: PositiveInt
    """Tokens of one forward pass with padding, as memory allows."""

    @property
    def num_ranks(self) -> int:
        """Ranks of the whole run."""
        return self.num_nodes * self.processes_per_node

    @model_validator(mode="after")
    def _hosts_match(self) -> "Cluster":
        if self.num_nodes > 1 and len(self.hosts) != self.num_nodes:
            raise ValueError(f"hosts names {len(self.hosts)} hosts for num_nodes {self.num_nodes}; name each node once")
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
        raise ClusterError(f"{_VARIABLE} is {name!r}, but {path} is missing; there are: {known}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{path}, {'.'.join(map(str, issue['loc'])) or '(whole file)'}: {issue['msg']}" for issue in error.errors()
        ]
        raise ClusterError("\n".join(lines)) from error
