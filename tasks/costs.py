"""What the stages cost, for the report: ledgers times the prices of the day.

Knows ledgers and prices; where they lie is ``tasks.report``'s business.

Example::

    read_costs(load_prices(), ledgers={"train": {"cpu_seconds": 60.0, "gpu_seconds": 0.0}}).total.dollars
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from pydantic import JsonValue

from infra.prices import Prices
from s1.report.content import CostLedger, TokenPrice
from s1.report.figures import number
from s1.report.stage_reading import read_stage_cost

Ledger = Mapping[str, JsonValue]


def read_costs(prices: Prices, *, ledgers: Mapping[str, Ledger | None], not_run: Collection[str] = ()) -> CostLedger:
    """Every stage's cost, in the order of the ledgers, with the prices that were used.

    Args:
        ledgers: by stage; None where there is none.
        not_run: stages that the profile leaves out.
    """
    stages = []
    quantities: dict[str, float] = {}
    for name, ledger in ledgers.items():
        quantities.update(_amounts(ledger or {}))
        cost = read_stage_cost(name, ledger, dollars=_dollars(ledger, prices))
        stages.append(replace(cost, not_run=name in not_run))
    return CostLedger(stages=tuple(stages), price_note=f"Prices: {'; '.join(_price_notes(prices, quantities))}.")


def read_token_price(prices: Prices, ledger: Ledger | None) -> TokenPrice | None:
    """Dollars of the decoding stage and the tokens that it decoded; None where either was not measured."""
    dollars = _dollars(ledger, prices)
    tokens = number(ledger or {}, "decoded_tokens")
    return TokenPrice(dollars=dollars, decoded_tokens=tokens) if dollars is not None and tokens else None


def _price_notes(prices: Prices, quantities: Mapping[str, float]) -> list[str]:
    machines = (("CPU core hour", prices.cpu_core_hour), ("GPU hour", prices.gpu_hour))
    notes = [f"{what} ${price.usd:g} ({price.date.isoformat()}; {price.source})" for what, price in machines]
    notes += [
        f"{model} ${price.input_usd:g} and ${price.output_usd:g} per million tokens in and out "
        f"({price.date.isoformat()}; {price.source})"
        for model, price in prices.models_in(quantities).items()
    ]
    unpriced = prices.model_dollars(quantities).unpriced
    without = f"none for {', '.join(unpriced)}, so stages that asked it have no sum and are not in the total"
    return [*notes, without] if unpriced else notes


def _dollars(ledger: Ledger | None, prices: Prices) -> float | None:
    """Price of a ledger; None where machine time was not measured or a model has no price."""
    return None if ledger is None else prices.dollars(_amounts(ledger))


def _amounts(ledger: Ledger) -> dict[str, float]:
    return {name: float(value) for name, value in ledger.items() if isinstance(value, (int, float))}
