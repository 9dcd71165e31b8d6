"""What a run is expected to cost, from the ledgers of earlier ones."""

import datetime
import json
from pathlib import Path

import pytest

from infra.forecast import StageForecast, predict
from infra.prices import Price, Prices


def price(usd: float) -> Price:
    return Price(usd=usd, date=datetime.date(2026, 1, 1), source="here")


PRICES = Prices(cpu_core_hour=price(0.05), gpu_hour=price(3.0))


def test_a_stage_is_expected_to_cost_what_its_last_ledger_says(tmp_path: Path) -> None:
    ledger = {"cpu_seconds": 7200.0, "gpu_seconds": 1800.0, "wall_seconds": 900.0}
    (tmp_path / "train.json").write_text(json.dumps(ledger))
    forecast = predict(["train", "score"], ledgers=tmp_path, prices=PRICES)
    assert forecast.dollars == pytest.approx(2 * 0.05 + 0.5 * 3.0)
    assert forecast.unknown == ["score"]
    assert forecast.rows() == [
        {"stage": "train", "dollars": "1.6000", "seconds": "900", "known from": "its last run"},
        {"stage": "score", "dollars": "unknown", "seconds": "unknown", "known from": "nothing yet"},
        {"stage": "sum", "dollars": "1.6000", "seconds": "", "known from": ""},
    ]


def test_a_ledger_that_was_cut_is_an_unknown_cost(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text('{"cpu_seconds": 72')
    assert predict(["train"], ledgers=tmp_path, prices=PRICES).unknown == ["train"]


def test_a_stage_whose_gpus_were_somebody_elses_has_an_unknown_price_and_a_known_time(tmp_path: Path) -> None:
    (tmp_path / "generate.json").write_text(json.dumps({"cpu_seconds": 7200.0, "wall_seconds": 900.0}))
    forecast = predict(["generate"], ledgers=tmp_path, prices=PRICES)
    assert forecast.rows()[0] == {
        "stage": "generate",
        "dollars": "unknown",
        "seconds": "900",
        "known from": "its last run",
    }


def test_a_stage_that_asked_a_model_without_a_price_has_an_unknown_cost(tmp_path: Path) -> None:
    ledger = {"cpu_seconds": 7200.0, "gpu_seconds": 0.0, "model/m/output_tokens": 5.0}
    (tmp_path / "score.json").write_text(json.dumps(ledger))
    assert predict(["score"], ledgers=tmp_path, prices=PRICES).unknown == ["score"]


def test_a_stage_that_never_ran_may_have_been_planned(tmp_path: Path) -> None:
    planned = {"train": StageForecast("train", 10.5, 960.0, "its plan")}
    forecast = predict(["train", "score"], ledgers=tmp_path, prices=PRICES, planned=planned)
    assert (forecast.dollars, forecast.unknown) == (10.5, ["score"])
    assert forecast.rows()[0] == {"stage": "train", "dollars": "10.5000", "seconds": "960", "known from": "its plan"}


def test_what_a_stage_took_counts_more_than_its_plan(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps({"cpu_seconds": 0.0, "gpu_seconds": 3600.0, "wall_seconds": 9.0}))
    planned = {"train": StageForecast("train", 10.5, 960.0, "its plan")}
    assert predict(["train"], ledgers=tmp_path, prices=PRICES, planned=planned).dollars == pytest.approx(3.0)


def test_a_stage_that_the_profile_leaves_out_costs_nothing_whatever_it_cost_before(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps({"cpu_seconds": 7200.0, "gpu_seconds": 1800.0}))
    forecast = predict(["train", "score"], ledgers=tmp_path, prices=PRICES, not_run=["train", "score"])
    assert (forecast.dollars, forecast.unknown) == (0.0, [])
    assert forecast.rows()[0] == {
        "stage": "train",
        "dollars": "0.0000",
        "seconds": "0",
        "known from": "not run in this profile",
    }


def test_the_empty_ledger_of_a_stage_that_was_left_out_says_nothing_of_what_it_will_cost(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("{}")
    planned = {"train": StageForecast("train", 10.0, 60.0, "its plan")}
    assert predict(["train"], ledgers=tmp_path, prices=PRICES).unknown == ["train"]
    assert predict(["train"], ledgers=tmp_path, prices=PRICES, planned=planned).dollars == 10.0
