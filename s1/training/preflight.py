"""What is checked on each node in seconds before a run costs anything: torch, driver, GPUs, the port.

Knows torch and sockets; does not know clusters or launchers. Problems are sentences that say what to change.

Example::

    find_problems(read_device_facts(), device="cuda", processes_per_node=8)
    # ['this node has 4 usable GPUs for processes_per_node 8; lower it, or free the others (…)']
"""

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What torch says about a node's GPUs."""

    torch_version: str
    cuda_version: str | None
    """CUDA that torch was built with; None: built for CPUs."""
    num_devices: int
    error: str | None = None
    """Why CUDA does not start, in torch's words."""
    capabilities: tuple[str, ...] = ()
    """Compute capability of each device, such as ``sm_90``."""
    built_for: tuple[str, ...] = ()
    """Capabilities that torch was built for."""


def read_device_facts() -> DeviceFacts:
    """Ask torch; the first use of CUDA takes some seconds and some memory of the first GPU."""
    import torch

    version, cuda = torch.__version__, torch.version.cuda
    if cuda is None:
        return DeviceFacts(version, None, 0)
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        count = torch.cuda.device_count()
        pairs = [torch.cuda.get_device_capability(index) for index in range(count)]
    except (RuntimeError, AssertionError) as error:
        return DeviceFacts(version, cuda, 0, error=str(error).split("\n")[0])
    names = tuple(f"sm_{major}{minor}" for major, minor in pairs)
    return DeviceFacts(version, cuda, count, capabilities=names, built_for=tuple(torch.cuda.get_arch_list()))


def ask_for_device_facts() -> DeviceFacts:
    """Have another process ask torch: what CUDA takes of a GPU's memory is given back when that process ends.

    Raises:
        RuntimeError: torch cannot be imported; the message holds the last lines.
    """
    argv = [sys.executable, "-m", "s1.training.preflight"]
    result = subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"torch cannot be used on this node:\n{result.stderr[-2000:]}")
    facts = json.loads(result.stdout.splitlines()[-1])
    return DeviceFacts(
        **{**facts, "capabilities": tuple(facts["capabilities"]), "built_for": tuple(facts["built_for"])}
    )


def find_problems(
    facts: DeviceFacts, *, device: str, processes_per_node: int, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """What keeps a node from running its ranks; empty: nothing."""
    if device == "cpu":
        return []
    if facts.cuda_version is None:
        return [
            f"torch {facts.torch_version} is built without CUDA; install a CUDA build of it on this node "
            "(pip install torch, without the CPU index), or set device: cpu"
        ]
    if facts.error is not None:
        return [
            f"torch {facts.torch_version} (CUDA {facts.cuda_version}) cannot use this node's GPUs: {facts.error}. "
            f"Update the NVIDIA driver to one for CUDA {facts.cuda_version}, or install a torch built for the driver "
            "(`nvidia-smi` shows the newest CUDA that it takes)"
        ]
    if facts.num_devices < processes_per_node:
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        how = "CUDA_VISIBLE_DEVICES is unset" if visible is None else f"CUDA_VISIBLE_DEVICES is {visible!r}"
        return [
            f"this node has {facts.num_devices} usable GPUs for processes_per_node {processes_per_node}; lower it, or "
            f"free the others ({how})"
        ]
    # Code for 9.0 runs on every later 9.x device; torch's list holds majors that way.
    majors = {name.rstrip("a").removeprefix("sm_")[:-1] for name in facts.built_for if name.startswith("sm_")}
    old = sorted({name for name in facts.capabilities if name.removeprefix("sm_")[:-1] not in majors})
    if old and majors:
        return [
            f"torch {facts.torch_version} has no code for this node's GPUs ({', '.join(old)}; it has "
            f"{', '.join(facts.built_for)}); install another build of torch"
        ]
    return []


def find_port_problem(port: int, *, address: str = "") -> str | None:
    """Whether the port where ranks meet is taken on this node."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port of a run that just ended is free
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"port {port}, where the nodes meet, is in use on this node, perhaps by another run; set another "
                    "port in the cluster's file"
                )
            raise
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(read_device_facts())) + "\n")
