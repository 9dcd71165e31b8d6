"""Ranks on this machine for benches: torchrun, one thread each, output shown only when something goes wrong.

Knows how ranks are started; does not know what they compute.

Example::

    run_ranks(["-m", "bench.balance_rank", "job.json"], num_ranks=4)
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.processes import run_in_group

ROOT = Path(__file__).parents[1]
_NUM_LINES_SHOWN = 100


class RankError(RuntimeError):
    """Ranks did not end well; the message ends with their last lines."""


def run_ranks(command: Sequence[str], *, num_ranks: int, python: str = sys.executable) -> None:
    """Run a script or module (``-m`` and its name) with its arguments on every rank, and wait.

    Args:
        python: interpreter of the environment to run in.

    Raises:
        RankError: a rank failed.
    """
    launcher = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(num_ranks)]
    quiet = {
        "OMP_NUM_THREADS": "1",
        "DS_ACCELERATOR": "cpu",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    lines: list[str] = []
    status = run_in_group([*launcher, *command], env={**os.environ, **quiet}, cwd=ROOT, on_line=lines.append)
    if status != 0:
        shown = "\n".join(lines[-_NUM_LINES_SHOWN:])
        raise RankError(f"{' '.join(command)} on {num_ranks} ranks ended with status {status}:\n{shown}")
