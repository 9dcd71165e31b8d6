"""The proof that one can work from Prefect's UI: somebody with nothing but a browser runs the chain.

A whole chain of the real project at the smallest setting, real servers, a real worker. The run is started and followed
once; the tests look at what the pages show then.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("playwright.sync_api", reason="pip install playwright brings the browser's driver")

from playwright.sync_api import BrowserContext, Locator, Page, expect

from bench.soak_home import Home, create_home
from infra.pipeline import read_pipeline
from tests.browser.run_form import CHROMIUM, TIMEOUT_MS, find_field, open_browser, set_field

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]

PROJECT = Path(__file__).resolve().parents[2]
STAGES = set(read_pipeline(PROJECT / "dvc.yaml"))
MINUTES_FOR_A_CHAIN = 15
expect.set_options(timeout=TIMEOUT_MS)
_ENDED = re.compile("^(Completed|Failed|Crashed|Cancelled)$")
_GRAPH_IS_LEFT = "Cannot read properties of null (reading 'x')"
"""What the library that draws a run's graph says, now and then, when one leaves the page while it draws."""


@dataclass(frozen=True)
class Proof:
    """A run that a browser started and followed to its end."""

    home: Home
    prefect: str
    mlflow: str
    """Addresses that ``up`` printed."""
    context: BrowserContext
    run_url: str
    run_name: str
    ended: str
    """Name of the state in which it ended, as the page shows it."""
    script_errors: list[str]

    def open_run(self, tab: str) -> Page:
        """A new page that shows one tab of the run."""
        page = self.context.new_page()
        page.goto(self.run_url)
        page.get_by_role("tab", name=tab, exact=True).click()
        return page

    def open_result(self) -> Page:
        """The page that a run's only artifact leads to."""
        page = self.open_run("Artifacts")
        page.get_by_text("Curve, cost, funnel, links").click()
        expect(page.get_by_role("heading", name="Cost so far")).to_be_visible()
        return page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = create_home(tmp_path_factory.mktemp("proof") / "home", source=PROJECT)
    try:
        yield made
    finally:
        made.run("-m", "flows.services", "down", "--force")
        for process in made.processes():
            process.kill()


@pytest.fixture(scope="module")
def proof(home: Home) -> Iterator[Proof]:
    up = home.run("-m", "flows.services", "up")
    assert up.returncode == 0, up.stdout
    prefect, mlflow = (
        re.findall(rf"^ +{name} +(http://\S+)", up.stdout, re.MULTILINE)[0] for name in ("Prefect", "MLflow")
    )
    errors: list[str] = []
    with open_browser() as browser:
        context = browser.new_context(
            viewport={"width": 1400, "height": 1000}, permissions=["clipboard-read", "clipboard-write"]
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        page = context.new_page()
        name = start_in_browser(page, prefect)
        ended = follow(page)
        yield Proof(home, prefect, mlflow, context, page.url, name, ended, errors)


def start_in_browser(page: Page, address: str) -> str:
    """From the start page to the run's own page, with one parameter changed; returns the run's name."""
    page.goto(address)
    page.get_by_role("link", name="Deployments").click()
    row = page.get_by_role("row").filter(has_text="whole chain")
    row.get_by_role("link", name="nano", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom run").click()
    expect(find_field(page, "params")).to_be_visible()
    set_field(page, "params.train.num_epochs", 3)
    name = page.get_by_label("Run Name").input_value()
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="View run").click()
    expect(page.get_by_text(name, exact=True).first).to_be_visible()
    return name


def follow(page: Page) -> str:
    """Watch the run's page until it says how the run has ended."""
    expect(page.get_by_text(_ENDED).first).to_be_visible(timeout=MINUTES_FOR_A_CHAIN * 60_000)
    return page.get_by_text(_ENDED).first.inner_text()


def table_under(page: Page, heading: str) -> list[list[str]]:
    """Rows of the table that follows a heading, its own heading first."""
    table = page.locator(f"xpath=//h3[normalize-space()='{heading}']/following::table[1]")
    rows: list[list[str]] = table.evaluate("t => [...t.rows].map(row => [...row.cells].map(cell => cell.innerText))")
    return rows


def width_of(drawing: Locator) -> float:
    box = drawing.bounding_box()
    return box["width"] if box is not None else 0.0


def test_a_run_with_a_changed_parameter_is_followed_to_its_end(proof: Proof) -> None:
    assert proof.ended == "Completed"
    page = proof.open_run("Parameters")
    page.get_by_role("button", name="Copy parameters").click()  # the page draws only those lines that are seen
    parameters = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert parameters["params"]["train"]["num_epochs"] == 3


def test_its_stages_are_shown_as_runs_of_their_own(proof: Proof) -> None:
    page = proof.open_run("Subflow Runs")
    expect(page.get_by_text(f"{len(STAGES)} Subflow runs")).to_be_visible()
    names: set[str] = set()
    panel = page.get_by_role("tabpanel", name="Subflow Runs")
    for num in (10, len(STAGES) - 10):  # ten on a page
        links = panel.locator("a[href*='/runs/flow-run/']")
        expect(links).to_have_count(num)
        expect(panel.get_by_text("Completed", exact=True)).to_have_count(num)
        names |= set(links.all_inner_texts())
        next_page = panel.get_by_role("button", name="Go to next page")
        if next_page.is_enabled():
            next_page.click()
            expect(panel.get_by_text("Page 2 of 2")).to_be_visible()
            page.wait_for_load_state("networkidle")
    assert names == STAGES


def test_one_page_shows_curve_cost_and_funnel(proof: Proof) -> None:
    page = proof.open_result()
    expect(page.get_by_role("heading", name="Accuracy against thinking on nano-test")).to_be_visible()
    assert page.locator("img[src^='data:image/svg+xml']").evaluate("image => image.naturalWidth") == 760
    head, total, *stages = table_under(page, "Cost so far")
    assert head[:3] == ["stage", "this run", "time"]
    assert total[:2] == ["all that ran", "12 of 12"]
    assert float(total[-1]) > 0
    assert {row[0]: row[1] for row in stages} == dict.fromkeys(STAGES, "ran")
    funnel = table_under(page, "From the pool to the selection")
    assert funnel[1][:2] == ["collected", "810"]
    assert funnel[-1] == ["selected", "48", "not_drawn: 752"]


def test_its_link_opens_the_report_with_its_chart(proof: Proof) -> None:
    page = proof.open_result()
    page.get_by_role("link", name="Report", exact=True).click()
    report = page.frame_locator("iframe")
    expect(report.get_by_role("heading", level=1)).to_have_text("s1 nano")
    expect(report.get_by_text("the model fine-tuned on 48 examples")).to_be_visible()
    charts = report.locator("svg:visible")
    expect(charts.first).to_be_visible()
    assert width_of(charts.first) > 200
    assert page.url.startswith(f"{proof.mlflow}/#/experiments/")


def test_its_other_link_opens_the_mlflow_run_with_its_curve(proof: Proof) -> None:
    page = proof.open_result()
    page.get_by_role("link", name="Figures in MLflow").click()
    expect(page.get_by_role("heading", name=proof.run_name)).to_be_visible()
    page.get_by_role("tab", name="Model metrics").click()
    page.get_by_placeholder("Search metric charts").fill("accuracy_by_budget")
    chart = page.locator(".js-plotly-plot")
    expect(chart).to_have_count(1)
    expect(page.get_by_text("nano-test.tuned", exact=True)).to_be_visible()
    expect(chart.locator(".scatterlayer .point")).to_have_count(3)  # budgets 8, 16, 32
    assert width_of(chart) > 100


def test_mlflow_leads_back_to_the_run_in_prefect(proof: Proof) -> None:
    page = proof.open_result()
    page.get_by_role("link", name="Figures in MLflow").click()
    with proof.context.expect_page() as opened:
        page.get_by_role("link", name="Flow run in Prefect").click()
    expect(opened.value.get_by_text(proof.run_name, exact=True).first).to_be_visible()
    assert opened.value.url.split("?")[0] == proof.run_url.split("?")[0]


def test_the_checkout_stays_as_it_was_and_has_the_experiment(proof: Proof) -> None:
    folder = proof.home.folder

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout

    assert git("status", "--porcelain") == ""
    assert git("for-each-ref", "--format=%(refname)", "refs/exps").strip().endswith(f"/{proof.run_name}")
    ref = git("for-each-ref", "--format=%(refname)", "refs/exps").strip()
    params: Any = yaml.safe_load(git("show", f"{ref}:params.yaml"))
    assert params["train"]["num_epochs"] == 3


def test_no_script_of_any_page_failed(proof: Proof) -> None:
    assert [error for error in proof.script_errors if _GRAPH_IS_LEFT not in error] == []
