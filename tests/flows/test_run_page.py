"""What the page of a flow run says."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from flows.run_page import cost_rows, escape, funnel_rows, write_page

URL = "http://127.0.0.1:5000/#/experiments/1/runs/0b0e"
PRICES = """
cpu_core_hour: {usd: 0.04, date: 2026-01-01, source: here}
gpu_hour: {usd: 3.0, date: 2026-01-01, source: there}
"""
CURATE = {"funnel": {"collected": 1810, "unique": 9}, "reasons": {"duplicate": 1801, "kept": 9}}
POINT = {
    "accuracy": 0.5,
    "low": 0.1,
    "high": 0.9,
    "standard_error": 0.1,
    "mean_thinking_tokens": 8.0,
    "mean_waits": 0.0,
    "num_generations": 12,
    "num_questions": 12,
    "share_cut": 0.0,
    "share_no_answer": 0.0,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.yaml").write_text(PRICES)
    for stage in ("collect", "select", "train", "score", "report"):
        write(tmp_path / f"ledger/{stage}.json", {"cpu_seconds": 3600.0, "gpu_seconds": 0.0, "wall_seconds": 1800.0})
    write(tmp_path / "metrics/curate.json", CURATE)
    return tmp_path


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def test_the_sum_comes_first_and_reused_stages_cost_nothing_this_time(folder: Path) -> None:
    total, collect, train = cost_rows([("collect", True), ("train", False)])
    assert total == {
        "stage": "all that ran",
        "this run": "1 of 2",
        "time": "30 min 00 s",
        "CPU hours": "1.0000",
        "GPU hours": "0.0000",
        "dollars": "0.0400",
    }
    assert (collect["this run"], train["this run"]) == ("reused", "ran")


def test_the_funnel_says_why_questions_left(folder: Path) -> None:
    assert funnel_rows()[:2] == [
        {"step": "collected", "questions": "1,810", "left here because": ""},
        {"step": "unique", "questions": "9", "left here because": "duplicate: 1,801"},
    ]


def test_the_funnel_stands_there_once_the_selection_is_made(folder: Path) -> None:
    funnel = "| unique | 9 | duplicate\\: 1,801 |"
    assert funnel not in write_page([("collect", False)], mlflow_url=None)
    assert funnel in write_page([("collect", False), ("select", False)], mlflow_url=None)


def test_links_lead_to_mlflow_and_to_the_report_once_there_is_one(folder: Path) -> None:
    assert "](" not in write_page([("collect", False)], mlflow_url=None)
    assert write_page([("collect", False)], mlflow_url=URL).startswith(f"[Figures in MLflow]({URL})\n")
    whole = write_page([("collect", False), ("report", False)], mlflow_url=URL)
    assert whole.startswith(f"**[Report]({URL}/artifacts/reports/report.html)** | [Figures in MLflow]({URL})\n")


def test_the_curve_of_this_run_is_a_picture_and_an_earlier_one_is_not_shown(folder: Path) -> None:
    settings = {"max-8": POINT, "max-16": POINT | {"mean_thinking_tokens": 16.0}}
    write(folder / "metrics/score.json", {"a|b": {"tuned": settings, "differences": {}, "curve": {}}})
    assert "data:image" not in write_page([("collect", False)], mlflow_url=None)
    page = write_page([("collect", False), ("score", False)], mlflow_url=None)
    assert "### Accuracy against thinking on a\\|b\n" in page
    picture = page.split("(data:image/svg+xml;base64,")[1].split(")")[0]
    assert base64.b64decode(picture).startswith(b"<svg ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("[x](javascript:y)", r"\[x\]\(javascript\:y\)"),
        ("a | b\n# c", r"a \| b \# c"),
        ("plain words 1,810", "plain words 1,810"),
    ],
)
def test_names_are_shown_as_they_stand(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_a_stage_that_the_profile_leaves_out_says_so_and_has_no_curve(folder: Path) -> None:
    write(folder / "ledger/score.json", {})
    write(folder / "metrics/score.json", {"state": "not_run"})
    total, _, score = cost_rows([("collect", False), ("score", False)])
    assert (total["this run"], score["this run"], score["dollars"]) == ("1 of 2", "not run in this profile", "")
    assert "score" in write_page([("collect", False), ("score", False)], mlflow_url=None)
