"""A project whose stages `train`, `generate` and `score` have ended, as files; nothing was computed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import yaml

from infra.pipeline import find_stage
from infra.versions import hash_path

PROJECT = Path(__file__).resolve().parents[2]
SCORE = {
    "nano-test": {
        "base": {"direct": {"accuracy": 0.1, "high": 0.2}},
        "tuned": {
            "max-16": {"kind": "budget", "amount": 16, "accuracy": 0.2, "mean_thinking_tokens": 16.0},
            "max-64": {"kind": "budget", "amount": 64, "accuracy": 0.5, "mean_thinking_tokens": 60.0},
        },
        "curve": {"budgets": {"performance": 0.5, "control": None}},
    }
}
METRICS: dict[str, Any] = {"train": {"loss": {"last": 0.5}, "num_steps": 3}, "generate": {"num": 8}, "score": SCORE}


def create_finished(folder: Path) -> None:
    """Lay out the files that the recorder reads."""
    shutil.copyfile(PROJECT / "dvc.yaml", folder / "dvc.yaml")
    price = {"usd": 0.5, "date": "2026-01-01", "source": "here"}
    (folder / "prices.yaml").write_text(yaml.safe_dump({"cpu_core_hour": price, "gpu_hour": price}))
    collect = {"benchmarks.jsonl": {"bytes": 3, "records": 7}}
    write(folder / "data/collect/manifest.json", json.dumps({"files": collect}))
    write(folder / "data/collect/benchmarks.jsonl", "{}\n")
    write(folder / "data/generate/generations.jsonl", "{}\n")
    write(folder / "data/score/scores.jsonl", "{}\n")
    write(folder / "models/base/large/config.json", "{}")
    (folder / "data/tokenize").mkdir(parents=True)
    table = pyarrow.table({"ids": [1, 2, 3, 4]})
    pyarrow.parquet.write_table(table, folder / "data/tokenize/examples.parquet")
    for stage, metrics in METRICS.items():
        write(folder / f"metrics/{stage}.json", json.dumps(metrics))
        write_ledger(folder, stage, wall_seconds=1800.0)
    write_model(folder, "weights")


def write_ledger(folder: Path, stage: str, *, wall_seconds: float) -> None:
    """What an execution of a stage cost: an hour of CPU."""
    ledger = {"cpu_seconds": 3600.0, "gpu_seconds": 0.0, "wall_seconds": wall_seconds}
    write(folder / f"ledger/{stage}.json", json.dumps(ledger))


def write_model(folder: Path, weights: str) -> str:
    """Put other weights there, with the lock that DVC would write; returns their version."""
    write(folder / "models/train/tuned/model.safetensors", weights)
    stages = {
        name: {
            kind: [{"path": str(path), "md5": hash_path(folder / path)} for path in paths if (folder / path).exists()]
            for kind, paths in (("deps", find_stage(name).deps), ("outs", find_stage(name).outs))
        }
        for name in METRICS
    }
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    digest = hash_path(folder / "models/train/tuned")
    assert digest is not None
    return digest


def write(path: Path, text: str) -> None:
    """Write a text, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
