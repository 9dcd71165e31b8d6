"""How far steps through DeepSpeed, packed and shared out, are from single examples one at a time: tables.

Gradients: of one step of 16 uneven examples, against the mean of their single gradients in double precision; the error
is the norm of the difference over the norm, over all weights together. Trajectories: 20 optimizer steps against a plain
loop in single precision; the error is the distance of the final weights over how far the plain loop moved them. All
cases of one number of ranks share one launch, one thread per rank. ``docs/equivalence.md`` quotes what this prints.

Example::

    python -m bench.equivalence --ranks 2 4
"""

import argparse
import json
import multiprocessing
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

from bench.equivalence_model import NUM_STEPS
from bench.equivalence_ranks import Part, run_rank

_TIMEOUT_SECONDS = 300.0
# Ranks are forked off a process that has imported everything: all imports once, not once per rank.
_forking = multiprocessing.get_context("forkserver")
_PRELOADED = ["deepspeed.runtime.zero.muon.muon_optimizer", "transformers.models.qwen2.modeling_qwen2", __name__]


def measure(part: Part, *, num_ranks: int) -> dict[str, Any]:
    """Run all cases of a part on so many ranks of this machine.

    Raises:
        RuntimeError: a rank failed; its words are on the terminal.
    """
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _forking.set_forkserver_preload(_PRELOADED)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        ranks = [
            _forking.Process(target=_run, args=(part, path, rank, num_ranks, port), daemon=True)
            for rank in range(num_ranks)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(_TIMEOUT_SECONDS)
            if process.exitcode != 0:
                for other in ranks:
                    other.kill()
                raise RuntimeError(f"a rank ended with {process.exitcode} (None: not within {_TIMEOUT_SECONDS:.0f} s)")
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return figures


def _run(part: Part, path: Path, rank: int, num_ranks: int, port: int) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(num_ranks),
        LOCAL_WORLD_SIZE=str(num_ranks),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        GLOO_SOCKET_IFNAME="lo0" if sys.platform == "darwin" else "lo",
    )
    run_rank(part, path)


def _print_gradients(figures: dict[str, Any]) -> None:
    print("| groups x ranks per group | passes | gradient | clipped gradient | norm |\n|---|---|---|---|---|")
    for name, row in figures.items():
        errors = (f"{row[key]:.1e}" for key in ("error", "clipped_error", "norm_error"))
        print(f"| {name} | {row['num_passes']} | {' | '.join(errors)} |")


def _print_trajectories(figures: dict[str, Any]) -> None:
    print("| groups x ranks per group | passes | layers recomputed | weights after 20 steps |\n|---|---|---|---|")
    for name, row in figures["cases"].items():
        passes, layers = (", ".join(map(str, row[key])) for key in ("num_passes", "num_recomputed_layers"))
        print(f"| {name} | {passes} | {layers} | {row['error']:.1e} |")
    print(
        f"\nThe plain loop in single precision against itself in double: {figures['rounding']:.1e}. The layouts "
        f"against each other: at most {figures['spread']:.1e}. Steps whose gradient was clipped: "
        f"{figures['num_clipped']} of {NUM_STEPS}."
    )


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", nargs="+", type=int, choices=(2, 4), default=[2, 4])
    parser.add_argument("--parts", nargs="+", choices=get_args(Part), default=list(get_args(Part)))
    options = parser.parse_args()
    for part in options.parts:
        for num_ranks in options.ranks:
            print(f"\n## {part.capitalize()} on {num_ranks} ranks\n")
            figures = measure(part, num_ranks=num_ranks)
            (_print_gradients if part == "gradients" else _print_trajectories)(figures)


if __name__ == "__main__":
    main()
