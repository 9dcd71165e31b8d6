"""Keeps Prefect truthful: runs whose process is gone say so within a minute, also when whoever ran them is gone too.

Knows claims (a lock per flow run, held by the process that executes it) and what they mean for states; does not start,
stop or signal processes. Nothing is judged by a missing message alone: a run is dead when its claim is there and
nobody holds it, or when it never got one in ``UNCLAIMED_SECONDS``.

Example::

    for closed in sweep(api, claims=Path(".s1/claims"), worker_name="box-s1", now=datetime.now(UTC)):
        logger.info("%s", closed)
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from infra.locks import is_held
from infra.services.api import TERMINAL, FlowRun, PrefectApi, StateType

SECONDS_BETWEEN_SWEEPS = 5.0
UNCLAIMED_SECONDS = 120.0
"""How long a run of the work pool may be under way before a process claims it: starting one takes seconds when the
machine is idle, most of a minute when it is very busy."""
SETTLE_SECONDS = 3.0
"""Between a claim's orderly release and the run's own last word to Prefect."""
ORPHAN_SECONDS = 20.0
"""How long children and tasks may say that they run after their run has ended: stopping processes takes up to 10 s."""
KEPT_CLAIM_SECONDS = 7 * 24 * 3600.0

_ACTIVE: tuple[StateType, ...] = ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
_ADVICE = "run it again, or retry it: finished stages are not repeated"
_WORKER_LABEL = "prefect.worker.name"


@dataclass(frozen=True, slots=True)
class Closed:
    """A flow run that had no process any more, and what it says now."""

    flow_run_id: str
    name: str
    state: StateType
    reason: str

    def __str__(self) -> str:
        """``brave-otter is now CRASHED: its process ended without a word``."""
        return f"{self.name} is now {self.state}: {self.reason}"


def sweep(api: PrefectApi, *, claims: Path, worker_name: str, work_pool: str, now: datetime) -> list[Closed]:
    """Give runs without a process their true state, their children and tasks too.

    Args:
        claims: folder of ``<flow run id>.lock`` files.
        worker_name: only this worker's runs are judged by a claim that is missing: others' claims lie elsewhere.

    Returns:
        What was closed.

    Raises:
        httpx.HTTPError: the server is away; the next sweep finds the same.
    """
    closed: list[Closed] = []
    for run in api.find_flow_runs(states=_ACTIVE):
        reason = _why_dead(run, claims, worker_name, work_pool, now) or _why_orphaned(api, run, now)
        if reason is not None:
            closed.extend(_close(api, run, reason, claims))
    for task in api.find_open_task_runs(ended_before=now - timedelta(seconds=ORPHAN_SECONDS)):
        api.set_state("task", task.id, "CRASHED", message="The run that it belongs to has ended.")
    return closed


def claim_path(claims: Path, flow_run_id: str) -> Path:
    """The lock that the process executing a flow run holds."""
    return claims / f"{flow_run_id}.lock"


def remove_old_claims(claims: Path) -> None:
    """Remove claims that nobody has held for a week."""
    for path in claims.glob("*.lock"):
        if time.time() - path.stat().st_mtime > KEPT_CLAIM_SECONDS and not is_held(path):
            path.unlink(missing_ok=True)


def _why_dead(run: FlowRun, claims: Path, worker_name: str, work_pool: str, now: datetime) -> str | None:
    assert run.state is not None
    if run.state.name == "Suspended":  # waits without a process, as it should
        return None
    claim = claim_path(claims, run.id)
    if claim.exists() and not _is_of_former_attempt(run, claim):
        has_settled = (
            now.timestamp() - claim.stat().st_mtime > SETTLE_SECONDS
        )  # orderly ends touch it, then tell Prefect
        return "its process ended without a word" if has_settled and not is_held(claim) else None
    is_ours = run.work_pool_name == work_pool and run.labels.get(_WORKER_LABEL) in (None, worker_name)
    if is_ours and (now - run.state.timestamp).total_seconds() > UNCLAIMED_SECONDS:
        return f"no process took it up within {UNCLAIMED_SECONDS:.0f} s"
    return None


def _is_of_former_attempt(run: FlowRun, claim: Path) -> bool:
    """Whether a claim was left by an attempt before: the worker sets Pending, and only then is a process claiming."""
    assert run.state is not None
    return run.state.type == "PENDING" and claim.stat().st_mtime < run.state.timestamp.timestamp()


def _why_orphaned(api: PrefectApi, run: FlowRun, now: datetime) -> str | None:
    parent = api.read_parent(run)
    if parent is None or parent.state is None or run.state is None:
        return None
    if parent.state.type in TERMINAL and (now - parent.state.timestamp).total_seconds() > ORPHAN_SECONDS:
        return "the run that it belongs to has ended"
    if parent.state.type == "RUNNING" and run.state.timestamp < parent.state.timestamp:
        return "it belongs to a former attempt"
    return None


def _close(api: PrefectApi, run: FlowRun, reason: str, claims: Path) -> Iterator[Closed]:
    fresh = api.read_flow_run(run.id)
    if fresh is None or fresh.state is None or run.state is None or fresh.state.timestamp != run.state.timestamp:
        return  # it has ended, or gone on, since it was listed
    state: StateType = "CANCELLED" if fresh.state.type == "CANCELLING" else "CRASHED"
    message = "It was cancelled." if state == "CANCELLED" else f"{reason[0].upper()}{reason[1:]}; {_ADVICE}."
    api.set_state("flow", run.id, state, message=message)
    for task in api.find_open_task_runs(flow_run_id=run.id):
        api.set_state("task", task.id, state, message="The run that it belongs to has ended.")
    for child in api.find_flow_runs(states=_ACTIVE, parent_id=run.id):
        if not is_held(claim_path(claims, child.id)):
            yield from _close(api, child, f"the process of {run.name} ended without a word", claims)
    yield Closed(run.id, run.name, state, reason)
