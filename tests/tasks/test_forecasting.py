"""What training is expected to cost before it has ever run."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cluster import Cluster
from s1.training.examples import write_examples
from tasks import forecasting
from tasks.paths import EXAMPLES, LARGE_MODEL
from tests.training.tiny import PARAMS, make_examples

TINY = {
    "model_type": "qwen2",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": 24,
}
GPU: dict[str, Any] = {"processes_per_node": 2, "device": "cuda", "gpu": "H200", "max_tokens_per_rank": "auto"}
TRAIN = PARAMS.model_copy(update={"dtype": "bfloat16"})
PRICES = """
cpu_core_hour: {usd: 0.05, date: 2026-01-01, source: here}
gpu_hour: {usd: 3.0, date: 2026-01-01, source: here}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with examples, a model's config and prices."""
    monkeypatch.chdir(tmp_path)
    EXAMPLES.parent.mkdir(parents=True)
    write_examples(EXAMPLES, make_examples(10))
    LARGE_MODEL.mkdir(parents=True)
    (LARGE_MODEL / "config.json").write_text(json.dumps(TINY))
    Path("prices.yaml").write_text(PRICES)
    return tmp_path


def on(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setattr(forecasting, "load_cluster", lambda: Cluster(**{**GPU, **changes}))


def test_on_gpus_it_is_the_plans_hours_at_todays_price(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch)
    forecast = forecasting.forecast_training(TRAIN, seed=0)
    assert forecast is not None and forecast.seconds is not None
    assert (forecast.stage, forecast.source) == ("train", "its plan")
    assert forecast.seconds > 60  # starting alone takes that
    assert forecast.dollars == pytest.approx(forecast.seconds * 2 / 3600 * 3.0)


def test_nobody_knows_it_on_cpus_without_examples_or_where_it_does_not_fit(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, device="cpu", gpu=None)
    assert forecasting.forecast_training(TRAIN, seed=0) is None
    on(monkeypatch, sequence_parallel=7)
    assert forecasting.forecast_training(TRAIN, seed=0) is None
    on(monkeypatch)
    EXAMPLES.unlink()
    assert forecasting.forecast_training(TRAIN, seed=0) is None
