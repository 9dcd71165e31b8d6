"""A whole nano chain at the smallest setting, in a workspace of its own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from bench.smallest import SMALLEST
from infra.workspace import create_workspace

PROJECT = Path(__file__).resolve().parents[2]


def create_chain(folder: Path) -> Path:
    """A workspace at the smallest setting with a DVC cache of its own."""
    create_workspace(folder, source=PROJECT, overrides=SMALLEST, cache=folder.with_name(f"{folder.name}-cache"))
    return folder


def environment(**extra: str) -> dict[str, str]:
    """The environment of a user: this Python first on PATH, nothing of ours set."""
    ours = ("S1_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "HF_HUB_OFFLINE": "1", **extra}


def run_python(folder: Path, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    """Run ``python …`` in the workspace, both streams together."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )


def repro(folder: Path, *arguments: str) -> str:
    """``dvc repro``, which has to succeed; returns what it printed."""
    done = run_python(folder, "-m", "dvc", "repro", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def stages_run(output: str) -> list[str]:
    """Stages that a ``dvc repro`` really ran, from what it printed."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")]


def digest(path: Path) -> dict[str, str]:
    """Relative name -> SHA-256 of every file of an artifact; empty when there is none."""
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    return {item.relative_to(path.parent).as_posix(): hashlib.sha256(item.read_bytes()).hexdigest() for item in files}
