"""Two hosts on one machine: own network addresses, processes and mounts, joined by a cable that can be pulled.

Each host is a process that is the first of namespaces of its own; killing it kills the host with all that runs there.
"""

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_NUMBERS = itertools.count(os.getpid() % 60 * 4)
_FIRST_PROCESS = (
    "import signal, os\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nprint('up', flush=True)\nsignal.pause()\n"
)


@dataclass(frozen=True)
class Host:
    """One of the two."""

    address: str
    link: str
    pid: int
    """Of its first process, as seen from outside."""

    def argv(self, *argv: str) -> list[str]:
        return ["nsenter", "--target", str(self.pid), "--net", "--pid", "--mount", "--uts", *argv]

    def run(self, *argv: str) -> str:
        return subprocess.run(self.argv(*argv), check=True, capture_output=True, text=True).stdout

    def kill(self) -> None:
        os.kill(self.pid, 9)

    def pull_cable(self) -> None:
        self.run("ip", "link", "set", self.link, "down")

    def pythons(self) -> list[str]:
        """Command lines of the Python processes that run there, but for the first."""
        lines = self.run("ps", "-eo", "pid,args").splitlines()
        return [line for line in lines if "python" in line and line.split()[0] != "1"]


@dataclass(frozen=True)
class TwoHosts:
    first: Host
    second: Host
    remote_shell: tuple[str, ...]
    """For the cluster's file, where no sshd is wanted."""


@contextmanager
def two_hosts(folder: Path) -> Iterator[TwoHosts]:
    """Make two hosts; skips the test where namespaces cannot be made."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("two hosts on one machine ask for Linux and root")
    number = next(_NUMBERS)
    hosts: list[Host] = []
    processes = []
    try:
        for place in (1, 2):
            argv = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--uts"]
            process = subprocess.Popen(
                [*argv, sys.executable, "-c", _FIRST_PROCESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            processes.append(process)
            assert process.stdout is not None and process.stderr is not None
            if process.stdout.readline() != "up\n":
                pytest.skip(f"namespaces cannot be made here: {process.stderr.read().strip()}")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            hosts.append(Host(f"10.77.{number % 250}.{place}", f"s1v{number}x{place}", int(children[0])))
        _join(*hosts)
        yield TwoHosts(hosts[0], hosts[1], _remote_shell(folder, hosts))
    finally:
        for host in hosts:
            with contextlib.suppress(ProcessLookupError):
                host.kill()
        for process in processes:
            process.kill()
            process.wait()


def _join(first: Host, second: Host) -> None:
    """A cable between the two; the root namespace has no end of it."""
    ip = ["ip", "link"]
    subprocess.run([*ip, "add", first.link, "type", "veth", "peer", "name", second.link], check=True)
    for place, host in enumerate((first, second)):
        subprocess.run([*ip, "set", host.link, "netns", str(host.pid)], check=True)
        host.run("hostname", f"host-{'ab'[place]}")
        host.run("ip", "addr", "add", f"{host.address}/24", "dev", host.link)
        host.run("ip", "link", "set", host.link, "up")
        host.run("ip", "link", "set", "lo", "up")
        # Their clocks and files are this machine's; only /dev/shm is not shared, as on real hosts.
        host.run("mount", "-t", "tmpfs", "none", "/dev/shm")


def _remote_shell(folder: Path, hosts: list[Host]) -> tuple[str, ...]:
    cases = "".join(f"{host.address}) pid={host.pid};;\n" for host in hosts)
    script = folder / "remote_shell"
    enter = 'exec nsenter --target "$pid" --net --pid --mount --uts sh -c "$2"'
    script.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}esac\n{enter}\n')
    script.chmod(0o755)
    return (str(script), "{host}", "{command}")


def wait_until_empty(host: Host, seconds: float = 30.0) -> None:
    """Fail unless no Python of a run is left on a host."""
    deadline = time.monotonic() + seconds
    while left := host.pythons():
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
