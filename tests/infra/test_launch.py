"""The launcher's command, its environment, and what it says when ranks die."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra import launch as launching
from infra.cluster import Cluster, ClusterError, load_cluster
from infra.launch import LaunchError, build_argv, build_env, explain_failure, launch

LAPTOP = Cluster(processes_per_node=2, device="cpu", max_micro_batch_tokens=4096)
TWO_NODES = Cluster(
    num_nodes=2, processes_per_node=8, device="cuda", hosts=["node-a", "node-b"], max_micro_batch_tokens=16384
)
ROOT_CAUSE = """
Root Cause (first observed failure):
[0]:
  time      : 2026-01-01_00:00:00
  host      : localhost
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 4711)
"""


def test_one_node_finds_its_own_port_without_looking_names_up() -> None:
    argv = build_argv(LAPTOP, spec_file=Path("spec.json"), log_folder=Path("ranks"))
    assert argv[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert " ".join(argv[3:]) == (
        "--nproc-per-node 2 --standalone --local-addr 127.0.0.1 --log-dir ranks --tee 3 --local-ranks-filter 0 "
        "-m infra.rank spec.json"
    )


def test_two_nodes_meet_on_the_first_host() -> None:
    argv = build_argv(TWO_NODES, spec_file=Path("spec.json"), log_folder=Path("ranks"), node_rank=1)
    assert " ".join(argv[3:]) == (
        "--nproc-per-node 8 --nnodes 2 --node-rank 1 --master-addr node-a --master-port 29500 --log-dir ranks "
        "--tee 3 --local-ranks-filter 0 -m infra.rank spec.json"
    )


def test_cpu_ranks_get_gloo_on_the_loopback_and_their_threads() -> None:
    env = build_env(LAPTOP, base={"HOME": "/home/a", "PYTHONPATH": "lib"})
    assert env["HOME"] == "/home/a"
    assert env["DS_ACCELERATOR"] == "cpu"
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["GLOO_SOCKET_IFNAME"] in ("lo", "lo0")
    assert env["PYTHONPATH"].endswith(":lib")
    assert "DS_ACCELERATOR" not in build_env(TWO_NODES, base={})


def test_the_committed_laptop_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S1_CLUSTER", raising=False)
    assert load_cluster() == load_cluster("laptop")
    assert load_cluster().num_ranks == 2


def test_the_environment_chooses_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text("processes_per_node: 1\ndevice: cpu\nmax_micro_batch_tokens: 64\n")
    monkeypatch.setenv("S1_CLUSTER", "one")
    assert load_cluster(folder=tmp_path).num_ranks == 1


def test_an_unknown_cluster_is_refused_with_those_there_are() -> None:
    with pytest.raises(ClusterError, match=r"S1_CLUSTER is 'moon'.*there are: .*laptop"):
        load_cluster("moon")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("processes_per_node: 2\ndevice: tpu\nmax_micro_batch_tokens: 64\n", r"bad.yaml, device: "),
        ("processes_per_node: 2\ndevice: cpu\nmax_micro_batch_tokens: 64\nnodes: 2\n", r"bad.yaml, nodes: "),
        ("num_nodes: 2\nprocesses_per_node: 2\ndevice: cpu\nmax_micro_batch_tokens: 64\n", "names 0 hosts"),
        ("{", "bad.yaml is not valid YAML"),
    ],
)
def test_a_wrong_cluster_file_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ClusterError, match=message):
        load_cluster("bad", folder=tmp_path)


def test_a_dead_rank_is_named_with_its_last_words(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "attempt_0" / "1"
    folder.mkdir(parents=True)
    (folder / "stderr.log").write_text("before\nstep 3: the loss is not a number\n")
    message = explain_failure(ROOT_CAUSE.format(code=1), status=1, log_folder=tmp_path)
    assert message.startswith("training rank 1 ended with exit code 1. Finished checkpoints are kept")
    assert message.endswith("before\nstep 3: the loss is not a number")


def test_a_killed_rank_comes_with_advice_on_memory(tmp_path: Path) -> None:
    message = explain_failure(ROOT_CAUSE.format(code=-9), status=1, log_folder=tmp_path)
    assert "lower max_micro_batch_tokens" in message
    assert message.endswith("(it wrote nothing)")


def test_a_launcher_that_fails_before_its_ranks_shows_its_own_words(tmp_path: Path) -> None:
    message = explain_failure("no module named torch", status=1, log_folder=tmp_path)
    assert (
        message
        == "the training launcher ended with status 1 before any rank reported a failure:\nno module named torch"
    )


def fake_launcher(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "build_argv", lambda *_, **__: ["sh", "-c", script])


def test_lines_are_passed_on_while_ranks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_launcher("echo step 1; echo step 2", monkeypatch)
    lines: list[str] = []
    launch(LAPTOP, spec_file=tmp_path / "spec.json", log_folder=tmp_path / "ranks", on_line=lines.append)
    assert lines == ["step 1", "step 2"]


def test_a_failed_launch_raises_with_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_launcher("echo boom; exit 4", monkeypatch)
    with pytest.raises(LaunchError, match="status 4(.|\n)*boom"):
        launch(LAPTOP, spec_file=tmp_path / "spec.json", log_folder=tmp_path / "ranks")


def test_the_launchers_options_exist_in_the_installed_torch() -> None:
    argv = build_argv(TWO_NODES, spec_file=Path("spec.json"), log_folder=Path("ranks"))
    argv += build_argv(LAPTOP, spec_file=Path("spec.json"), log_folder=Path("ranks"))
    shown = subprocess.run([*argv[:3], "--help"], capture_output=True, text=True, check=True).stdout
    # "--nproc-per-node" and the like; the same words with underscores are listed as well.
    assert all(option in shown for option in argv if option.startswith("--"))
