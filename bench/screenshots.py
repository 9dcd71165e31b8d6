"""Pictures of the docs, taken by a real browser: forms and runs in Prefect's UI, scaling curves in MLflow's.

Needs the servers of ``make up`` with a completed run of ``s1/nano``, and at least two chain runs in MLflow; Chromium,
and the package ``playwright``, which drives it. Looks only: nothing is started or written there.

Example::

    python -m bench.screenshots --browser /usr/bin/chromium     # docs/images/prefect-form.png, …
"""

import argparse
import json
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGES = Path("docs/images")
DEPLOYMENT = "s1/nano"
CURVE = "accuracy_by_budget/nano-test.tuned"
SECONDS_TO_DRAW = 8.0
"""After a page's text stands, its charts are fetched and drawn."""
_SECONDS_TO_LOAD = 120.0
_NUM_COLOURS = 256
"""Of the saved pictures: text and lines need no more, and the files stay small."""


@dataclass(frozen=True, slots=True)
class Page:
    """One picture to take."""

    name: str
    url: str
    shows: str
    """Text that stands there once the page is drawn."""
    search: str | None = None
    """Typed into the page's search for charts."""


def main(argv: Sequence[str]) -> int:
    """Take the pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("--prefect", default="http://127.0.0.1:4200")
    parser.add_argument("--mlflow", default="http://127.0.0.1:5000")
    parser.add_argument("--only", choices=("prefect", "mlflow"), help="of one server only")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--experiment", default="s1")
    parser.add_argument("--folder", type=Path, default=IMAGES)
    arguments = parser.parse_args(argv)
    pages = []
    if arguments.only != "mlflow":
        pages += plan_prefect(arguments.prefect.rstrip("/"))
    if arguments.only != "prefect":
        pages += plan_mlflow(arguments.mlflow.rstrip("/"), arguments.experiment)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for path in take(pages, browser=arguments.browser, folder=arguments.folder):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    return 0


def plan_prefect(server: str) -> list[Page]:
    """The form of the whole chain, its newest completed run, and what that run shows.

    Raises:
        ValueError: no run has completed.
    """
    deployment = _ask(f"{server}/api/deployments/name/{DEPLOYMENT}")["id"]
    completed = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["COMPLETED"]}}}
    wanted = {"flow_runs": completed, "sort": "END_TIME_DESC", "limit": 1}
    runs = _ask(f"{server}/api/flow_runs/filter", wanted)
    if not runs:
        raise ValueError(f"{server} has no completed run of {DEPLOYMENT}; make one")
    run = runs[0]["id"]
    of_run = {"artifacts": {"flow_run_id": {"any_": [run]}, "type": {"any_": ["markdown"]}}, "limit": 1}
    result = _ask(f"{server}/api/artifacts/filter", of_run)[0]["id"]
    return [
        Page("prefect-form", f"{server}/v2/deployments/deployment/{deployment}/run", "Hidden size"),
        Page("prefect-run", f"{server}/v2/runs/flow-run/{run}?tab=SubflowRuns", "Subflow run"),
        Page("prefect-result", f"{server}/v2/artifacts/artifact/{result}", "Cost so far"),
    ]


def plan_mlflow(server: str, experiment: str) -> list[Page]:
    """Which pages show the curves of the two newest chain runs that have them.

    Raises:
        ValueError: there are no two such runs.
    """
    query = urllib.parse.quote(experiment)
    found = _ask(f"{server}/api/2.0/mlflow/experiments/get-by-name?experiment_name={query}")
    number = found["experiment"]["experiment_id"]
    wanted = {"experiment_ids": [number], "filter": "attributes.status = 'FINISHED'", "max_results": 1000}
    runs = _ask(f"{server}/api/2.0/mlflow/runs/search", wanted).get("runs", [])
    chains = [run["info"]["run_id"] for run in runs if _is_chain(run)][:2]
    if len(chains) < 2:
        raise ValueError(f"{server} has {len(chains)} chain runs with a curve; make two with different parameters")
    metric = {
        "runs": chains,
        "metric": CURVE,
        "experiments": [number],
        "plot_metric_keys": [CURVE],
        "plot_layout": {},
        "deselected_curves": [],
        "last_linear_y_axis_range": [],
    }
    encoded = urllib.parse.urlencode({name: json.dumps(value) for name, value in metric.items()})
    overlay = f"{server}/#/metric?{encoded}&x_axis=step&y_axis_scale=linear&line_smoothness=1&show_point=true"
    charts = f"{server}/#/experiments/{number}/runs?compareRunsMode=CHART"
    return [Page("mlflow-curves", charts, CURVE, search="accuracy_by"), Page("mlflow-compare", overlay, CURVE)]


def _is_chain(run: dict[str, Any]) -> bool:
    tags = {item["key"] for item in run["data"].get("tags", [])}
    figures = {item["key"] for item in run["data"].get("metrics", [])}
    return "mlflow.parentRunId" not in tags and CURVE in figures


def _ask(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_SECONDS_TO_LOAD) as response:
        return json.load(response)


def take(pages: Sequence[Page], *, browser: str, folder: Path) -> list[Path]:
    """Open each page and save its picture."""
    from playwright.sync_api import sync_playwright

    saved = []
    with sync_playwright() as library:
        chromium = library.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = chromium.new_page(viewport={"width": 1400, "height": 1000})
        tab.set_default_timeout(_SECONDS_TO_LOAD * 1000)
        # The assistant, which opens itself on the first visit, would cover a quarter of the page.
        tab.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
        for page in pages:
            tab.goto(page.url)
            if page.search is not None:
                tab.get_by_placeholder("Search metric charts").fill(page.search)
            tab.get_by_text(page.shows).first.wait_for()
            time.sleep(SECONDS_TO_DRAW)
            path = folder / f"{page.name}.png"
            tab.screenshot(path=path)
            _shrink(path)
            saved.append(path)
        chromium.close()
    return saved


def _shrink(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(_NUM_COLOURS)
    small.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
