"""Scripts in collected text never run and ask nobody for anything: in the report, DVC's plots, and Prefect's pages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright brings the browser's driver")

from s1.report.page import render_page
from tasks.plots import write_plot
from tests.browser.run_form import CHROMIUM, open_browser
from tests.flows.form_server import FormServer
from tests.flows.sending import send
from tests.flows.test_plots import make_project
from tests.flows.toy import run_in
from tests.report.sample import hostile_content

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]

AWAY = "http://collector.example"
SCRIPTS = (
    "</title></style></script><script>window.ran='script'</script>",
    f"<script src='{AWAY}/a.js'></script>",
    "<img src='data:,' onerror=\"window.ran='image'\">",
    "<svg onload=\"window.ran='drawing'\"></svg>",
    "<iframe srcdoc=\"<script>parent.ran='frame'</script>\"></iframe>",
    "<details open ontoggle=\"window.ran='details'\">",
    "<a href=\"javascript:window.ran='link'\">link</a> [link](javascript:window.ran='markdown')",
    f"<link rel=stylesheet href='{AWAY}/a.css'> <img src='{AWAY}/a.png'> ![picture]({AWAY}/b.png)",
    f"<form action='{AWAY}/form'><button>send</button></form> <meta http-equiv=refresh content='0;url={AWAY}/gone'>",
)
HOSTILE = " ".join(SCRIPTS)


class Watched:
    """A page of the browser, and what it did that it should not."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.dialogs: list[str] = []
        self.asked: dict[str, str | None] = {}
        """Address elsewhere -> what stopped the request; None: nothing did."""
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)

    def _on_dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _on_request(self, request: Any) -> None:
        if not re.match(r"(file|data|blob):|http://127\.0\.0\.1:", request.url):
            self.asked[request.url] = None

    def _on_failure(self, request: Any) -> None:
        if request.url in self.asked:
            self.asked[request.url] = request.failure

    def visit(self, url: str, *, wait_ms: int) -> None:
        """Open, wait, and follow every link that would run a script."""
        self.page.goto(url)
        self.page.wait_for_timeout(wait_ms)
        for link in self.page.locator("a[href^='javascript:']").all():
            link.click(force=True)

    @property
    def faults(self) -> list[str]:
        """Scripts that ran and requests that went out."""
        ran = self.page.evaluate("window.ran")
        out = [url for url, stopped_by in self.asked.items() if stopped_by != "csp"]
        return [*([f"ran: {ran}"] if ran else []), *self.dialogs, *out]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    page = browser.new_page()
    yield Watched(page)
    page.close()


def test_the_watch_sees_scripts_and_requests(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"<!doctype html><body>{HOSTILE}</body>")
    watched.page.goto((tmp_path / "page.html").as_uri(), wait_until="commit")
    watched.page.wait_for_timeout(500)
    assert f"{AWAY}/a.png" in watched.asked


@pytest.mark.parametrize("has_policy", [True, False], ids=["with its policy", "by escaping alone"])
def test_the_report_shows_scripts_as_text(watched: Watched, tmp_path: Path, has_policy: bool) -> None:
    html = render_page(hostile_content(HOSTILE))
    without = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    assert without != html
    (tmp_path / "report.html").write_text(html if has_policy else without)
    watched.visit((tmp_path / "report.html").as_uri(), wait_ms=500)
    watched.page.evaluate("dispatchEvent(new Event('beforeprint'))")  # everything is unfolded
    assert watched.page.locator("div.question").inner_text().strip() == HOSTILE
    assert watched.faults == []
    assert watched.asked == {}


def test_dvc_plots_draw_scripts_as_text(watched: Watched, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    write_plot(project / "plots/select/domains.json", [{"domain": HOSTILE, "num_selected": 3, "num_in_pool": 9}])
    curve = project / "plots/score/curve.json"
    write_plot(curve, [{**row, "benchmark": HOSTILE} for row in json.loads(curve.read_text())])
    for arguments in (("-m", "flows.plots", "--prepare"), ("-m", "dvc", "plots", "show")):
        done = run_in(project, *arguments)
        assert done.returncode == 0, done.stderr
    watched.visit((project / "dvc_plots/index.html").as_uri(), wait_ms=3000)
    assert watched.page.locator("#plots_select_domains_json svg, #plots_select_domains_json canvas").count() > 0
    assert watched.faults == []


@pytest.fixture(scope="module")
def hostile_run(form_server: FormServer) -> tuple[str, list[str]]:
    """A flow run whose log and artifacts are hostile, as if nobody had escaped anything; its id and the artifacts'."""
    flow = send(form_server.api, "/flows/", {"name": "s1"}).json()["id"]
    run = send(form_server.api, "/flow_runs/", {"flow_id": flow, "name": "hostile"}).raise_for_status().json()["id"]
    line = {"name": "s1.run", "level": 20, "message": HOSTILE, "timestamp": "2026-01-01T00:00:00Z", "flow_run_id": run}
    send(form_server.api, "/logs/", [line]).raise_for_status()  # type: ignore[arg-type]
    artifacts = []
    for kind, data in (("markdown", HOSTILE), ("table", json.dumps([{"step": HOSTILE}])), ("progress", 50.0)):
        content = {"key": f"s1-{kind}", "type": kind, "data": data, "description": HOSTILE, "flow_run_id": run}
        artifacts.append(send(form_server.api, "/artifacts/", content).raise_for_status().json()["id"])
    return run, artifacts


@pytest.mark.parametrize("version", ["", "/v2"], ids=["version 1", "version 2"])
def test_prefect_pages_run_no_script_of_a_text_and_ask_nobody_else(
    watched: Watched, form_server: FormServer, hostile_run: tuple[str, list[str]], version: str
) -> None:
    run, artifacts = hostile_run
    pages = [
        "/dashboard",
        f"/runs/flow-run/{run}?tab=Logs",
        f"/runs/flow-run/{run}?tab=Artifacts",
        *(f"/artifacts/artifact/{artifact}" for artifact in artifacts),
        "/artifacts/key/s1-markdown",
        f"/deployments/deployment/{form_server.deployments[None]}/run",
    ]
    seen = ""
    for page in pages:
        watched.visit(f"{form_server.url}{version}{page}", wait_ms=2000)
        seen += watched.page.locator("body").inner_text()
        assert watched.faults == [], page
    assert "window.ran" in seen
