"""One reason out of what all nodes of a run said when it ended: which host or rank was first, its last words, advice.

When one rank dies, the others fail a moment later because it no longer answers; those are not the reason. Knows
``NodeEnding``; does not run anything.

Example::

    explain(endings)            # 'training rank 9 on node-b ended with exit code -9. Most often memory ran out: …'
"""

import re
import shlex
from collections.abc import Sequence

from infra.launch.node import NodeEnding

_SIGKILL = -9
_SIGTERM = -15
_SIGABRT = -6
_LOST_PEER = re.compile(
    r"Connection closed by peer|Connection reset by peer|connection was likely closed|Broken pipe|"
    r"Timed out waiting|NCCL.*(remote process|unhandled system error)|Failed to recv|ChildFailedError|DistStoreError|"
    r"wait timeout|collective operation timeout|Socket closed|recvValue failed|RendezvousConnectionError",
    re.IGNORECASE,
)
_KEPT = "Finished checkpoints are kept; run again to continue"


def explain(endings: Sequence[NodeEnding]) -> str:
    """Say why a run ended; at least one of the nodes ended badly."""
    refusals = [
        f"{ending.host}: {problem}" if len(endings) > 1 else problem
        for ending in endings
        for problem in ending.problems
    ]
    if refusals:
        return "training was not started:\n" + "\n".join(refusals)
    ending = min((ending for ending in endings if ending.status != 0 and not ending.was_stopped), key=_lateness)
    where = f" on {ending.host}" if len(endings) > 1 else ""
    tail = "\n".join(ending.words)
    if ending.rank is None:
        if ending.code is None and len(endings) > 1:
            return f"{ending.host} was lost: {tail or 'it said nothing'}\n{_KEPT}, there or on another host."
        ended = f"the training launcher{where} ended with status {ending.status}"
        return f"{ended} before any rank reported a failure:\n{tail}"
    if ending.code is None:
        return f"training rank {ending.rank}{where} never finished, though its launcher ended. {_KEPT}.\n{tail}"
    advice = _advice(ending.code, tail)
    return (
        f"training rank {ending.rank}{where} ended with exit code {ending.code}. {advice}\n"
        f"Its last lines:\n{tail or '(it wrote nothing)'}"
    )


def _lateness(ending: NodeEnding) -> int:
    """0: surely the reason; more: more likely a consequence."""
    # Killed ranks do not die of others; NCCL aborts those that lost one, or waited too long.
    if ending.code is not None and ending.code < 0 and ending.code not in (_SIGTERM, _SIGABRT):
        return 0
    follows = any(_LOST_PEER.search(word) for word in ending.words)
    if ending.rank is None:
        return 1 if not follows else 3  # a lost host
    return 2 if not follows else 4


def _advice(code: int, text: str) -> str:
    if code == _SIGKILL or "out of memory" in text.lower():
        return (
            "Most often memory ran out: lower max_tokens_per_rank in the cluster's file, use more ranks, or a "
            f"higher train.zero_stage. {_KEPT}."
        )
    if code == _SIGABRT:
        return (
            "NCCL ends a rank so when it waited too long for the others: look at the other ranks, the network and the "
            f"storage; where a slow disk is all, raise collective_timeout_minutes in the cluster's file. {_KEPT}."
        )
    if code < 0:
        return f"Signal {-code} ended it. {_KEPT}."
    return f"{_KEPT} once the cause below is mended."


def explain_connection(status: int, words: Sequence[str], *, argv: Sequence[str]) -> list[str]:
    """Words for a host whose connection ended without a report."""
    said = [word for word in words if word.strip()] or ["(it said nothing)"]
    shell = shlex.join(argv[:-1])
    if status == 255:
        return [*said, f"`{shell}` ended with status 255: the host cannot be reached, or the connection broke"]
    if status in (126, 127):
        return [
            *said,
            f"status {status}: a command is missing there; the nodes' interpreter is `python` of the cluster's file",
        ]
    if status > 128:
        return [*said, f"signal {status - 128} ended everything of this run there, or the host went down"]
    return [*said, f"`{shell}` ended with status {status}"]
