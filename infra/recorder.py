"""Remembers a run in MLflow from a thread of its own, so that no stage waits for MLflow or dies with it.

Knows which of a stage's figures go where; does not run stages. Who hosts it was decided by measurement (two busy
cores): importing MLflow with its SQL store costs 3.3 s of CPU, and twelve stages of often one second each would pay it
twelve times. So the parent flow hosts one recorder for all its stages, which only append to their spool
(``infra.spool``); under a bare ``dvc repro`` there is no parent and each stage hosts its own, importing while it works.
Numbers are read from ``metrics/`` and ``ledger/``, which stand whatever happens here: when MLflow fails, ``close`` says
so and nothing else changes.

Example::

    recorder = Recorder(settings, invocation="laptop-4711-1700000000")
    recorder.open_stage("curate")
    ...                                     # the stage runs
    recorder.close_stage("curate", "FINISHED")
    recorder.close("FINISHED")              # None, or what went wrong
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from infra.dead_runs import close_dead_runs_of
from infra.figures import CurvePoint
from infra.lineage import Lineage, Linked
from infra.pipeline import find_stage
from infra.prices import load_prices
from infra.provenance import git_tags
from infra.redaction import redact
from infra.settings import Settings, without_password
from infra.spool import Spool
from infra.stage_end import StageEnd, cost_figures, single_figures
from infra.tracking import RunStatus, Tracking
from infra.versions import Versions, data_sets, hash_path

SECONDS_BETWEEN_STEP_BATCHES = 2.0
SECONDS_TO_FINISH = 90.0
SECONDS_TO_FINISH_WHEN_KILLED = 3.0
"""Who cancels a run waits for its processes to go; what is not written then is closed as killed later."""
_MAX_FAILURES = 3
_WATCHED_STAGE = "train"
"""The stage whose run gets the machine's load: the only one that keeps it busy for hours."""

logger = logging.getLogger(__name__)

Job = Callable[[Tracking], None]
T = TypeVar("T")


@dataclass(slots=True)
class _OpenStage:
    """The stage whose run is open."""

    name: str
    run_id: str
    params: Mapping[str, str]
    spool: Spool
    stop_watching: Callable[[], None] | None = None


class Recorder:
    """Writes one invocation's runs: a parent run if opened, and one run per stage."""

    def __init__(
        self,
        settings: Settings,
        *,
        invocation: str,
        connect: Callable[[Settings], Tracking] = Tracking.connect,
        make_lineage: Callable[[Tracking, str | None], Lineage] = lambda tracking, chain_run_id: Lineage(
            tracking, chain_run_id=chain_run_id
        ),
    ) -> None:
        self._settings = settings
        self._invocation = invocation
        self._connect = connect
        self._make_lineage = make_lineage
        self._own_tags: dict[str, str] | None = None
        self._parent_run_id = settings.mlflow_parent_run_id
        self._parent_run_url: str | None = None
        self._opened_parent = False
        self._parent_is_known = threading.Event()
        self._stage: _OpenStage | None = None
        self._is_given_up = False
        self._failures: list[str] = []
        self._dollars_spent = 0.0
        self._dollars_all = 0.0
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def open_chain(self, name: str, *, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Start the run that the stages' runs nest under; runs that killed processes left open are closed first."""

        def job(tracking: Tracking) -> None:
            try:
                self._attempt(lambda: close_dead_runs_of(tracking))
                links = _describe(tags)
                run_id = tracking.start_run(name, tags={**self._tags(), **tags, **links}, parent_run_id=None)
                self._parent_run_id, self._parent_run_url = run_id, tracking.run_url(run_id)
                self._opened_parent = True
                tracking.log(run_id, params=params)
            finally:
                self._parent_is_known.set()

        self._jobs.put(job)

    def wait_for_parent_run_id(self, timeout_seconds: float) -> str | None:
        """The id of the run that ``open_chain`` starts; None when MLflow has not given one in time."""
        self._parent_is_known.wait(timeout_seconds)
        return self._parent_run_id if self._opened_parent else None

    def parent_run_url(self, *, wait_seconds: float) -> str | None:
        """The page of that run in MLflow's UI; None when MLflow has not given one in time."""
        return self._parent_run_url if self.wait_for_parent_run_id(wait_seconds) is not None else None

    def tag_chain(self, tags: Mapping[str, str]) -> None:
        """Set tags of the parent run, such as the DVC experiment that keeps the result."""

        def job(tracking: Tracking) -> None:
            if self._opened_parent and self._parent_run_id is not None:
                tracking.log(self._parent_run_id, tags=tags)

        self._jobs.put(job)

    def open_stage(self, stage: str, *, params: Mapping[str, str]) -> None:
        """Start a stage's run; its steps are logged as they come."""

        def job(tracking: Tracking) -> None:
            tags = {**self._tags(), "dvc.stage": stage}
            run_id = tracking.start_run(stage, tags=tags, parent_run_id=self._parent_run_id)
            self._stage = _OpenStage(stage, run_id, params, Spool(self._invocation, stage))
            tracking.log(run_id, params=params)
            self._watch_machine(tracking)
            if not self._opened_parent:  # else the inputs come with the end, when DVC has their versions
                tracking.log_inputs(run_id, data_sets(find_stage(stage), hash_path))

        self._jobs.put(job)

    def close_stage(
        self, stage: str, status: RunStatus, *, reused: bool, tags: Mapping[str, str] | None = None
    ) -> None:
        """End a stage's run with its figures; ``reused`` when DVC took the result as it was."""
        versions = Versions.read()  # now: the next stage's DVC will write the lock

        def job(tracking: Tracking) -> None:
            if self._stage is None:  # its opening failed
                return
            opened, self._stage = self._stage, None
            try:
                if opened.stop_watching is not None:
                    opened.stop_watching()
                self._log_new_steps(tracking, opened)
                if status == "FINISHED":
                    end = StageEnd(find_stage(stage), reused, versions, is_locked=self._opened_parent)
                    self._log_end(tracking, opened, end, tags or {})
                else:
                    tracking.log(opened.run_id, tags={**(tags or {}), "reused": "false"})
            finally:
                tracking.end_run(opened.run_id, status)
                opened.spool.remove()

        self._jobs.put(job)

    def close(self, status: RunStatus) -> str | None:
        """End the parent run, wait until everything is written, and say what went wrong, if anything."""

        def job(tracking: Tracking) -> None:
            if self._opened_parent and self._parent_run_id is not None:
                figures = {"cost/usd": self._dollars_spent, "cost/usd_with_reused_stages": self._dollars_all}
                tracking.log(self._parent_run_id, figures=single_figures(figures))
                tracking.end_run(self._parent_run_id, status)

        self._jobs.put(job)
        self._jobs.put(None)
        seconds = SECONDS_TO_FINISH_WHEN_KILLED if status == "KILLED" else SECONDS_TO_FINISH
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._is_given_up = True
            self._failures.append(f"not done after {seconds:.0f} s")
        if not self._failures:
            return None
        place = without_password(self._settings.tracking_uri)
        return (
            f"MLflow at {place} did not take everything ({self._failures[0]}). The figures stand in metrics/ and "
            "ledger/; mend MLflow or unset MLFLOW_TRACKING_URI, and run again to have them logged."
        )

    def _tags(self) -> dict[str, str]:
        if self._own_tags is None:  # the code is that of the start, whatever is committed meanwhile
            self._own_tags = {"s1.invocation": self._invocation, **git_tags()}
        return self._own_tags

    def _work(self) -> None:
        try:
            tracking = self._connect(self._settings)
        except Exception as error:
            self._note(error)
            self._parent_is_known.set()
            return
        while len(self._failures) < _MAX_FAILURES:
            try:
                job = self._jobs.get(timeout=SECONDS_BETWEEN_STEP_BATCHES)
            except queue.Empty:
                job = self._follow_open_stage
            if job is None or self._is_given_up:
                return
            self._attempt(lambda: job(tracking))  # noqa: B023 - called at once
        self._parent_is_known.set()

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """The action's result; None when it failed, which is noted."""
        try:
            return action()
        except Exception as error:
            self._note(error)
            return None

    def _note(self, error: Exception) -> None:
        logger.debug("MLflow failed", exc_info=error)
        lines = redact(str(error)).strip().splitlines() or [""]
        self._failures.append(f"{type(error).__name__}: {lines[0][:200]}")

    def _follow_open_stage(self, tracking: Tracking) -> None:
        if self._stage is not None:
            self._watch_machine(tracking)
            self._log_new_steps(tracking, self._stage)

    def _watch_machine(self, tracking: Tracking) -> None:
        stage = self._stage
        if stage is None or stage.name != _WATCHED_STAGE or stage.stop_watching is not None:
            return
        if stage.spool.has_started:  # DVC may find that it need not run
            stage.stop_watching = tracking.watch_machine(stage.run_id)

    def _log_new_steps(self, tracking: Tracking, stage: _OpenStage) -> None:
        steps = stage.spool.read_new_steps()
        if steps:
            tracking.log_steps(stage.run_id, steps)

    def _log_end(self, tracking: Tracking, opened: _OpenStage, end: StageEnd, tags: Mapping[str, str]) -> None:
        chain_run_id = self._parent_run_id if self._opened_parent else None
        own_tags = {**end.tags(), **tags}
        figures = [*end.figures(), *self._cost(end)]
        computed_by: str | None = None
        if end.reused and "dvc.ledger_md5" in own_tags:
            computed_by = self._attempt(lambda: tracking.find_computing_run(own_tags["dvc.ledger_md5"]))
            own_tags |= {"s1.computed_by": computed_by} if computed_by is not None else {}
        lineage = self._make_lineage(tracking, chain_run_id)
        linked = self._attempt(  # a store without a registry costs the links, not the figures
            lambda: lineage.link(end, run_id=opened.run_id, params=opened.params, computed_by=computed_by)
        )
        linked = linked or Linked()
        tracking.log(opened.run_id, tags={**own_tags, **linked.tags}, figures=figures, about=linked.subject_of)
        tracking.log_files(opened.run_id, end.files())
        if chain_run_id is not None and (shown := end.chain_figures()):
            tracking.log(chain_run_id, figures=shown)
        if chain_run_id is not None and (pages := end.pages()):
            tracking.log_files(chain_run_id, pages)

    def _cost(self, end: StageEnd) -> list[CurvePoint]:
        """Quantities of the ledger and their price today."""
        ledger, prices = end.ledger(), load_prices()
        dollars = prices.dollars(ledger)
        self._dollars_all += dollars or 0.0  # sums are of what was measured, as in the report
        self._dollars_spent += 0.0 if end.reused else dollars or 0.0
        return cost_figures(ledger, dollars=dollars, models=prices.model_dollars(ledger))


@contextmanager
def recording(recorder: Recorder, *, warn: Callable[[str], None], stage: str | None = None) -> Iterator[None]:
    """End the recorder with the block, as the block ends: well, by an error, or by being told to (Ctrl-C, a signal).

    Args:
        warn: told what MLflow did not take, if anything.
        stage: the open stage that ends with it, where there is no parent flow.
    """
    status: RunStatus = "FINISHED"
    try:
        yield
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        raise
    finally:
        if stage is not None:
            recorder.close_stage(stage, status, reused=False)
        warning = recorder.close(status)
        if warning is not None:
            warn(warning)


def _describe(tags: Mapping[str, str]) -> dict[str, str]:
    """The text over a run's page, where MLflow makes links of links."""
    url = tags.get("prefect.url")
    return {"mlflow.note.content": f"[Flow run in Prefect]({url})"} if url is not None else {}
