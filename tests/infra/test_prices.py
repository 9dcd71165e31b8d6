"""Dollars out of a ledger, and price lists that cannot be used."""

from pathlib import Path

import pytest

from infra.prices import PricesError, load_prices

PROJECT = Path(__file__).resolve().parents[2]
PRICES = """
cpu_core_hour: {usd: 0.04, date: 2026-01-01, source: here}
gpu_hour: {usd: 3.0, date: 2026-01-01, source: there}
"""


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
