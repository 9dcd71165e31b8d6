"""A stage as a child flow run of a parent in another process: shards as task runs, progress as an artifact.

Knows Prefect 3.8's way of linking a subflow (what ``run_deployment(as_subflow=True)`` does: a task run of the parent
that stands for the child); does not know what runs. What Prefect cannot record is not lost: a result that is complete
stays, with a warning.

Example::

    flow_run_id = run_as_child("curate", execute, parent_flow_run_id="0b0e…", terminal=TerminalProgress("curate"))
"""

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast
from uuid import UUID, uuid4

import httpx
from prefect import Flow, Task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import TerminationSignal
from prefect.flow_engine import run_flow_sync
from prefect.states import Completed, Pending

from flows.runlog import LogStream, open_run_log
from flows.watch import Tell
from infra.failures import EXIT_TERMINATED, explain
from infra.prefect_server import answers_again
from infra.progress import TerminalProgress, is_new_piece
from infra.redaction import redacting
from infra.settings import Settings, home_folder
from s1.not_run import WORDS, is_not_run
from s1.report.stage_reading import read_figures
from tasks.paths import METRICS_FOLDER
from tasks.stage import Progress, ShardRunner

SECONDS_BETWEEN_UPDATES = 3.0
_NUM_FIGURES_TOLD = 60

T = TypeVar("T")

logger = logging.getLogger(__name__)


def run_as_child(
    stage: str,
    execute: Callable[[Progress, ShardRunner], None],
    *,
    parent_flow_run_id: str,
    terminal: Progress,
) -> str | None:
    """Run ``execute`` inside a flow run that is a child of the given one; return the child's id.

    ``terminal`` is told the progress when Prefect refuses the child; else the child's own log and terminal are.

    Raises:
        BaseException: whatever ``execute`` raises; the child is then failed or crashed in Prefect too.
    """
    outcome: list[BaseException | None] = []

    def body(stage: str) -> None:
        tell = open_run_log(to_terminal=False)
        shown = TerminalProgress(stage, stream=LogStream(tell))
        with redacting():  # Prefect keeps an error's text with the run
            try:
                execute(_both(shown, PrefectProgress()), run_as_task)
            except BaseException as error:
                outcome.append(error)
                tell(explain(error).message)
                raise
        outcome.append(None)
        _tell_figures(stage, tell)

    flow: Flow[[str], None] = Flow(
        body, name=stage, flow_run_name=stage, persist_result=False, validate_parameters=False
    )
    child: FlowRun | None = None

    def run_or_tell(child: FlowRun) -> None:
        if outcome:
            _tell_end(child, outcome[0])
        else:
            run_flow_sync(flow, flow_run=child, parameters={"stage": stage})

    try:
        child = found = _insist(lambda: _create_child(flow, stage, parent_flow_run_id))
        _insist(lambda: run_or_tell(found))
    except BaseException as error:
        if isinstance(error, TerminationSignal):
            raise SystemExit(EXIT_TERMINATED) from error
        if outcome and outcome[0] is not None:
            raise outcome[0] from None
        if not isinstance(error, Exception):
            raise
        _warn(error)
        if not outcome:  # Prefect failed before the work began
            from tasks.runner import run_directly

            execute(terminal, run_directly)
    return str(child.id) if child is not None else None


def _tell_figures(stage: str, tell: Tell) -> None:
    path = METRICS_FOLDER / f"{stage}.json"
    with contextlib.suppress(OSError, ValueError):  # the figures are written; the log is only for reading along
        metrics = json.loads(path.read_text(encoding="utf-8"))
        if is_not_run(metrics):
            tell(f"{stage} is {WORDS} (params.yaml, not_run).")
        for name, value in read_figures(metrics)[:_NUM_FIGURES_TOLD]:
            tell(f"{name}: {'undefined' if value is None else f'{value:.6g}'}")


def _create_child(flow: Flow[[str], None], stage: str, parent_flow_run_id: str) -> FlowRun:
    stand_in: Task[[], None] = Task(fn=lambda: None, name=f"subflow {stage}")
    with get_client(sync_client=True) as client:
        task_run = client.create_task_run(
            task=stand_in,
            flow_run_id=UUID(parent_flow_run_id),
            name=f"subflow {stage}",
            dynamic_key=str(uuid4()),
            task_inputs={},
            state=Pending(),
        )
        return client.create_flow_run(
            flow, name=stage, parameters={"stage": stage}, parent_task_run_id=task_run.id, state=Pending()
        )


def _insist(action: Callable[[], T]) -> T:
    """The action's result; once more when the server died on it and was started again by its keeper."""
    try:
        return action()
    except httpx.TransportError:
        api_url = Settings.from_environment().prefect_api_url
        if api_url is None or not answers_again(api_url, home=home_folder(Path.cwd())):
            raise
        return action()


def _tell_end(child: FlowRun, error: BaseException | None) -> None:
    """Tell the good end of a child whose own last word did not arrive; a bad one is told by the stage's exit."""
    if error is not None:
        raise error
    state: State[None] = Completed()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(child.id, state, force=True)


def run_as_task(name: str, work: Callable[[], None]) -> None:
    """Run a shard as a Prefect task run; its data stays out of Prefect."""

    def shard() -> None:
        with redacting():
            work()

    task: Task[[], None] = Task(fn=shard, name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    task()


def _both(first: Progress, second: Progress) -> Progress:
    def progress(done: int, total: int, note: str) -> None:
        first(done, total, note)
        second(done, total, note)

    return progress


class PrefectProgress:
    """One progress artifact per piece of work, updated every few seconds; gives up quietly when Prefect does."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[int, int] | None = None
        self._artifact: UUID | None = None
        self._last_update = 0.0
        self._broken = False

    def __call__(self, done: int, total: int, note: str) -> None:
        """Report that ``done`` of ``total`` are finished."""
        now = self._clock()
        is_new = is_new_piece(self._last, done, total)
        self._last = (done, total)
        if self._broken or not (is_new or done >= total or now - self._last_update >= SECONDS_BETWEEN_UPDATES):
            return
        self._last_update = now
        percent = 100.0 * done / total if total else 0.0
        try:
            if is_new or self._artifact is None:
                self._artifact = cast(UUID, create_progress_artifact(percent, description=note))
            else:
                update_progress_artifact(self._artifact, percent, description=note)
        except Exception as error:
            self._broken = True
            logger.debug("no more progress in Prefect", exc_info=error)


def _warn(error: Exception) -> None:
    logger.debug("Prefect failed", exc_info=error)
    print(f"  Warning: Prefect could not record this stage ({type(error).__name__}); going on without", file=sys.stderr)
