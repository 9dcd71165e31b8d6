"""The plots' page works without a network, and what it draws is there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from flows.plots import render_template
from tests.flows.toy import PROJECT, run_in

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def make_project(folder: Path) -> Path:
    """A DVC project whose stages' plots are the real ones, with rows of two benchmarks."""
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    plots = {
        path: options for stage in stages.values() for plot in stage.get("plots", []) for path, options in plot.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": [{path: options} for path, options in plots.items()]}))
    (folder / "dvc.yaml").with_name("flows").symlink_to(PROJECT / "flows")
    for room in ("infra", "s1", "tasks"):
        (folder / room).symlink_to(PROJECT / room)
    shutil.copytree(PROJECT / ".dvc/plots", folder / ".dvc/plots")
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    curve = [
        {
            "benchmark": benchmark,
            "model": "tuned",
            "setting": f"max-{budget}",
            "kind": "budget",
            "amount": budget,
            "thinking_tokens": budget / 2,
            "accuracy": 0.5,
            "low": 0.4,
            "high": 0.6,
        }
        for benchmark in ("first", "second")
        for budget in (16, 32)
    ]
    rows = {
        "plots/score/curve.json": curve,
        "plots/select/domains.json": [{"domain": "gears", "num_selected": 3, "num_in_pool": 9}],
        "plots/train/loss.json": [{"step": step, "loss": 1 / step, "learning_rate": 0.1} for step in (1, 2, 3)],
    }
    assert rows.keys() == plots.keys()
    for path, content in rows.items():
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(json.dumps(content))
    return folder


def count_marks(page: str) -> dict[str, dict[str, int]]:
    """What each plot of a drawn page shows: number of its lines, points, bars, by plot."""
    pieces = re.split(r'<div id="(plots_\w+)"', page[page.rindex("<body") :])[1:]
    kinds = ("line mark", "rule mark", "point", "bar")
    return {
        name: {kind: number for kind in kinds if (number := content.count(f'aria-roledescription="{kind}"'))}
        for name, content in zip(pieces[::2], pieces[1::2], strict=True)
    }


def test_the_page_template_carries_its_library_and_asks_nobody_for_anything() -> None:
    template = render_template()
    assert template.count("{plot_divs}") == 1
    assert "vegaEmbed" in template
    outside_of_scripts = re.sub(r"<script>.*?</script>", "", template, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=|://", outside_of_scripts) == []
    assert "default-src 'none'" in template
    assert template.count("</script") == 1


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_plain_dvc_plots_draws_every_plot_of_the_pipeline_without_a_network(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    prepared = run_in(project, "-m", "flows.plots", "--prepare")
    assert prepared.returncode == 0, prepared.stderr
    shown = run_in(project, "-m", "dvc", "plots", "show")
    assert shown.returncode == 0, shown.stderr
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    page = subprocess.run(
        [CHROMIUM, *flags, "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", f"{project}/dvc_plots/index.html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    drawn = count_marks(page)
    assert drawn["plots_score_curve_json"] == {"line mark": 2, "rule mark": 4, "point": 4}
    assert drawn["plots_select_domains_json"] == {"bar": 1}
    assert drawn["plots_train_loss_json"] == {"line mark": 1}
