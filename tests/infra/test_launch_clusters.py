"""Cluster files: which is chosen, what is refused, and what each committed one starts."""

import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml

from infra.cluster import CLUSTERS_FOLDER, Cluster, ClusterError, load_cluster
from infra.launch.render import main, render

KUBERNETES = "kubernetes: {image: i, volume_claim: c, mount_path: /mnt}\n"


def test_the_committed_laptop_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S1_CLUSTER", raising=False)
    assert load_cluster() == load_cluster("laptop")
    assert load_cluster().num_ranks == 2


def test_the_environment_chooses_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text("processes_per_node: 1\ndevice: cpu\nmax_tokens_per_rank: 64\n")
    monkeypatch.setenv("S1_CLUSTER", "one")
    assert load_cluster(folder=tmp_path).num_ranks == 1


def test_an_unknown_cluster_is_refused_with_those_there_are() -> None:
    with pytest.raises(ClusterError, match=r"there is no cluster 'moon'.*S1_CLUSTER or --cluster to one of: .*laptop"):
        load_cluster("moon")


TWO = "num_nodes: 2\nprocesses_per_node: 2\ndevice: cpu\nmax_tokens_per_rank: 64\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("processes_per_node: 2\ndevice: tpu\nmax_tokens_per_rank: 64\n", r"bad.yaml, device: "),
        ("processes_per_node: 2\ndevice: cpu\nmax_tokens_per_rank: 64\nnodes: 2\n", r"bad.yaml, nodes: "),
        (TWO + "launcher: ssh\n", "names 0 hosts for num_nodes 2"),
        (TWO + "launcher: ssh\nhosts: [a, a]\n", "names a node twice"),
        (TWO + "hosts: [a, b]\n", "launcher local runs one node; for num_nodes > 1 choose ssh, slurm or kubernetes"),
        (
            TWO + "launcher: slurm\n" + KUBERNETES,
            "section kubernetes is for launcher kubernetes, and launcher is slurm",
        ),
        (TWO + "launcher: kubernetes\n", "needs the section kubernetes"),
        (TWO + "launcher: slurm\nstorage: node-local\n", "storage node-local is for launcher ssh"),
        (
            TWO + "launcher: ssh\nhosts: [a, b]\nssh: {remote_shell: [ssh, '{host}']}\n",
            "must name {host} and {command}",
        ),
        ("{", "bad.yaml is not valid YAML"),
    ],
)
def test_a_wrong_cluster_file_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ClusterError, match=message):
        load_cluster("bad", folder=tmp_path)


@pytest.mark.parametrize("name", sorted(file.stem for file in CLUSTERS_FOLDER.glob("*.yaml")))
def test_every_committed_cluster_loads(name: str) -> None:
    assert load_cluster(name).num_ranks >= 1


def test_two_nodes_by_ssh_get_one_command_each() -> None:
    lines = render("two-8gpu").splitlines()
    assert lines[0::2] == ["# node-a", "# node-b"]
    for place, line in enumerate(lines[1::2]):
        assert line.startswith("ssh -T -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 ")
        assert f"infra.node --node-rank {place} --tethered" in line


def test_the_sbatch_script_is_a_script_with_its_options(tmp_path: Path) -> None:
    script = render("slurm-two-8gpu")
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    options = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")}
    assert options >= {"--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=8", "--exclusive", "--time=02:00:00"}
    assert "export S1_CLUSTER=slurm-two-8gpu" in lines
    assert lines[-1].endswith("-m dvc repro --single-item train")
    file = tmp_path / "train.sbatch"
    file.write_text(script)
    for checker in (["bash", "-n"], ["shellcheck"]):
        if which(checker[0]):
            result = subprocess.run([*checker, str(file)], check=False, capture_output=True, text=True)
            assert result.returncode == 0, result.stdout + result.stderr


def kubernetes_here(tmp_path: Path, **changes: object) -> Path:
    data = yaml.safe_load((CLUSTERS_FOLDER / "k8s-two-8gpu.yaml").read_text())
    data["kubernetes"].update({"mount_path": "/", **changes})
    (tmp_path / "k8s.yaml").write_text(yaml.safe_dump(data))
    return tmp_path


# Fields and types of jobset.x-k8s.io/v1alpha2, batch/v1 and core/v1, as far as this project uses them.
JOBSET = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {"name": str, "namespace": str},
    "spec": {
        "network": {"enableDNSHostnames": bool, "subdomain": str, "publishNotReadyAddresses": bool},
        "failurePolicy": {"maxRestarts": int},
        "successPolicy": {"operator": "All", "targetReplicatedJobs": [str]},
        "replicatedJobs": [
            {
                "name": str,
                "replicas": int,
                "template": {
                    "spec": {
                        "parallelism": int,
                        "completions": int,
                        "completionMode": "Indexed",
                        "backoffLimit": int,
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [
                                    {
                                        "name": str,
                                        "image": str,
                                        "workingDir": str,
                                        "command": [str],
                                        "ports": [{"containerPort": int}],
                                        "volumeMounts": [{"name": str, "mountPath": str}],
                                        "resources": {"limits": {"nvidia.com/gpu": int}},
                                    }
                                ],
                                "volumes": [dict],
                            }
                        },
                    }
                },
            }
        ],
    },
}


def check(value: object, schema: object, place: str = "") -> None:
    """Every field of the schema is there with its type or value, and no other field is."""
    if isinstance(schema, dict):
        assert isinstance(value, dict), place
        assert value.keys() == schema.keys(), place
        for key in schema:
            check(value[key], schema[key], f"{place}.{key}")
    elif isinstance(schema, list):
        assert isinstance(value, list) and value, place
        for number, item in enumerate(value):
            check(item, schema[0], f"{place}[{number}]")
    elif isinstance(schema, type):
        assert type(value) is schema, place
    else:
        assert value == schema, place


def test_the_jobset_has_the_fields_that_the_api_asks_for(tmp_path: Path) -> None:
    jobset = yaml.safe_load(render("k8s", folder=kubernetes_here(tmp_path)))
    check(jobset, JOBSET)
    (job,) = jobset["spec"]["replicatedJobs"]
    assert job["template"]["spec"]["completions"] == job["template"]["spec"]["parallelism"] == 2
    (container,) = job["template"]["spec"]["template"]["spec"]["containers"]
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in job["template"]["spec"]["template"]["spec"]["volumes"]} == mounts
    name = jobset["metadata"]["name"]
    assert len(f"{name}-node-0-0") <= 63  # a DNS label
    assert f'"head":"{name}-node-0-0.{name}"' in container["command"][-1]
    assert "--node-rank-from JOB_COMPLETION_INDEX" in " ".join(container["command"])


def test_a_project_outside_the_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"is not under mount_path /mnt/else; start the run where the volume"):
        render("k8s", folder=kubernetes_here(tmp_path, mount_path="/mnt/else"))


def test_the_command_prints_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cluster", "laptop"]) == 0
    assert "-m torch.distributed.run --nproc-per-node 2 --standalone" in capsys.readouterr().out
    assert main(["--cluster", "moon"]) == 2
    assert "there is no cluster 'moon'" in capsys.readouterr().err


def test_a_cluster_says_how_many_ranks_it_has() -> None:
    assert Cluster(processes_per_node=3, device="cpu", max_tokens_per_rank=1).num_ranks == 3
