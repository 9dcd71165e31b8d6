"""The tables on a run's page."""

import json
from pathlib import Path

import pytest

from flows.showcase import cost_rows, funnel_rows

PRICES = """
cpu_core_hour: {usd: 0.04, date: 2026-01-01, source: here}
gpu_hour: {usd: 3.0, date: 2026-01-01, source: there}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.yaml").write_text(PRICES)
    for name in ("ledger", "metrics"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_reused_stages_cost_nothing_this_time(folder: Path) -> None:
    for stage in ("collect", "train"):
        ledger = {"cpu_seconds": 3600.0, "gpu_seconds": 0.0, "wall_seconds": 1800.0}
        (folder / f"ledger/{stage}.json").write_text(json.dumps(ledger))
    *_, total = cost_rows([("collect", True), ("train", False)])
    assert total == {
        "stage": "spent by this run",
        "this run": "1 of 2 ran",
        "time": "30 min 00 s",
        "CPU hours": "1.0000",
        "GPU hours": "0.0000",
        "dollars": "0.0400",
    }


def test_the_funnel_says_why_questions_left(folder: Path) -> None:
    curate = {"funnel": {"collected": 10, "unique": 9}, "reasons": {"duplicate": 1, "kept": 9}}
    (folder / "metrics/curate.json").write_text(json.dumps(curate))
    rows = funnel_rows()
    assert rows[:2] == [
        {"step": "collected", "questions": 10, "left here because": ""},
        {"step": "unique", "questions": 9, "left here because": "duplicate: 1"},
    ]
