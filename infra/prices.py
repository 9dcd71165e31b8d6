"""Prices of machine time and of language models: turns a stage's ledger into dollars at the moment they are shown.

Knows ``prices.yaml`` and the names of the ledger's quantities; does not know stages, MLflow or the report. Nothing in
it is a parameter: changing a price makes no stage stale but the report, which shows them.

Example::

    prices = load_prices(Path("prices.yaml"))
    prices.dollars({"cpu_seconds": 7200.0, "gpu_seconds": 3600.0})      # 2 core hours + 1 GPU hour
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PRICES = Path("prices.yaml")
SECONDS_PER_HOUR = 3600.0
_MILLION = 1e6
_TOKENS_OF_A_MODEL = re.compile(r"model/(?P<model>.+)/(?P<kind>input|cached|output|batch_input|batch_output)_tokens")

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PricesError(ValueError):
    """``prices.yaml`` cannot be used; the message names the key."""


class Price(BaseModel):
    """One unit price, with the day and the place it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Dollars
    date: datetime.date
    source: Annotated[str, Field(min_length=1)]


class ModelPrice(BaseModel):
    """One language model's price in dollars per million tokens, with the day and the place it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_usd: Dollars
    output_usd: Dollars
    """Thinking included."""
    cached_usd: Dollars | None = None
    """Prompt tokens that the server had cached; as ``input_usd`` without it."""
    batch_input_usd: Dollars | None = None
    batch_output_usd: Dollars | None = None
    """Of requests sent as a batch, both or none."""
    date: datetime.date
    source: Annotated[str, Field(min_length=1)]

    def usd_of(self, kind: str) -> float:
        """Dollars per million tokens of one of the ledger's kinds; a discount that nobody knows is none."""
        usd = {"cached": self.cached_usd, "batch_input": self.batch_input_usd, "batch_output": self.batch_output_usd}
        full = self.output_usd if kind in ("output", "batch_output") else self.input_usd
        known = usd.get(kind)
        return full if known is None else known


@dataclass(frozen=True, slots=True)
class ModelDollars:
    """What the tokens of language models in one ledger cost."""

    dollars: float
    unpriced: tuple[str, ...]
    """Models without a price, so that ``dollars`` is not all of it."""


class Prices(BaseModel):
    """The whole of ``prices.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_core_hour: Price
    gpu_hour: Price
    models: dict[str, ModelPrice] = {}
    """By the name that a request names the model with."""

    def cpu_dollars(self, quantities: Mapping[str, float]) -> float:
        """Dollars for ``cpu_seconds`` (core seconds, all processes of the stage)."""
        return quantities.get("cpu_seconds", 0.0) / SECONDS_PER_HOUR * self.cpu_core_hour.usd

    def gpu_dollars(self, quantities: Mapping[str, float]) -> float:
        """Dollars for ``gpu_seconds`` (summed over GPUs)."""
        return quantities.get("gpu_seconds", 0.0) / SECONDS_PER_HOUR * self.gpu_hour.usd

    def model_dollars(self, quantities: Mapping[str, float]) -> ModelDollars:
        """Dollars for the tokens of language models (quantities called as in ``tokens_of_model``)."""
        dollars, unpriced = 0.0, []
        for name, tokens in quantities.items():
            found = _TOKENS_OF_A_MODEL.fullmatch(name)
            if found is None or not tokens:
                continue
            price = self.find_model(found["model"])
            if price is None:
                unpriced.append(found["model"])
            else:
                dollars += tokens * price.usd_of(found["kind"]) / _MILLION
        return ModelDollars(dollars, tuple(dict.fromkeys(unpriced)))

    def models_in(self, quantities: Mapping[str, float]) -> dict[str, ModelPrice]:
        """The priced models whose tokens a ledger counts, by name."""
        names = [found["model"] for name in quantities if (found := _TOKENS_OF_A_MODEL.fullmatch(name))]
        return {name: price for name in dict.fromkeys(names) if (price := self.find_model(name)) is not None}

    def find_model(self, model: str) -> ModelPrice | None:
        """A model's price; its name may begin with ``models/``, as Gemini's do."""
        return self.models.get(model.removeprefix("models/"))

    def dollars(self, quantities: Mapping[str, float]) -> float | None:
        """Dollars for everything in a ledger; None where machine time was not measured or a model has no price."""
        if not {"cpu_seconds", "gpu_seconds"} <= quantities.keys():
            return None
        models = self.model_dollars(quantities)
        return None if models.unpriced else self.cpu_dollars(quantities) + self.gpu_dollars(quantities) + models.dollars


def tokens_of_model(
    model: str, *, prompt_tokens: int, output_tokens: int, cached_tokens: int = 0, is_batch: bool = False
) -> dict[str, float]:
    """Quantities of a ledger for the tokens that a language model was paid for.

    Args:
        prompt_tokens: all of the prompts, cached ones included.
        output_tokens: thinking and answers.
    """
    before = "batch_" if is_batch else ""
    amounts = {f"{before}input": prompt_tokens - cached_tokens, f"{before}output": output_tokens}
    if cached_tokens:
        amounts["cached"] = cached_tokens
    return {f"model/{model}/{kind}_tokens": float(amount) for kind, amount in amounts.items() if amount}


def load_prices(path: Path = PRICES) -> Prices:
    """Read and check a price list.

    Raises:
        PricesError: no such file, not YAML, or a wrong key or value (names the key).
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PricesError(f"{path} is missing. `git checkout {path}` brings it back.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PricesError(f"{path} is not valid YAML: {error}") from error
    try:
        return Prices.model_validate(data)
    except ValidationError as error:
        issues = [f"{'.'.join(map(str, issue['loc'])) or '(whole file)'}: {issue['msg']}" for issue in error.errors()]
        raise PricesError(f"{path}: {'; '.join(issues)}") from error
