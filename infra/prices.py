"""Prices of machine time: turns a stage's ledger into dollars at the moment they are shown.

Knows ``prices.yaml`` and the names of the ledger's quantities; does not know stages, MLflow or the report. Prices are
no parameters: changing one makes no stage stale but the report, which shows them.

Example::

    prices = load_prices(Path("prices.yaml"))
    prices.dollars({"cpu_seconds": 7200.0, "gpu_seconds": 3600.0})      # 2 core hours + 1 GPU hour
"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PRICES = Path("prices.yaml")
SECONDS_PER_HOUR = 3600.0


class PricesError(ValueError):
    """``prices.yaml`` cannot be used; the message names the key."""


class Price(BaseModel):
    """One unit price, with the day and the place it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Annotated[float, Field(ge=0)]
    date: datetime.date
    source: Annotated[str, Field(min_length=1)]


class Prices(BaseModel):
    """The whole of ``prices.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_core_hour: Price
    gpu_hour: Price

    def cpu_dollars(self, quantities: Mapping[str, float]) -> float:
        """Dollars for ``cpu_seconds`` (core seconds, all processes of the stage)."""
        return quantities.get("cpu_seconds", 0.0) / SECONDS_PER_HOUR * self.cpu_core_hour.usd

    def gpu_dollars(self, quantities: Mapping[str, float]) -> float:
        """Dollars for ``gpu_seconds`` (summed over GPUs)."""
        return quantities.get("gpu_seconds", 0.0) / SECONDS_PER_HOUR * self.gpu_hour.usd

    def dollars(self, quantities: Mapping[str, float]) -> float | None:
        """Dollars for everything in a ledger that has a price; None where machine time was not measured."""
        if not {"cpu_seconds", "gpu_seconds"} <= quantities.keys():
            return None
        return self.cpu_dollars(quantities) + self.gpu_dollars(quantities)


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
