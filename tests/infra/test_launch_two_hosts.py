"""Two hosts with addresses, processes and disks of their own: one model out of both, and none left when one goes."""

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest
import torch
from transformers import AutoModelForCausalLM

from infra.cluster import SSH, Cluster
from infra.launch import LaunchError, launch, run_ranks
from s1.training.spec import TrainSpec
from tests.infra.two_hosts import Host, TwoHosts, two_hosts, wait_until_empty
from tests.training.tiny import PARAMS, make_spec

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[2]
ZERO_3 = PARAMS.model_copy(update={"zero_stage": 3, "num_epochs": 1})
SSHD = which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def weights(spec: TrainSpec) -> dict[str, torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(spec.output_folder, dtype=torch.float32)
    state: dict[str, torch.Tensor] = model.state_dict()
    return state


def write(spec: TrainSpec) -> Path:
    spec.run_folder.mkdir(parents=True)
    file = spec.run_folder / "spec.json"
    file.write_text(spec.model_dump_json())
    return file


def cluster_of(hosts: TwoHosts, **changes: object) -> Cluster:
    addresses = [hosts.first.address, hosts.second.address]
    base = {"num_nodes": 2, "processes_per_node": 1, "device": "cpu", "max_tokens_per_rank": 40, "launcher": "ssh"}
    return Cluster.model_validate({**base, "hosts": addresses, "ssh": {"remote_shell": hosts.remote_shell}, **changes})


@pytest.fixture(scope="module")
def on_one_host(tmp_path_factory: pytest.TempPathFactory) -> TrainSpec:
    """Two ranks of one host, as the other tests' layout but for the hosts."""
    spec = make_spec(tmp_path_factory.mktemp("one"), train=ZERO_3)
    one = Cluster(processes_per_node=2, device="cpu", max_tokens_per_rank=40)
    launch(one, spec_file=write(spec), log_folder=spec.run_folder / "ranks", on_line=lambda _: None)
    return spec


def assert_equal(spec: TrainSpec, expected: TrainSpec) -> None:
    actual, wanted = weights(spec), weights(expected)
    assert actual.keys() == wanted.keys()
    assert all(torch.equal(actual[name], wanted[name]) for name in wanted)


def test_zero_3_over_two_hosts_makes_the_model_of_one_host_bit_for_bit(tmp_path: Path, on_one_host: TrainSpec) -> None:
    spec = make_spec(tmp_path, train=ZERO_3)
    lines: list[str] = []
    with two_hosts(tmp_path) as hosts:
        launch(cluster_of(hosts), spec_file=write(spec), log_folder=spec.run_folder / "ranks", on_line=lines.append)
        wait_until_empty(hosts.first)
        wait_until_empty(hosts.second)
    assert_equal(spec, on_one_host)
    assert sum("step 1 of" in line for line in lines) == 1  # rank 0 alone speaks


def start_sshd(host: Host, folder: Path) -> tuple[str, ...]:
    """A real sshd on a host; returns the remote shell that reaches it."""
    assert SSHD is not None
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    config = folder / "sshd_config"
    config.write_text(
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {folder}/key.pub\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin yes\nPidFile none\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    host.run(SSHD, "-f", str(config), "-E", str(folder / "sshd.log"))
    known = ["-F", "none", "-i", str(folder / "key"), "-o", "StrictHostKeyChecking=no"]
    return ("ssh", *known, "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", *SSH[1:])


def hide(host: Host, *folders: Path) -> None:
    """Give a host empty folders of its own where the other has the project's and the run's."""
    for folder in folders:
        host.run("mount", "-t", "tmpfs", "none", str(folder))


@pytest.mark.skipif(SSHD is None or which("rsync") is None, reason="asks for sshd and rsync")
def test_by_ssh_and_with_disks_of_their_own_hosts_make_the_same_model(tmp_path: Path, on_one_host: TrainSpec) -> None:
    run = tmp_path / "run"
    run.mkdir()
    spec = make_spec(run, train=ZERO_3).model_copy(update={"storage": "node-local"})
    file = write(spec)
    with two_hosts(tmp_path) as hosts:
        shell = start_sshd(hosts.second, tmp_path)
        hide(hosts.second, run, PROJECT / "s1", PROJECT / "infra")
        cluster = cluster_of(hosts, storage="node-local", ssh={"remote_shell": shell})
        driver = [sys.executable, "-m", "tests.infra.launch_driver", cluster.model_dump_json(), str(file)]
        command = f"cd {shlex.quote(str(PROJECT))} && exec {shlex.join(driver)}"
        result = subprocess.run(
            hosts.first.argv("sh", "-c", command), capture_output=True, text=True, check=False, timeout=200
        )
        assert result.returncode == 0, result.stdout + result.stderr
        shards = "find {} -name '*optim_states.pt'"
        there = hosts.second.run("sh", "-c", shards.format(spec.checkpoint_folder)).split()
        wait_until_empty(hosts.second)
    here = [str(path) for path in spec.checkpoint_folder.rglob("*optim_states.pt")]
    assert len(there) == len(here) > 0
    assert not set(there) & set(here)  # each host keeps its own rank's states
    assert_equal(spec, on_one_host)


def launch_and_disturb(hosts: TwoHosts, folder: Path, disturb: Callable[[], None]) -> tuple[str, float]:
    """Run ranks for minutes, disturb them once all are at work; what was said, and how long it took to say it."""
    began: list[float] = []

    def act() -> None:
        began.append(time.monotonic())
        disturb()

    def follow(line: str) -> None:
        if "measuring all-gathers" in line:
            threading.Timer(1.0, act).start()

    with pytest.raises(LaunchError) as error:
        run_ranks(
            cluster_of(hosts),
            rank_argv=["--bandwidth", str(folder / "network.json"), "300"],
            log_folder=folder / "ranks",
            on_line=follow,
        )
    seconds = time.monotonic() - began[0]
    print(f"until the end of the run: {seconds:.1f} s")  # noqa: T201 (docs/clusters.md quotes it)
    return str(error.value), seconds


def test_a_killed_host_ends_the_run_within_a_minute(tmp_path: Path) -> None:
    with two_hosts(tmp_path) as hosts:
        message, seconds = launch_and_disturb(hosts, tmp_path, hosts.second.kill)
        assert message.startswith(f"{hosts.second.address} was lost: ")
        assert "or the host went down" in message
        assert seconds < 60
        wait_until_empty(hosts.first)


def test_a_cut_network_ends_the_run_within_a_minute_on_both_sides(tmp_path: Path) -> None:
    with two_hosts(tmp_path) as hosts:
        message, seconds = launch_and_disturb(hosts, tmp_path, hosts.first.pull_cable)
        assert "no connection to" in message and "the network to it is down" in message
        assert seconds < 60
        wait_until_empty(hosts.first)
        wait_until_empty(hosts.second)
