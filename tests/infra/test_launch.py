"""The ranks of one node: their command, their environment, and what is said when they die."""

import json
import os
import sys
from pathlib import Path

import pytest

from infra.cluster import Cluster
from infra.launch import LaunchError, explaining, node, run_ranks
from infra.launch.job import NodeJob, build_env, environment_for_others, make_job
from infra.launch.node import NodeEnding, run_node
from infra.launch.runners import LostRank, find_lost_rank, runner_argv

LAPTOP = Cluster(processes_per_node=2, device="cpu", max_tokens_per_rank=4096)
TWO_NODES = Cluster(
    num_nodes=2,
    processes_per_node=8,
    device="cuda",
    launcher="ssh",
    hosts=["me@node-a", "node-b"],
    max_tokens_per_rank=16384,
)
ROOT_CAUSE = """
W1122 12:00:00.000000 1 torch/distributed/elastic/multiprocessing/api.py:1002] Sending process 12 closing signal SIGTERM
E1122 12:00:00.000000 1 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: {code})
Root Cause (first observed failure):
[0]:
  time      : 2026-01-01_00:00:00
  host      : localhost
  rank      : {rank} (local_rank: {rank})
  exitcode  : {code} (pid: 4711)
"""


def job_of(cluster: Cluster, folder: Path = Path("ranks")) -> NodeJob:
    return make_job(cluster, rank_argv=["spec.json"], log_folder=folder, base={})


def test_one_node_finds_its_own_port_without_looking_names_up() -> None:
    argv = runner_argv(job_of(LAPTOP), node_rank=0, log_folder=Path("ranks"))
    assert argv[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert " ".join(argv[3:]) == "--nproc-per-node 2 --standalone --local-addr 127.0.0.1 -m infra.rank spec.json"


def test_two_nodes_meet_on_the_first_host() -> None:
    argv = runner_argv(job_of(TWO_NODES), node_rank=1, log_folder=Path("ranks"), local_address="10.0.0.2")
    assert " ".join(argv[3:]) == (
        "--nproc-per-node 8 --nnodes 2 --node-rank 1 --master-addr node-a --master-port 29500 --local-addr 10.0.0.2 "
        "-m infra.rank spec.json"
    )


def test_deepspeeds_launcher_is_told_hosts_and_place_and_uses_no_ssh(tmp_path: Path) -> None:
    cluster = TWO_NODES.model_copy(update={"runner": "deepspeed"})
    argv = runner_argv(job_of(cluster), node_rank=1, log_folder=tmp_path)
    assert " ".join(argv[2:]) == (
        f"deepspeed.launcher.runner --hostfile {tmp_path}/hostfile --no_ssh --node_rank 1 --master_addr node-a "
        "--master_port 29500 --no_local_rank --log_level warning --module infra.rank spec.json"
    )
    assert (tmp_path / "hostfile").read_text() == "node-0 slots=8\nnode-1 slots=8\n"


def test_cpu_ranks_get_gloo_on_the_loopback_and_their_threads() -> None:
    env = build_env(job_of(LAPTOP), base={"HOME": "/home/a", "PYTHONPATH": "lib"})
    assert env["HOME"] == "/home/a"
    assert env["DS_ACCELERATOR"] == "cpu"
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["GLOO_SOCKET_IFNAME"] in ("lo", "lo0")
    assert env["PYTHONPATH"].endswith(":lib")
    assert "DS_ACCELERATOR" not in build_env(job_of(TWO_NODES), base={})


def test_ranks_wait_for_each_other_as_long_as_the_cluster_says() -> None:
    cluster = LAPTOP.model_copy(update={"collective_timeout_minutes": 4})
    assert build_env(job_of(cluster), base={})["DEEPSPEED_TIMEOUT"] == "4"
    assert build_env(job_of(cluster), base={"DEEPSPEED_TIMEOUT": "30"})["DEEPSPEED_TIMEOUT"] == "30"


def test_gpus_memory_grows_in_blocks_unless_somebody_decided() -> None:
    name = "PYTORCH_CUDA_ALLOC_CONF"
    gpus = job_of(TWO_NODES.model_copy(update={"device": "cuda"}))
    assert build_env(gpus, base={})[name] == "expandable_segments:True"
    assert build_env(gpus, base={name: "backend:native"})[name] == "backend:native"
    assert name not in build_env(gpus, base={"PYTORCH_ALLOC_CONF": "backend:native"})
    assert name not in build_env(job_of(LAPTOP), base={})


def test_a_named_interface_is_gloos_and_nccls() -> None:
    env = build_env(job_of(TWO_NODES.model_copy(update={"interface": "ens5"})), base={}, interface="eth0")
    assert (env["GLOO_SOCKET_IFNAME"], env["NCCL_SOCKET_IFNAME"]) == ("ens5", "ens5")
    assert build_env(job_of(TWO_NODES), base={}, interface="eth0")["GLOO_SOCKET_IFNAME"] == "eth0"


def test_other_nodes_get_what_ranks_need_and_no_secret() -> None:
    here = {
        "NCCL_DEBUG": "WARN",
        "HF_HOME": "/cache",
        "HF_TOKEN": "hf_12345678",
        "HF_ENDPOINT": "https://me:password1@hub.example",
        "GEMINI_API_KEY": "k" * 20,
        "CUDA_VISIBLE_DEVICES": "0",
        "SHELL": "/bin/sh",
    }
    assert environment_for_others(here) == {"HF_HOME": "/cache", "NCCL_DEBUG": "WARN"}


def fake_runner(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "runner_argv", lambda *_, **__: ["sh", "-c", script])


WELL = 'for r in 0 1; do echo \'{"code": 0, "time": 1}\' > $S1_RANK_FOLDER/rank-$r.json; done'


def test_lines_are_passed_on_while_ranks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runner(f"echo step 1; echo step 2; {WELL}", monkeypatch)
    lines: list[str] = []
    run_ranks(LAPTOP, rank_argv=["spec.json"], log_folder=tmp_path / "ranks", on_line=lines.append)
    assert lines == ["step 1", "step 2"]


def test_a_failed_launch_raises_with_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runner("echo boom; exit 4", monkeypatch)
    with pytest.raises(LaunchError, match="status 4 before any rank reported a failure:\nboom"):
        run_ranks(LAPTOP, rank_argv=["spec.json"], log_folder=tmp_path / "ranks")


def test_a_runner_that_ends_well_though_a_rank_never_finished_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DeepSpeed's runner ends with status 0 when the launcher under it is killed."""
    fake_runner('echo \'{"code": 0, "time": 1}\' > $S1_RANK_FOLDER/rank-0.json', monkeypatch)
    with pytest.raises(LaunchError, match="training rank 1 never finished, though its launcher ended"):
        run_ranks(LAPTOP, rank_argv=["spec.json"], log_folder=tmp_path / "ranks")


def test_a_dead_rank_is_named_with_its_own_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "echo 'step 3: not a number' > $S1_RANK_FOLDER/rank-1.log"
    fake_runner(f"{words}; cat <<'EOF'\n{ROOT_CAUSE.format(code=1, rank=1)}EOF\nexit 1", monkeypatch)
    with pytest.raises(LaunchError) as error:
        run_ranks(LAPTOP, rank_argv=["spec.json"], log_folder=tmp_path / "ranks")
    assert str(error.value) == (
        "training rank 1 ended with exit code 1. Finished checkpoints are kept; run again to continue once the cause "
        "below is mended.\nIts last lines:\nstep 3: not a number"
    )


def test_the_first_ranks_last_words_are_without_the_runners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runner(f"echo spoken; cat <<'EOF'{ROOT_CAUSE.format(code=-9, rank=0)}EOF\nexit 1", monkeypatch)
    ending = run_node(job_of(LAPTOP, tmp_path), node_rank=0, on_line=lambda _: None)
    assert (ending.rank, ending.code, ending.words) == (0, -9, ["spoken"])


def test_deepspeeds_killed_rank_is_the_one_without_a_note(tmp_path: Path) -> None:
    job = job_of(LAPTOP.model_copy(update={"runner": "deepspeed"}), tmp_path)
    (tmp_path / "rank-0.json").write_text(json.dumps({"code": 1, "time": 5.0}))
    assert find_lost_rank(job, node_rank=0, status=247, output="", log_folder=tmp_path) == LostRank(1, -9)


def test_deepspeeds_failed_rank_is_the_first_that_ended_badly(tmp_path: Path) -> None:
    job = job_of(LAPTOP.model_copy(update={"runner": "deepspeed"}), tmp_path)
    (tmp_path / "rank-0.json").write_text(json.dumps({"code": 1, "time": 5.0}))
    (tmp_path / "rank-1.json").write_text(json.dumps({"code": 3, "time": 4.0}))
    assert find_lost_rank(job, node_rank=0, status=1, output="", log_folder=tmp_path) == LostRank(1, 3)


def ended(host: str, **how: object) -> NodeEnding:
    return NodeEnding.model_validate({"node_rank": 0, "host": host, "status": 1, **how})


def test_the_killed_rank_is_the_reason_not_those_that_lost_it() -> None:
    follower = ended("a", rank=0, code=1, words=["RuntimeError: Connection closed by peer [10.0.0.2]:1"])
    message = explaining.explain([follower, ended("b", rank=9, code=-9)])
    assert message.startswith(
        "training rank 9 on b ended with exit code -9. Most often memory ran out: lower max_tokens"
    )
    assert message.endswith("(it wrote nothing)")


def test_an_error_is_the_reason_not_the_rank_that_nccl_aborted_for_it() -> None:
    aborted = ended("a", rank=1, code=-6, words=["NCCL error: remote process exited or there was a network error"])
    failed = ended("b", rank=9, code=1, words=["step 12: out of memory"])
    assert explaining.explain([aborted, failed]).startswith("training rank 9 on b ended with exit code 1.")
    assert "raise collective_timeout_minutes in the cluster's file. Finished" in explaining.explain([aborted])


def test_a_lost_host_is_the_reason_not_the_ranks_that_lost_it() -> None:
    follower = ended("a", rank=0, code=1, words=["RuntimeError: Connection closed by peer [10.0.0.2]:1"])
    message = explaining.explain([follower, ended("b", status=255, words=["no sign of life for 30 s"])])
    assert message.startswith("b was lost: no sign of life for 30 s")


def test_an_error_is_the_reason_not_the_rank_that_waited_for_it() -> None:
    follower = ended("a", rank=0, code=1, words=["RuntimeError: Connection reset by peer"])
    cause = ended("b", rank=1, code=1, words=["step 4: the loss is not a number"])
    assert explaining.explain([follower, cause]).endswith("step 4: the loss is not a number")


def test_a_stopped_host_is_never_the_reason() -> None:
    stopped = ended("a", status=255, was_stopped=True)
    assert explaining.explain([stopped, ended("b", rank=1, code=2, words=["broken"])]).endswith("broken")


def test_all_refusals_are_told_at_once() -> None:
    refusals = [ended("a", problems=["no GPU"]), ended("b", problems=["port in use"])]
    assert explaining.explain(refusals) == "training was not started:\na: no GPU\nb: port in use"


def test_a_missing_gpu_is_refused_before_ranks_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This project's tests run where torch is built without CUDA or finds no GPU."""
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", "")
    cluster = LAPTOP.model_copy(update={"device": "cuda"})
    with pytest.raises(LaunchError, match=r"training was not started:\n.*(without CUDA|cannot use|has 0 usable GPUs)"):
        run_ranks(cluster, rank_argv=["spec.json"], log_folder=tmp_path / "ranks")


@pytest.mark.slow
def test_deepspeeds_own_launcher_runs_ranks_of_which_the_first_alone_speaks(tmp_path: Path) -> None:
    cluster = LAPTOP.model_copy(update={"runner": "deepspeed"})
    report = tmp_path / "network.json"
    lines: list[str] = []
    run_ranks(
        cluster, rank_argv=["--bandwidth", str(report), "0.1"], log_folder=tmp_path / "ranks", on_line=lines.append
    )
    measured = json.loads(report.read_text())
    assert (measured["world_size"], measured["ranks_per_node"]) == (2, 2)
    assert measured["in_node_gbits_per_rank"] > 0 and measured["across_nodes_gbits_per_rank"] is None
    assert sum("measuring all-gathers" in line for line in lines) == 1
