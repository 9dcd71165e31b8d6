"""Nodes reached through remote shells and schedulers: tethers, first failures, reports; with shells and fakes only."""

import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra import node as node_entry
from infra.cluster import Cluster, Ssh
from infra.launch import LaunchError, build_launch, connections, run_ranks
from infra.launch.connections import HostCommand, run_on_hosts
from infra.launch.job import NodeJob
from infra.launch.node import ALIVE_LINE, END_PREFIX, NodeEnding
from infra.launch.plan import is_here
from infra.launch.remote_shell import fill

PROJECT = Path(__file__).resolve().parents[2]
WELL = f"echo '{END_PREFIX}" + '{"node_rank":0,"host":"x","status":0}' + "'"


def on(host: str, script: str, place: int = 0) -> HostCommand:
    return HostCommand(host, place, ["sh", "-c", script])


def test_hosts_that_report_a_good_end_end_well_and_are_heard() -> None:
    lines: list[str] = []
    endings = run_on_hosts([on("a", f"echo one; {WELL}"), on("b", f"echo {ALIVE_LINE}; {WELL}")], on_line=lines.append)
    assert [(ending.host, ending.status) for ending in endings] == [("a", 0), ("b", 0)]
    assert lines == ["one"]


def test_a_host_that_cannot_be_reached_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_LAST_WORDS_SECONDS", 0.5)
    started = time.monotonic()
    unreachable = on("b", "echo 'Permission denied (publickey).'; exit 255", 1)
    endings = run_on_hosts([on("a", "exec cat"), unreachable], on_line=lambda _: None)
    assert time.monotonic() - started < 30
    assert endings[0].was_stopped
    assert endings[1].words[0] == "Permission denied (publickey)."
    assert "the host cannot be reached, or the connection broke" in endings[1].words[1]


def test_a_host_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENCE_SECONDS", 1.0)
    (ending,) = run_on_hosts([on("a", "exec sleep 60")], on_line=lambda _: None)
    assert ending.words == ["no sign of life for 1 s: the host or the network to it is down"]


def test_a_missing_command_is_told_with_the_key_that_names_it() -> None:
    (ending,) = run_on_hosts([on("a", "exec no-such-python")], on_line=lambda _: None)
    assert (
        ending.words[-1]
        == "status 127: a command is missing there; the nodes' interpreter is `python` of the cluster's file"
    )


JOB = NodeJob(
    runner="torchrun",
    device="cpu",
    num_nodes=1,
    processes_per_node=1,
    threads_per_process=1,
    rank_argv=["spec.json"],
    log_folder=Path("/nowhere"),
)


def start_node(*arguments: str, job: NodeJob = JOB) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "infra.node", "--node-rank", "0", *arguments, job.model_dump_json()]
    return subprocess.Popen(argv, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_node_that_is_only_checked_says_what_is_missing() -> None:
    job = JOB.model_copy(update={"needed": [Path("/no/such/spec.json")]})
    process = start_node("--check", job=job)
    said, _ = process.communicate(timeout=60)
    ending = NodeEnding.model_validate_json(said.splitlines()[-1].removeprefix(END_PREFIX))
    assert process.returncode == ending.status == 78
    assert ending.problems == [
        "/no/such/spec.json is not on this node; mount the folder that the first node has, or set storage: node-local"
    ]


RUNNER = """
import sys
from infra.launch import node
node.runner_argv = lambda *_, **__: ["sh", "-c", "sleep 98765 & echo started; wait"]
from infra.node import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_node_whose_tether_ends_leaves_no_process(tmp_path: Path) -> None:
    job = JOB.model_copy(update={"log_folder": tmp_path})
    argv = [sys.executable, "-c", RUNNER, "--node-rank", "0", "--tethered", job.model_dump_json()]
    process = subprocess.Popen(argv, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "started\n"
    sleeping = subprocess.run(["pgrep", "-f", "^sleep 98765"], capture_output=True, text=True, check=True)
    process.stdin.close()  # what a killed launcher, or its connection, leaves
    assert process.wait(timeout=30) == 143
    assert not any(Path(f"/proc/{pid}").exists() for pid in sleeping.stdout.split())


def test_a_node_watches_the_way_to_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(node_entry, "HEAD_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(node_entry, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(os, "kill", lambda _pid, number: ended.append(number))
    problems: list[str] = []
    node_entry._watch_head("no-such-host.invalid", 29500, problems, is_up=True)
    assert ended == [15]
    assert problems == ["no connection to no-such-host.invalid:29500 for 0 s: the network to it is down"]


def test_only_this_machines_own_addresses_are_here() -> None:
    assert is_here("127.0.0.1") and is_here("me@127.0.0.1")
    assert not is_here("192.0.2.1") and not is_here("no-such-host.invalid")


def test_a_remote_shell_gets_host_and_command_as_words() -> None:
    words = fill(("gcloud", "ssh", "{host}", "--command", "{command}"), host="a", command="echo 'b c'")
    assert words == ["gcloud", "ssh", "a", "--command", "echo 'b c'"]


def two_nodes(**changes: object) -> Cluster:
    shell = Ssh(remote_shell=("sh", "-c", "{command}", "{host}"))
    base = {"num_nodes": 2, "processes_per_node": 1, "device": "cpu", "max_tokens_per_rank": 64}
    return Cluster.model_validate(
        {**base, "launcher": "ssh", "hosts": ["192.0.2.1", "192.0.2.2"], "ssh": shell, **changes}
    )


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        cluster = two_nodes(port=other.getsockname()[1])
        with pytest.raises(LaunchError, match=r"training was not started:\n192.0.2.1: port \d+, .* is in use"):
            run_ranks(cluster, rank_argv=["spec.json"], log_folder=tmp_path / "ranks")
    assert list((tmp_path / "ranks").iterdir()) == []


def test_node_local_storage_asks_to_be_started_on_the_first_host(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"started on its first host, 192.0.2.1, whose disk keeps the model"):
        run_ranks(two_nodes(storage="node-local"), rank_argv=["s"], log_folder=tmp_path / "ranks")


def fake(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


SLURM = Cluster(num_nodes=2, processes_per_node=4, device="cuda", launcher="slurm", max_tokens_per_rank=64)


def report(place: int, **how: object) -> str:
    ending = NodeEnding.model_validate({"node_rank": place, "host": f"n{place}", "status": 0, **how})
    return f"echo {shlex.quote(END_PREFIX + ending.model_dump_json())}"


def test_slurm_is_asked_for_nodes_only_outside_an_allocation() -> None:
    outside = build_launch(SLURM, rank_argv=["s"], log_folder=Path("r"), environment={}).commands[0].argv
    inside = (
        build_launch(SLURM, rank_argv=["s"], log_folder=Path("r"), environment={"SLURM_JOB_ID": "7"}).commands[0].argv
    )
    assert "--exclusive" in outside and "--exclusive" not in inside
    assert {"srun", "--nodes=2", "--gpus-per-node=4", "--kill-on-bad-exit=1"} <= set(inside)
    assert "--export=HOME,LANG,LOGNAME,PATH,TMPDIR,USER" in inside
    assert 'scontrol show hostnames "$SLURM_STEP_NODELIST"' in inside[-1]


def test_srun_ends_well_when_all_nodes_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "srun", f"echo step 1; {report(0)}; {report(1)}", monkeypatch)
    lines: list[str] = []
    run_ranks(SLURM, rank_argv=["s"], log_folder=tmp_path / "ranks", on_line=lines.append)
    assert lines == ["step 1"]


def test_a_rank_that_dies_under_srun_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "srun", f"{report(1, status=1, rank=5, code=-9)}; echo 'srun: error: n1'; exit 1", monkeypatch)
    with pytest.raises(LaunchError, match="training rank 5 ended with exit code -9"):
        run_ranks(SLURM, rank_argv=["s"], log_folder=tmp_path / "ranks")


def test_an_srun_that_ends_well_without_all_nodes_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "srun", report(0), monkeypatch)
    with pytest.raises(LaunchError, match="only 1 of 2 nodes reported"):
        run_ranks(SLURM, rank_argv=["s"], log_folder=tmp_path / "ranks")


KUBECTL = """
echo "$@" >> {folder}/asked
case "$*" in
  *"get jobset"*) echo '{{"status": {{"conditions": [{{"type": "{end}", "status": "True", "message": "m"}}]}}}}';;
  *"get pods"*) echo '{{"items": [{{"metadata": {{"name": "p-0"}}, "status": {{"phase": "Running"}}}}]}}';;
  *"logs --follow p-0"*) echo step 1; {said};;
esac
"""


def kubernetes(tmp_path: Path) -> Cluster:
    section = {"image": "i", "volume_claim": "c", "mount_path": "/", "namespace": "research"}
    base = {"num_nodes": 2, "processes_per_node": 8, "device": "cuda", "max_tokens_per_rank": 64}
    return Cluster.model_validate({**base, "launcher": "kubernetes", "kubernetes": section})


def test_a_jobset_is_applied_followed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = KUBECTL.format(folder=tmp_path, end="Completed", said=f"{report(0)}; {report(1)}")
    fake(tmp_path, "kubectl", script, monkeypatch)
    lines: list[str] = []
    run_ranks(kubernetes(tmp_path), rank_argv=["s"], log_folder=tmp_path / "ranks", on_line=lines.append)
    assert lines == ["step 1"]
    asked = [line.split()[2] for line in (tmp_path / "asked").read_text().splitlines()]
    assert asked[:2] == ["delete", "apply"] and asked[-1] == "delete"
    assert all(line.startswith("--namespace research ") for line in (tmp_path / "asked").read_text().splitlines())


def test_a_jobset_that_fails_is_told_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = report(1, status=1, rank=9, code=1, words=["step 3: not a number"])
    fake(tmp_path, "kubectl", KUBECTL.format(folder=tmp_path, end="Failed", said=said), monkeypatch)
    with pytest.raises(LaunchError, match=r"training rank 9 ended with exit code 1(.|\n)*step 3: not a number"):
        run_ranks(kubernetes(tmp_path), rank_argv=["s"], log_folder=tmp_path / "ranks")
    assert (tmp_path / "asked").read_text().splitlines()[-1].split()[2] == "delete"


def test_a_command_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaunchError, match="launcher slurm needs the command 'srun', which is not on PATH here"):
        run_ranks(SLURM, rank_argv=["s"], log_folder=tmp_path / "ranks")
