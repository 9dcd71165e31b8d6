"""A project of two stages under the real runner, flows and DVC: the toy that flow tests run.

``collect`` doubles ten numbers in shards, ``curate`` keeps the large ones. The environment variable ``TOY`` makes
``collect`` misbehave: ``refuse`` (an error with advice), ``break`` (a fault), ``leak`` (a fault that tells a key),
``vanish`` (the process ends without a word), ``hang``. ``TOY_HOME`` names a folder for its trail and for a file
``mode`` that does the same as ``TOY``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]

COLLECT = """
import logging, os, time
from pathlib import Path
from pydantic import BaseModel
from s1.artifacts import ArtifactWriter
from s1.config import CollectParams
from tasks.stage import Metrics, StageContext, map_shards

class Number(BaseModel):
    value: int

HOME = Path(os.environ.get("TOY_HOME", "."))

def toy_mode():
    return os.environ.get("TOY") or ((HOME / "mode").read_text() if (HOME / "mode").exists() else "")

def double(numbers):
    (HOME / "trail.txt").open("a").write(f"shard of {len(numbers)}\\n")
    if toy_mode() == "hang" and numbers[0].value >= 4:
        (HOME / "hanging").touch()
        while toy_mode() == "hang":
            time.sleep(0.2)
    return [Number(value=2 * number.value) for number in numbers]

def run(stage: StageContext, *, collect: CollectParams, seed: int) -> Metrics:
    mode = toy_mode()
    if mode == "refuse":
        raise ValueError("toy 7 is too small; use 8 or more")
    if mode == "break":
        raise RuntimeError("a fault")
    if mode == "leak":
        key = os.environ["GEMINI_API_KEY"]
        print("asking with", key, flush=True)
        logging.getLogger("toy").warning("no answer to %s", key)
        raise RuntimeError(f"no answer from https://example.org/v1?key={key}")
    if mode == "vanish":
        os._exit(9)
    numbers = [Number(value=value) for value in range(collect.num_planted_overlaps)]
    doubled = map_shards(stage, "double", numbers, double, kind=Number, shard_size=4, key=f"k{len(numbers)}")
    with ArtifactWriter(Path("data/collect")) as artifact:
        artifact.write_jsonl("numbers.jsonl", doubled)
    stage.add_quantity("toys", float(len(numbers)))
    if mode == "keep":
        stage.use_gpus(None)
        stage.keep_work()
    return {"num": len(doubled), "largest": max(row.value for row in doubled)}
"""

CURATE = """
from pathlib import Path
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import CurateParams
from tasks.collect import HOME, Number
from tasks.stage import Metrics, StageContext

def run(stage: StageContext, *, curate: CurateParams) -> Metrics:
    (HOME / "trail.txt").open("a").write("curate\\n")
    kept = [row for row in read_jsonl(Path("data/collect/numbers.jsonl"), Number) if row.value >= curate.min_characters]
    for step in range(1, 4):
        stage.track_step(step, {"loss": 1.0 / step})
    with ArtifactWriter(Path("data/curate")) as artifact:
        artifact.write_jsonl("numbers.jsonl", kept)
    return {"kept": {"num": len(kept)}, "note": "text"}
"""

PIPELINE: dict[str, Any] = {
    "stages": {
        "collect": {
            "cmd": "python -m flows.stage collect",
            "params": ["seed", "collect"],
            "deps": ["tasks/collect.py"],
            "outs": ["data/collect", "ledger/collect.json"],
            "metrics": ["metrics/collect.json"],
        },
        "curate": {
            "cmd": "python -m flows.stage curate",
            "params": ["curate"],
            "deps": ["data/collect/numbers.jsonl", "tasks/curate.py"],
            "outs": ["data/curate", "ledger/curate.json"],
            "metrics": ["metrics/curate.json"],
        },
    }
}


def create_toy(folder: Path) -> Path:
    """A toy project in an empty folder, with the real ``flows``, ``infra``, ``s1`` and runner."""
    (folder / "tasks").mkdir(parents=True)
    for room in ("flows", "infra", "s1"):
        (folder / room).symlink_to(PROJECT / room)
    for name in ("__init__.py", "paths.py", "runner.py", "stage.py"):
        (folder / "tasks" / name).symlink_to(PROJECT / "tasks" / name)
    (folder / "tasks/collect.py").write_text(COLLECT)
    (folder / "tasks/curate.py").write_text(CURATE)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
    (folder / "params.yaml").write_text((PROJECT / "profiles/nano.yaml").read_text())
    (folder / "prices.yaml").write_text((PROJECT / "prices.yaml").read_text())
    set_param(folder, "collect", "num_planted_overlaps", 10)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    return folder


def commit_toy(folder: Path) -> None:
    """Make the toy a git checkout with one commit, as runs from the UI need it."""
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    ignored = ("data", "metrics", "ledger", "mlruns", ".s1", ".dvc/tmp", ".dvc/cache", ".dvc/config.local")
    names = "".join(f"/{name}\n" for name in (*ignored, "trail.txt", "hanging", "mode"))
    (folder / ".gitignore").write_text(names + "__pycache__/\n")
    who = ["-c", "user.name=toy", "-c", "user.email=toy@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "toy"]):
        subprocess.run(["git", *who, *command], cwd=folder, check=True)


def set_param(folder: Path, section: str, name: str, value: Any) -> None:
    """Change one value of the toy's ``params.yaml``."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params[section][name] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def environment(**extra: str) -> dict[str, str]:
    """The environment of a user: this Python first on PATH, nothing of ours set."""
    ours = ("S1_", "PREFECT_", "MLFLOW_", "TOY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", **extra}


def run_in(folder: Path, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    """Run ``python …`` in the toy and wait for that process alone."""
    command = [sys.executable, *arguments]
    # Files, not pipes: a daemon that the command leaves behind inherits its output and would hold a pipe open.
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        options: dict[str, Any] = {"cwd": folder, "env": environment(**extra), "timeout": 600, "check": False}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, **options)
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, stdout.read(), stderr.read())


def read_json(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())
