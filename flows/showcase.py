"""What a flow run of the chain shows on its page in Prefect: the funnel, the cost so far, the curve, and where to look.

Knows Prefect's artifacts and the stages' figures; does not run stages. Figures and names of our own only: no text that
was collected goes here. Whatever Prefect refuses costs a warning, never the run. Importing this module imports Prefect.

Example::

    showcase = Showcase(recorder)
    showcase.stage_ended("select", reused=False)
    showcase.close(["collect", "curate", "select"])
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import create_image_artifact, create_link_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from infra.prices import load_prices
from infra.recorder import Recorder
from s1.report.content import CostLedger
from s1.report.curves import scaling_chart
from s1.report.image import as_data_url, draw_image
from s1.report.reading import read_funnel, read_results, read_stage_cost
from s1.report.words import duration
from tasks.paths import LEDGER_FOLDER, METRICS_FOLDER, REPORT

logger = logging.getLogger(__name__)

Rows = list[dict[str, Any]]

_SECONDS_FOR_MLFLOW = 20.0
"""MLflow's thread may still be importing it when a short run ends."""


class Showcase:
    """The artifacts of one flow run; call it from the flow itself, so that they belong to the run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._linked_run = False
        self._ended: list[tuple[str, bool]] = []
        self._cost_artifact: UUID | None = None

    def stage_ended(self, stage: str, *, reused: bool) -> None:
        """Show what this stage has added: its cost, and the funnel or the curve where it made one."""
        self._ended.append((stage, reused))
        self._link_mlflow(wait_seconds=0.0)
        _attempt(self._show_cost)
        if stage == "select":
            _attempt(_show_funnel)
        if stage == "score":
            _attempt(_show_curves)

    def close(self, stages: Sequence[str]) -> None:
        """Show where the run's figures and its report are."""
        self._link_mlflow(wait_seconds=_SECONDS_FOR_MLFLOW)
        url = self._recorder.parent_run_url(wait_seconds=0.0)
        if url is not None and "report" in stages:
            text = "The report of this run, kept with its MLflow run."
            page = f"{url}/artifacts/{REPORT}"
            _attempt(lambda: create_link_artifact(page, "Report", key="s1-report", description=text))

    def _link_mlflow(self, *, wait_seconds: float) -> None:
        url = None if self._linked_run else self._recorder.parent_run_url(wait_seconds=wait_seconds)
        if url is not None:
            self._linked_run = True
            text = "Figures, parameters and files of this run in MLflow."
            _attempt(lambda: create_link_artifact(url, "MLflow run", key="s1-mlflow", description=text))

    def _show_cost(self) -> None:
        rows = cost_rows(self._ended)
        if self._cost_artifact is None:
            text = "What the stages of this run have cost so far, at the prices of prices.yaml."
            self._cost_artifact = cast(UUID, create_table_artifact(rows, key="s1-cost", description=text))
        else:
            with get_client(sync_client=True) as client:
                client.update_artifact(self._cost_artifact, ArtifactUpdate(data=json.dumps(rows)))


def cost_rows(ended: list[tuple[str, bool]]) -> Rows:
    """One row a stage and their sum; a stage that DVC took as it was has cost nothing this time.

    Args:
        ended: stage and whether it was reused, in the order of running.
    """
    prices = load_prices()
    rows: Rows = []
    spent = []
    for stage, reused in ended:
        ledger = _read(LEDGER_FOLDER / f"{stage}.json")
        cost = read_stage_cost(stage, ledger, dollars=prices.dollars(cast(Mapping[str, float], ledger)))
        if not reused:
            spent.append(cost)
        rows.append(
            {
                "stage": stage,
                "this run": "reused" if reused else "ran",
                "time": duration(cost.wall_seconds),
                "CPU hours": _figure(cost.cpu_hours),
                "GPU hours": _figure(cost.gpu_hours),
                "dollars": _figure(cost.dollars),
            }
        )
    total = CostLedger(tuple(spent)).total
    rows.append(
        {
            "stage": "spent by this run",
            "this run": f"{len(spent)} of {len(ended)} ran",
            "time": duration(total.wall_seconds or 0.0),
            "CPU hours": _figure(total.cpu_hours or 0.0),
            "GPU hours": _figure(total.gpu_hours or 0.0),
            "dollars": _figure(total.dollars or 0.0),
        }
    )
    return rows


def funnel_rows() -> Rows:
    """Questions left after each step, and why the others left."""
    steps = read_funnel(_read(METRICS_FOLDER / "curate.json"), _read(METRICS_FOLDER / "select.json"))
    return [
        {
            "step": step.name,
            "questions": step.count,
            "left here because": ", ".join(f"{reason}: {count:,}" for reason, count in step.reasons),
        }
        for step in steps
    ]


def _show_funnel() -> None:
    rows = funnel_rows()
    if rows:
        create_table_artifact(rows, key="s1-funnel", description="From the pool to the selection.")


def _show_curves() -> None:
    for number, result in enumerate(read_results(_read(METRICS_FOLDER / "score.json"))):
        chart = scaling_chart(result)
        if chart is not None:
            key = "s1-curve" if number == 0 else f"s1-curve-{number + 1}"
            create_image_artifact(as_data_url(draw_image(chart)), key=key, description=chart.title)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _attempt(show: Callable[[], object]) -> None:
    try:
        show()
    except Exception as error:
        logger.warning("Prefect shows less of this run: %s: %s", type(error).__name__, str(error)[:200])
