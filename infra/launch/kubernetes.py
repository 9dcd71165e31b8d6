"""A run on Kubernetes: the JobSet with one pod per node that ``infra.launch.jobset`` applies and follows.

Knows JobSet (jobset.x-k8s.io/v1alpha2) and pods; runs nothing.

Example::

    render_manifest(cluster, job, name="s1-train-3f2a")     # 'apiVersion: jobset.x-k8s.io/v1alpha2 …'
"""

from typing import Any

import yaml

from infra.cluster import Cluster
from infra.launch.job import PROJECT, NodeJob, interpreter

_ROLE = "node"


def head_of(name: str) -> str:
    """DNS name of the first pod: <jobset>-<role>-<job index>-<pod index>.<subdomain>."""
    return f"{name}-{_ROLE}-0-0.{name}"


def render_manifest(cluster: Cluster, job: NodeJob, *, name: str) -> str:
    """The JobSet, in YAML: any pod's failure ends it, and nothing is started twice."""
    assert cluster.kubernetes is not None
    pod = _pod(cluster, job)
    workload = {
        "parallelism": cluster.num_nodes,
        "completions": cluster.num_nodes,
        "completionMode": "Indexed",
        "backoffLimit": 0,
        "template": {"spec": pod},
    }
    jobset = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": name, "namespace": cluster.kubernetes.namespace},
        "spec": {
            "network": {"enableDNSHostnames": True, "subdomain": name, "publishNotReadyAddresses": True},
            # The run goes on from its checkpoint when it is launched again; a pod alone could not rejoin the others.
            "failurePolicy": {"maxRestarts": 0},
            "successPolicy": {"operator": "All", "targetReplicatedJobs": [_ROLE]},
            "replicatedJobs": [{"name": _ROLE, "replicas": 1, "template": {"spec": workload}}],
        },
    }
    return yaml.safe_dump(jobset, sort_keys=False, width=120)


def _pod(cluster: Cluster, job: NodeJob) -> dict[str, Any]:
    """One pod per node: all of its GPUs, the volume where this machine has it, /dev/shm for NCCL."""
    assert cluster.kubernetes is not None
    settings = cluster.kubernetes
    node = [interpreter(cluster), "-m", "infra.node", "--node-rank-from", "JOB_COMPLETION_INDEX"]
    container: dict[str, Any] = {
        "name": "ranks",
        "image": settings.image,
        "workingDir": str(PROJECT),
        "command": [*node, job.model_dump_json()],
        "ports": [{"containerPort": job.port}],
        "volumeMounts": [
            {"name": "project", "mountPath": str(settings.mount_path)},
            {"name": "shm", "mountPath": "/dev/shm"},
        ],
    }
    if cluster.device == "cuda":
        container["resources"] = {"limits": {settings.gpu_resource: cluster.processes_per_node}}
    return {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [
            {"name": "project", "persistentVolumeClaim": {"claimName": settings.volume_claim}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": settings.shared_memory}},
        ],
        **({"nodeSelector": settings.node_selector} if settings.node_selector else {}),
    }
