"""The page of a flow run as Markdown: where to look, the curve, the cost so far and the funnel in one place.

Knows the stages' figures and Prefect's Markdown, which takes tables and pictures; does not import Prefect. Names that
come from outside are escaped, and no text that was collected goes here.

Example::

    write_page([("base", True), ("collect", False)], mlflow_url=None)       # '### Cost so far …'
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from infra.prices import load_prices
from s1.not_run import WORDS, is_not_run
from s1.report.content import CostLedger
from s1.report.curves import scaling_chart
from s1.report.image import as_data_url, draw_image
from s1.report.reading import read_results
from s1.report.stage_reading import read_funnel, read_stage_cost
from s1.report.words import duration
from tasks.paths import LEDGER_FOLDER, METRICS_FOLDER, REPORT

Row = dict[str, str]
Ended = Sequence[tuple[str, bool]]
"""Stages and whether each was reused, in the order of running."""

_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]()#+.!|<>~&:@-])")
_NUMBERS = {"questions", "time", "CPU hours", "GPU hours", "dollars"}
"""Columns whose figures stand under each other."""


def write_page(ended: Ended, *, mlflow_url: str | None) -> str:
    """The page after the stages that have ended; figures of an earlier run that lie in the folder are not on it."""
    stages = [stage for stage, _ in ended]
    parts = [_links(mlflow_url, has_report="report" in stages)]
    if "score" in stages:
        parts += curves()
    parts.append(f"### Cost so far\n\n{_table(cost_rows(ended))}")
    if "select" in stages:
        parts.append(f"### From the pool to the selection\n\n{_table(funnel_rows())}")
    return "\n\n".join(part for part in parts if part)


def report_url(mlflow_url: str) -> str:
    """Where MLflow shows the report that is kept with its run."""
    return f"{mlflow_url}/artifacts/{REPORT}"


def cost_rows(ended: Ended) -> list[Row]:
    """The sum, then one row a stage; a stage that DVC took as it was has cost nothing this time."""
    prices = load_prices()
    costs = []
    for stage, _ in ended:
        ledger = _read(LEDGER_FOLDER / f"{stage}.json")
        costs.append(read_stage_cost(stage, ledger, dollars=prices.dollars(cast(Mapping[str, float], ledger))))
    left_out = [stage for stage, _ in ended if is_not_run(_read(METRICS_FOLDER / f"{stage}.json"))]
    spent = [cost for cost, (stage, reused) in zip(costs, ended, strict=True) if not reused and stage not in left_out]
    total = CostLedger(tuple(spent)).total
    rows = [
        {
            "stage": "all that ran",
            "this run": f"{len(spent)} of {len(ended)}",
            "time": duration(total.wall_seconds or 0.0),
            "CPU hours": _figure(total.cpu_hours or 0.0),
            "GPU hours": _figure(total.gpu_hours or 0.0),
            "dollars": _figure(total.dollars or 0.0),
        }
    ]
    for cost, (stage, reused) in zip(costs, ended, strict=True):
        rows.append(
            {
                "stage": stage,
                "this run": WORDS if stage in left_out else "reused" if reused else "ran",
                "time": duration(cost.wall_seconds),
                "CPU hours": _figure(cost.cpu_hours),
                "GPU hours": _figure(cost.gpu_hours),
                "dollars": _figure(cost.dollars),
            }
        )
    return rows


def funnel_rows() -> list[Row]:
    """Questions left after each step, and why the others left."""
    steps = read_funnel(_read(METRICS_FOLDER / "curate.json"), _read(METRICS_FOLDER / "select.json"))
    return [
        {
            "step": step.name,
            "questions": "" if step.count is None else f"{step.count:,}",
            "left here because": ", ".join(f"{reason}: {count:,}" for reason, count in step.reasons),
        }
        for step in steps
    ]


def curves() -> list[str]:
    """Accuracy against thinking on each benchmark, as a picture under its title."""
    scores = _read(METRICS_FOLDER / "score.json")
    if is_not_run(scores):
        return []
    charts = [scaling_chart(result) for result in read_results(scores)]
    return [
        f"### {escape(chart.title)}\n\n![{escape(chart.description)}]({as_data_url(draw_image(chart))})"
        for chart in charts
        if chart is not None
    ]


def escape(text: str) -> str:
    """Text that Markdown shows as it stands, in one line, whatever it looks like."""
    return _MEANS_SOMETHING.sub(r"\\\1", " ".join(text.split()))


def _links(mlflow_url: str | None, *, has_report: bool) -> str:
    if mlflow_url is None:
        return ""
    figures = f"[Figures in MLflow]({mlflow_url})"
    return f"**[Report]({report_url(mlflow_url)})** | {figures}" if has_report else figures


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    columns = list(rows[0])
    rule = ["---:" if column in _NUMBERS else "---" for column in columns]
    lines = [columns, rule, *([escape(row[column]) for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
