"""Ranks of a training run as forked processes: real workers without a launcher, in a second instead of ten."""

import multiprocessing
import os
import resource
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from s1.training.spec import TrainSpec

_TIMEOUT_SECONDS = 120.0
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(
    ["deepspeed.runtime.zero.muon.muon_optimizer", "transformers.models.qwen2.modeling_qwen2", "s1.training.worker"]
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How all ranks of a run ended."""

    statuses: list[int | None]
    """Exit code of each rank; minus n where signal n ended it."""
    errors: list[str]
    """What each rank wrote."""


def start_ranks(
    spec: TrainSpec, num_ranks: int, *, max_file_bytes: int = -1, nodes: Sequence[Path] = ()
) -> list[BaseProcess]:
    """Start all ranks; their output goes to files in the run's folder.

    Args:
        max_file_bytes: no rank can write a longer file, as on a full disk.
        nodes: run folder of each rank's own node, each rank being the only one of a node.
    """
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes: list[BaseProcess] = []
    for rank in range(num_ranks):
        folder = nodes[rank] if nodes else spec.run_folder
        folder.mkdir(parents=True, exist_ok=True)
        own = spec.model_copy(update={"run_folder": folder})
        (folder / "spec.json").write_text(own.model_dump_json())
        settings = {
            "RANK": str(rank),
            "LOCAL_RANK": "0" if nodes else str(rank),
            "WORLD_SIZE": str(num_ranks),
            "LOCAL_WORLD_SIZE": "1" if nodes else str(num_ranks),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        }
        process = _forking.Process(target=_rank, args=(folder / "spec.json", settings, max_file_bytes))
        process.start()
        processes.append(process)
    return processes


def wait_for(processes: Sequence[BaseProcess], spec: TrainSpec, *, nodes: Sequence[Path] = ()) -> Ended:
    """Wait for all ranks to end by themselves."""
    for process in processes:
        process.join(_TIMEOUT_SECONDS)
        if process.is_alive():
            process.kill()
    folders = nodes or [spec.run_folder] * len(processes)
    files = [folder / f"rank-{rank}.log" for rank, folder in enumerate(folders)]
    return Ended([process.exitcode for process in processes], [file.read_text() for file in files])


def run_ranks(spec: TrainSpec, num_ranks: int = 2, *, max_file_bytes: int = -1, nodes: Sequence[Path] = ()) -> Ended:
    """Run all ranks to their end; arguments as of ``start_ranks``."""
    processes = start_ranks(spec, num_ranks, max_file_bytes=max_file_bytes, nodes=nodes)
    return wait_for(processes, spec, nodes=nodes)


def _rank(spec_file: Path, settings: Mapping[str, str], max_file_bytes: int) -> None:
    os.environ.update(settings)
    if max_file_bytes >= 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))
    log = os.open(spec_file.parent / f"rank-{settings['RANK']}.log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from s1.training import worker

    sys.exit(worker.main([str(spec_file)]))


def trained(spec: TrainSpec) -> dict[str, Tensor]:
    """The weights that a finished run saved."""
    return load_file(spec.output_folder / "model.safetensors")
