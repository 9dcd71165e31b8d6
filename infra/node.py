"""Entry of one node of a run: its part (``infra.launch.node``), tethered to whoever launched the run.

The tether is standard input: the launcher writes into it every few seconds, and silence or its end stops all ranks of
this node, so a dead launcher leaves nobody behind. A node also stops when it can reach the first node no longer: ranks
themselves would wait many minutes for a network that fell silent. The last line of output is the node's report.

Example::

    python -m infra.node --node-rank 1 --tethered '{"runner": "torchrun", …}'
"""

import argparse
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence

from infra.launch.job import NodeJob
from infra.launch.node import (
    ALIVE_LINE,
    BEAT_SECONDS,
    END_PREFIX,
    REFUSED_STATUS,
    SILENCE_SECONDS,
    NodeEnding,
    check_node,
    run_node,
)

HEAD_SILENCE_SECONDS = 20.0
"""Without a connection to the first node for so long, the network to it counts as cut."""


def _watch_tether(lock: threading.Lock) -> None:
    """Answer signs of life by signs of life; when they stop, end this process in order, which ends its ranks."""
    silence = 0.0
    while silence < SILENCE_SECONDS:
        ready, _, _ = select.select([0], [], [], BEAT_SECONDS)
        if ready and not os.read(0, 4096):
            break
        silence = 0.0 if ready else silence + BEAT_SECONDS
        try:
            _say(ALIVE_LINE, lock)
        except OSError:  # nobody listens any more
            break
    os.kill(os.getpid(), signal.SIGTERM)


def _watch_head(head: str, port: int, problems: list[str], *, is_up: bool) -> None:
    """Knock at the meeting port every few seconds; end when the first node cannot be reached for a while.

    Args:
        is_up: whether that node is known to be up; a scheduler may start it minutes after this one.
    """
    reached = time.monotonic() if is_up else None
    have_met = False
    while reached is None or time.monotonic() - reached < HEAD_SILENCE_SECONDS:
        started = time.monotonic()
        try:
            with socket.create_connection((head, port), timeout=BEAT_SECONDS):
                reached, have_met = time.monotonic(), True
        except ConnectionRefusedError:  # it is there: not listening yet, or, after the meeting, gone for good
            if not have_met:
                reached = time.monotonic()
        except OSError:
            pass
        time.sleep(max(BEAT_SECONDS - (time.monotonic() - started), 0))
    problems.append(f"no connection to {head}:{port} for {HEAD_SILENCE_SECONDS:.0f} s: the network to it is down")
    os.kill(os.getpid(), signal.SIGTERM)


def _say(line: str, lock: threading.Lock) -> None:
    """Write one line in one piece: ranks' lines and signs of life come from two threads."""
    data = line.encode() + b"\n"
    with lock:
        while data:
            data = data[os.write(1, data) :]


def _run_watched(job: NodeJob, *, node_rank: int, lock: threading.Lock) -> NodeEnding:
    cut: list[str] = []
    if node_rank != 0:
        is_up = job.second is not None  # hosts that are named were asked before
        threading.Thread(
            target=_watch_head, args=(job.head, job.port, cut), kwargs={"is_up": is_up}, daemon=True
        ).start()
    try:
        return run_node(job, node_rank=node_rank, on_line=lambda line: _say(line, lock))
    except SystemExit:
        if not cut:
            raise
        return NodeEnding(node_rank=node_rank, host=socket.gethostname(), status=1, words=cut)


def main(argv: Sequence[str]) -> int:
    """Entry on a node; its last line says how it ended, for whoever launched it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--node-rank", type=int)
    parser.add_argument("--node-rank-from", help="the environment variable that holds the node's place")
    parser.add_argument("--head-from", help="the environment variable that holds the first node's name")
    parser.add_argument("--tethered", action="store_true", help="stop when standard input ends or falls silent")
    parser.add_argument("--check", action="store_true", help="only check the node")
    parser.add_argument("job")
    arguments = parser.parse_args(argv)
    job = NodeJob.model_validate_json(arguments.job)
    if arguments.head_from is not None:
        job = job.model_copy(update={"head": os.environ[arguments.head_from]})
    node_rank = arguments.node_rank if arguments.node_rank_from is None else int(os.environ[arguments.node_rank_from])
    lock = threading.Lock()
    if arguments.tethered:
        threading.Thread(target=_watch_tether, args=(lock,), daemon=True).start()
    if arguments.check:
        problems = check_node(job, node_rank=node_rank)
        status = REFUSED_STATUS if problems else 0
        ending = NodeEnding(node_rank=node_rank, host=socket.gethostname(), status=status, problems=problems)
    else:
        ending = _run_watched(job, node_rank=node_rank, lock=lock)
    _say(END_PREFIX + ending.model_dump_json(), lock)
    return min(ending.status, 255) if ending.status >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
