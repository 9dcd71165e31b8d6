"""Dollars out of a ledger, and price lists that cannot be used."""

import datetime
from pathlib import Path

import pytest

from infra.prices import ModelPrice, Price, Prices, PricesError, load_prices, tokens_of_model

PROJECT = Path(__file__).resolve().parents[2]
PRICES = """
cpu_core_hour: {usd: 0.04, date: 2026-01-01, source: here}
gpu_hour: {usd: 3.0, date: 2026-01-01, source: there}
"""

DAY = datetime.date(2026, 1, 1)
MACHINE = Price(usd=3.6, date=DAY, source="here")
ASKED = Prices(
    cpu_core_hour=MACHINE,
    gpu_hour=MACHINE,
    models={"m": ModelPrice(input_usd=1, output_usd=10, batch_output_usd=5, date=DAY, source="there")},
)
MEASURED = {"cpu_seconds": 1000.0, "gpu_seconds": 0.0}


def write(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text)
    return path


def test_dollars_are_hours_times_prices(tmp_path: Path) -> None:
    prices = load_prices(write(tmp_path, PRICES))
    ledger = {"cpu_seconds": 7200.0, "gpu_seconds": 1800.0, "wall_seconds": 99.0}
    assert prices.cpu_dollars(ledger) == pytest.approx(0.08)
    assert prices.gpu_dollars(ledger) == pytest.approx(1.5)
    assert prices.dollars(ledger) == pytest.approx(1.58)


def test_a_ledger_without_gpu_costs_no_gpu(tmp_path: Path) -> None:
    assert load_prices(write(tmp_path, PRICES)).gpu_dollars({"cpu_seconds": 1.0}) == 0.0


@pytest.mark.parametrize("ledger", [{"cpu_seconds": 1.0}, {"gpu_seconds": 1.0}, {}])
def test_a_ledger_that_lacks_machine_time_has_no_price(tmp_path: Path, ledger: dict[str, float]) -> None:
    assert load_prices(write(tmp_path, PRICES)).dollars(ledger) is None


def test_a_wrong_price_is_named(tmp_path: Path) -> None:
    with pytest.raises(PricesError, match=r"prices\.yaml: gpu_hour\.usd: .*greater than or equal to 0"):
        load_prices(write(tmp_path, PRICES.replace("3.0", "-3.0")))


def test_a_missing_price_list_says_how_to_get_it_back(tmp_path: Path) -> None:
    with pytest.raises(PricesError, match="git checkout"):
        load_prices(tmp_path / "prices.yaml")


def test_the_projects_own_price_list_can_be_used() -> None:
    assert load_prices(PROJECT / "prices.yaml").cpu_core_hour.usd > 0


def test_a_ledgers_tokens_are_priced_by_model_and_kind() -> None:
    ledger = {
        **MEASURED,
        **tokens_of_model("m", prompt_tokens=300_000, cached_tokens=100_000, output_tokens=20_000),
        **tokens_of_model("m", prompt_tokens=0, output_tokens=1_000_000, is_batch=True),
    }
    assert ledger["model/m/input_tokens"] == 200_000
    assert ASKED.model_dollars(ledger).dollars == pytest.approx(0.2 + 0.1 + 0.2 + 5.0)
    assert ASKED.dollars(ledger) == pytest.approx(1.0 + 5.5)


def test_a_ledger_with_tokens_of_a_model_without_a_price_has_no_sum() -> None:
    ledger = {**MEASURED, **tokens_of_model("org/other", prompt_tokens=1, output_tokens=1)}
    assert ASKED.model_dollars(ledger).unpriced == ("org/other",)
    assert ASKED.dollars(ledger) is None


def test_a_model_that_answered_nothing_needs_no_price() -> None:
    assert tokens_of_model("other", prompt_tokens=0, output_tokens=0) == {}


def test_geminis_own_spelling_of_a_name_finds_the_price() -> None:
    assert ASKED.find_model("models/m") is not None


def test_the_priced_models_of_a_ledger_are_named_once() -> None:
    ledger = {
        **tokens_of_model("m", prompt_tokens=1, output_tokens=1),
        **tokens_of_model("x", prompt_tokens=1, output_tokens=1),
    }
    assert list(ASKED.models_in(ledger)) == ["m"]


def test_a_models_price_without_a_source_is_refused(tmp_path: Path) -> None:
    models = "models: {m: {input_usd: 1, output_usd: 2, date: 2026-01-01}}"
    with pytest.raises(PricesError, match=r"prices\.yaml: models\.m\.source: Field required"):
        load_prices(write(tmp_path, f"{PRICES}{models}\n"))
