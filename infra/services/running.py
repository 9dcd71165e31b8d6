"""Which runs are under way, and how they are ended: what ``make down`` asks first, and a cancellation nobody hears.

Knows claims, their holders and Prefect's states; does not stop servers.

Example::

    for run in find_running(api, claims=Path(".s1/claims"), work_pool="s1"):
        print(run.name)
"""

import os
import signal
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from infra.locks import is_held, read_owner
from infra.services.api import PrefectApi, StateType
from infra.services.sweep import claim_path

_UNDER_WAY: tuple[StateType, ...] = ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
CANCEL_SECONDS = 20.0
"""How long cancelled runs may take to end before their processes are told directly."""
OVERDUE_SECONDS = 6.0
"""A worker ends a cancelled run's process within seconds; after this time the keeper does."""
OVERDUE_KILL_SECONDS = 25.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Running:
    """A run that a process of this machine executes, or is about to."""

    flow_run_id: str
    name: str


def find_running(api: PrefectApi | None, *, claims: Path, work_pool: str) -> list[Running]:
    """Runs under way: those of the work pool, and whatever process holds a claim.

    Args:
        api: None when the server is away: then the claims alone tell.
    """
    found: dict[str, Running] = {}
    for path in sorted(claims.glob("*.lock")):
        if is_held(path):
            owner = read_owner(path)
            found[path.stem] = Running(path.stem, owner.command if owner is not None else path.stem)
    if api is not None:
        for run in api.find_flow_runs(states=_UNDER_WAY, pool=work_pool):
            is_waiting = run.state is not None and run.state.name == "Suspended"
            if not is_waiting:
                found[run.id] = Running(run.id, run.name)
    return list(found.values())


def cancel(api: PrefectApi, runs: list[Running], *, claims: Path, work_pool: str) -> list[Running]:
    """Cancel runs and wait until their processes are gone; return those that are still there."""
    for run in runs:
        try:
            api.ask_to_cancel(run.flow_run_id)
        except httpx.HTTPStatusError:  # it has just ended
            continue
    left = _wait(api, claims, work_pool)
    for run in left:
        _signal_owner(claim_path(claims, run.flow_run_id), signal.SIGTERM)
    return _wait(api, claims, work_pool) if left else []


def end_overdue(api: PrefectApi, *, claims: Path, now: datetime) -> list[Running]:
    """Tell processes of runs that were cancelled a while ago, and killed a while later; return those told.

    A worker that has lost its connection for a moment never hears of a cancellation, and a run from a terminal has no
    worker.
    """
    told = []
    for run in api.find_flow_runs(states=("CANCELLING",)):
        assert run.state is not None
        waited = (now - run.state.timestamp).total_seconds()
        if waited > OVERDUE_SECONDS and _signal_owner(
            claim_path(claims, run.id), signal.SIGKILL if waited > OVERDUE_KILL_SECONDS else signal.SIGTERM
        ):
            told.append(Running(run.id, run.name))
    return told


def _signal_owner(claim: Path, number: signal.Signals) -> bool:
    owner = read_owner(claim)
    if owner is None or owner.host != socket.gethostname() or not is_held(claim):
        return False
    try:
        os.kill(owner.pid, number)
    except ProcessLookupError:  # it ended just now
        return False
    return True


def _wait(api: PrefectApi, claims: Path, work_pool: str) -> list[Running]:
    deadline = time.monotonic() + CANCEL_SECONDS
    while (left := find_running(api, claims=claims, work_pool=work_pool)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left
