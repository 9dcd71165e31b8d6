"""Remembers a run in MLflow from a thread of its own, so that no stage waits for MLflow or dies with it.

Knows which figures of a stage go where; does not run stages. Who hosts it was decided by measurement (two busy cores):
importing MLflow with its SQL store costs 3.3 s of CPU, and twelve stages of often one second each would pay it twelve
times. So the parent flow hosts one recorder for all its stages, which only append to their spool (``infra.spool``);
under a bare ``dvc repro`` there is no parent and each stage hosts its own, importing while it works. Numbers are read
from ``metrics/`` and ``ledger/``, which stand whatever happens here: when MLflow fails, ``close`` says so
and nothing else changes.

Example::

    recorder = Recorder(settings, invocation="laptop-4711-1700000000")
    recorder.open_stage("curate")
    ...                                     # the stage runs
    recorder.close_stage("curate", "FINISHED")
    recorder.close("FINISHED")              # None, or what went wrong
"""

import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.figures import curve_points, flatten_metrics
from infra.prices import SECONDS_PER_HOUR, load_prices
from infra.provenance import git_tags
from infra.settings import Settings
from infra.spool import Spool
from infra.tracking import RunStatus, Tracking

SECONDS_BETWEEN_STEP_BATCHES = 2.0
SECONDS_TO_FINISH = 90.0
_MAX_FAILURES = 3
_REPORT = Path("reports/report.html")

logger = logging.getLogger(__name__)

Job = Callable[[Tracking], None]


class Recorder:
    """Writes one invocation's runs: a parent run if opened, and one run per stage."""

    def __init__(
        self,
        settings: Settings,
        *,
        invocation: str,
        connect: Callable[[Settings], Tracking] = Tracking.connect,
    ) -> None:
        self._settings = settings
        self._invocation = invocation
        self._connect = connect
        self._parent_run_id = settings.mlflow_parent_run_id
        self._opened_parent = False
        self._stage_run_id: str | None = None
        self._spool: Spool | None = None
        self._failures: list[str] = []
        self._dollars_spent = 0.0
        self._dollars_all = 0.0
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def open_chain(self, name: str, *, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Start the run that the stages' runs nest under."""

        def job(tracking: Tracking) -> None:
            self._parent_run_id = tracking.start_run(name, tags={**self._tags(), **tags}, parent_run_id=None)
            self._opened_parent = True
            tracking.log_params(self._parent_run_id, params)

        self._jobs.put(job)

    def open_stage(self, stage: str, *, params: Mapping[str, str]) -> None:
        """Start a stage's run; its steps are logged as they come."""

        def job(tracking: Tracking) -> None:
            self._spool = Spool(self._invocation, stage)
            tags = {**self._tags(), "dvc.stage": stage}
            self._stage_run_id = tracking.start_run(stage, tags=tags, parent_run_id=self._parent_run_id)
            tracking.log_params(self._stage_run_id, params)

        self._jobs.put(job)

    def close_stage(
        self, stage: str, status: RunStatus, *, reused: bool, tags: Mapping[str, str] | None = None
    ) -> None:
        """End a stage's run with its figures; ``reused`` when DVC took the result as it was."""

        def job(tracking: Tracking) -> None:
            if self._stage_run_id is None:  # its opening failed
                return
            run_id, self._stage_run_id = self._stage_run_id, None
            try:
                self._log_new_steps(tracking, run_id)
                tracking.set_tags(run_id, {**(tags or {}), "reused": "true" if reused else "false"})
                if status == "FINISHED":
                    self._log_results(tracking, run_id, stage, reused=reused)
            finally:
                tracking.end_run(run_id, status)
                if self._spool is not None:
                    self._spool.remove()
                    self._spool = None

        self._jobs.put(job)

    def close(self, status: RunStatus) -> str | None:
        """End the parent run, wait until everything is written, and say what went wrong, if anything."""

        def job(tracking: Tracking) -> None:
            if self._opened_parent and self._parent_run_id is not None:
                figures = {"cost/usd": self._dollars_spent, "cost/usd_with_reused_stages": self._dollars_all}
                tracking.log_metrics(self._parent_run_id, figures)
                tracking.log_files(self._parent_run_id, [_REPORT])
                tracking.end_run(self._parent_run_id, status)

        self._jobs.put(job)
        self._jobs.put(None)
        self._thread.join(SECONDS_TO_FINISH)
        if self._thread.is_alive():
            self._failures.append(f"not done after {SECONDS_TO_FINISH:.0f} s")
        if not self._failures:
            return None
        return (
            f"MLflow at {self._settings.tracking_uri} did not take everything ({self._failures[0]}). The figures stand "
            "in metrics/ and ledger/; mend MLflow or unset MLFLOW_TRACKING_URI, and run again to have them logged."
        )

    def _tags(self) -> dict[str, str]:
        return {"s1.invocation": self._invocation, **git_tags()}

    def _work(self) -> None:
        try:
            tracking = self._connect(self._settings)
        except Exception as error:
            self._note(error)
            return
        while len(self._failures) < _MAX_FAILURES:
            try:
                job = self._jobs.get(timeout=SECONDS_BETWEEN_STEP_BATCHES)
            except queue.Empty:
                job = self._log_steps_of_open_stage
            if job is None:
                return
            try:
                job(tracking)
            except Exception as error:
                self._note(error)

    def _note(self, error: Exception) -> None:
        logger.debug("MLflow failed", exc_info=error)
        lines = str(error).strip().splitlines() or [""]
        self._failures.append(f"{type(error).__name__}: {lines[0][:200]}")

    def _log_steps_of_open_stage(self, tracking: Tracking) -> None:
        if self._stage_run_id is not None:
            self._log_new_steps(tracking, self._stage_run_id)

    def _log_new_steps(self, tracking: Tracking, run_id: str) -> None:
        if self._spool is not None:
            tracking.log_steps(run_id, self._spool.read_new_steps())

    def _log_results(self, tracking: Tracking, run_id: str, stage: str, *, reused: bool) -> None:
        metrics_path, ledger_path = Path(f"metrics/{stage}.json"), Path(f"ledger/{stage}.json")
        figures = flatten_metrics(_read_json(metrics_path))
        tracking.log_metrics(run_id, {**figures, **self._cost(_read_json(ledger_path), reused=reused)})
        tracking.log_files(run_id, [metrics_path, ledger_path])
        if stage == "report":
            tracking.log_files(run_id, [_REPORT])
        if stage == "score":
            points = curve_points(_read_json(metrics_path))
            tracking.log_curve(run_id, points)
            if self._opened_parent and self._parent_run_id is not None:
                tracking.log_curve(self._parent_run_id, points)
                tracking.log_metrics(self._parent_run_id, {f"score/{key}": value for key, value in figures.items()})

    def _cost(self, ledger: Mapping[str, float], *, reused: bool) -> dict[str, float]:
        """Quantities of the ledger and their price today."""
        dollars = load_prices().dollars(ledger)
        self._dollars_all += dollars
        self._dollars_spent += 0.0 if reused else dollars
        hours = {
            f"cost/{kind}_hours": ledger[f"{kind}_seconds"] / SECONDS_PER_HOUR
            for kind in ("cpu", "gpu")
            if f"{kind}_seconds" in ledger
        }
        return {**flatten_metrics(ledger, "cost"), **hours, "cost/usd": dollars}


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
