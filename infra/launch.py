"""Starts a training run on the ranks of a cluster and says clearly how it ended.

One function builds the launcher's command (torchrun, one agent per node), one runs it. Knows processes, not training.
On several nodes each node runs the same command with its own node rank, the folder of the spec being shared; this
process starts node 0 and says what to start on the others.

Example::

    launch(load_cluster(), spec_file=Path(".s1/work/train/3f/spec.json"), log_folder=Path(".s1/work/train/3f/ranks"))
"""

import logging
import os
import re
import shlex
import shutil
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.cluster import Cluster
from infra.failures import StageFailedError
from infra.processes import run_in_group

logger = logging.getLogger(__name__)

_RANK_MODULE = "infra.rank"
_PROJECT = Path(__file__).parent.parent
_NUM_TAIL_LINES = 25
_SIGKILL_STATUS = -9


class LaunchError(StageFailedError):
    """Ranks died; the message holds the failing rank, its exit code, its last words and advice."""


def build_argv(cluster: Cluster, *, spec_file: Path, log_folder: Path, node_rank: int = 0) -> list[str]:
    """The launcher's command on one node."""
    argv = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(cluster.processes_per_node)]
    if cluster.num_nodes == 1:
        # A free port, and no look-up of this machine's name, which hangs on a laptop without network.
        argv += ["--standalone", "--local-addr", "127.0.0.1"]
    else:
        argv += ["--nnodes", str(cluster.num_nodes), "--node-rank", str(node_rank)]
        argv += ["--master-addr", cluster.hosts[0], "--master-port", str(cluster.port)]
    # Each rank's output goes to files of its own; rank 0's also comes here.
    argv += ["--log-dir", str(log_folder), "--tee", "3", "--local-ranks-filter", "0"]
    return [*argv, "-m", _RANK_MODULE, str(spec_file)]


def build_env(cluster: Cluster, *, base: Mapping[str, str]) -> dict[str, str]:
    """The ranks' environment: the given one, with device and threads set."""
    env = dict(base)
    env["PYTHONPATH"] = os.pathsep.join([str(_PROJECT), *filter(None, [base.get("PYTHONPATH")])])
    env["OMP_NUM_THREADS"] = str(cluster.threads_per_process)
    env["TOKENIZERS_PARALLELISM"] = "false"
    if cluster.device == "cpu":
        env["DS_ACCELERATOR"] = "cpu"
        if cluster.num_nodes == 1:
            # gloo would take the interface that this machine's name resolves to, which need not exist offline.
            env.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    return env


def launch(
    cluster: Cluster, *, spec_file: Path, log_folder: Path, on_line: Callable[[str], None] | None = None
) -> None:
    """Run all ranks of this node to their end; nothing of them is left when this returns or raises.

    Args:
        log_folder: emptied, then receives each rank's output.
        on_line: receives each line that rank 0 or the launcher writes.

    Raises:
        LaunchError: ranks died.
    """
    shutil.rmtree(log_folder, ignore_errors=True)
    log_folder.mkdir(parents=True)
    for node_rank in range(1, cluster.num_nodes):
        argv = build_argv(cluster, spec_file=spec_file, log_folder=log_folder, node_rank=node_rank)
        logger.warning("start on %s, in this folder: %s", cluster.hosts[node_rank], shlex.join(argv))
    output: deque[str] = deque(maxlen=400)

    def receive(line: str) -> None:
        output.append(line)
        if on_line is not None:
            on_line(line)

    argv = build_argv(cluster, spec_file=spec_file, log_folder=log_folder)
    status = run_in_group(argv, env=build_env(cluster, base=os.environ), on_line=receive)
    if status != 0:
        raise LaunchError(explain_failure("\n".join(output), status=status, log_folder=log_folder))


def explain_failure(output: str, *, status: int, log_folder: Path) -> str:
    """Turn what torchrun wrote about dead ranks into rank, exit code, last words and advice."""
    root_cause = output[output.rfind("Root Cause") :] if "Root Cause" in output else ""
    rank = re.search(r"rank\s*:\s*(\d+)", root_cause)
    code = re.search(r"exitcode\s*:\s*(-?\d+)", root_cause)
    if rank is None or code is None:
        tail = "\n".join(output.splitlines()[-_NUM_TAIL_LINES:])
        return f"the training launcher ended with status {status} before any rank reported a failure:\n{tail}"
    local_rank = re.search(r"local_rank:\s*(\d+)", root_cause)
    folder_name = local_rank.group(1) if local_rank else rank.group(1)
    files = sorted(log_folder.glob(f"*/attempt_*/{folder_name}/stderr.log"))
    words = files[-1].read_text(encoding="utf-8", errors="replace").splitlines() if files else []
    advice = _advice(int(code.group(1)), words)
    tail = "\n".join(words[-_NUM_TAIL_LINES:]) or "(it wrote nothing)"
    return f"training rank {rank.group(1)} ended with exit code {code.group(1)}. {advice}\nIts last lines:\n{tail}"


def _advice(code: int, words: list[str]) -> str:
    text = "\n".join(words)
    if code == _SIGKILL_STATUS or "out of memory" in text.lower():
        return (
            "Most often memory ran out: lower max_micro_batch_tokens in the cluster's file, use more ranks, or a "
            "higher train.zero_stage. Finished checkpoints are kept; run again to continue."
        )
    if code < 0:
        return f"Signal {-code} ended it. Finished checkpoints are kept; run again to continue."
    return "Finished checkpoints are kept; run again to continue once the cause below is mended."
