"""What a stage consumed, killed tries included."""

import json
import time
from pathlib import Path

import pytest

from infra.meter import Meter


def test_seconds_of_an_unfinished_try_are_carried_on(tmp_path: Path) -> None:
    (tmp_path / "spent.json").write_text(
        json.dumps({"wall_seconds": 100.0, "cpu_seconds": 50.0, "peak_memory_bytes": 1e15, "num_tries": 1.0})
    )
    with Meter(tmp_path) as meter:
        quantities = meter.quantities()
    assert 100.0 <= quantities["wall_seconds"] < 110.0
    assert 50.0 <= quantities["cpu_seconds"] < 60.0
    assert quantities["peak_memory_bytes"] == 1e15
    assert quantities["num_tries"] == 2.0


def test_a_failed_try_leaves_what_it_spent(tmp_path: Path) -> None:
    def fail() -> None:
        with Meter(tmp_path):
            time.sleep(0.05)
            raise RuntimeError("ends")

    with pytest.raises(RuntimeError):
        fail()
    assert json.loads((tmp_path / "spent.json").read_text())["wall_seconds"] >= 0.05


def test_a_running_stage_saves_what_it_spent_for_the_case_of_a_kill(tmp_path: Path) -> None:
    with Meter(tmp_path, seconds_between_saves=0.01):
        deadline = time.monotonic() + 10
        while not (tmp_path / "spent.json").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert json.loads((tmp_path / "spent.json").read_text())["num_tries"] == 1.0


def test_a_good_first_try_counts_one(tmp_path: Path) -> None:
    with Meter(tmp_path) as meter:
        sum(range(100_000))
    assert meter.quantities()["num_tries"] == 1.0
    assert meter.quantities()["peak_memory_bytes"] > 1e6


def test_a_good_run_that_will_be_gone_on_from_counts_towards_the_next(tmp_path: Path) -> None:
    for number in (1.0, 2.0):
        with Meter(tmp_path) as meter:
            time.sleep(0.02)
        assert meter.quantities()["num_tries"] == number
        meter.save()
    assert meter.quantities()["wall_seconds"] >= 0.04
