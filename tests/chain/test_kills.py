"""A stage killed at any moment leaves whole artifacts and no process, and the next run comes to the same result."""

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.pipeline import read_pipeline
from tests.chain.chains import digest, environment, run_python
from tests.chain.conftest import FinishedChain

PIPELINE = read_pipeline()
FRACTIONS = (0.3, 0.6, 0.85, 0.97)
"""Moments of the kills, as shares of the time from the process's start to its end."""
NO_PROCESS_WITHIN_SECONDS = 30


def _outs(folder: Path, stage: str) -> dict[str, str]:
    """Digests of what the stage made, without its ledger, which holds times."""
    outs = (*PIPELINE[stage].outs, *PIPELINE[stage].plots)
    found: dict[str, str] = {}
    for out in outs:
        if out.parts[0] != "ledger":
            found.update({f"{out}:{name}": value for name, value in digest(folder / out).items()})
    return {name: value for name, value in found.items() if not name.endswith(("steps.jsonl", "manifest.json"))}


def _start(folder: Path, stage: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "flows.stage", stage],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_until_gone(folder: Path) -> list[str]:
    """Command lines of processes that still work in the folder after the stated time."""
    deadline = time.monotonic() + NO_PROCESS_WITHIN_SECONDS
    while True:
        alive = []
        for process in psutil.process_iter(["cmdline", "cwd", "status"]):
            info = process.info
            if info["cwd"] == str(folder) and info["status"] != psutil.STATUS_ZOMBIE:
                alive.append(" ".join(info["cmdline"] or []))
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize("stage", list(PIPELINE))
def test_a_stage_survives_kills(chain: FinishedChain, stage: str) -> None:
    folder = chain.folder
    started = time.monotonic()
    process = _start(folder, stage)
    assert process.wait(timeout=300) == 0
    seconds = time.monotonic() - started
    before = _outs(folder, stage)
    for fraction in FRACTIONS:
        process = _start(folder, stage)
        time.sleep(fraction * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert _wait_until_gone(folder) == []
        after = _outs(folder, stage)
        assert all(before[name] == value for name, value in after.items()), f"half an artifact after {fraction:.0%}"
    done = run_python(folder, "-m", "flows.stage", stage)
    assert done.returncode == 0, done.stdout
    assert _outs(folder, stage) == before
    leftovers = [str(path) for path in folder.rglob("*.tmp-*")] + [str(path) for path in folder.rglob("*.old-*")]
    assert leftovers == []


def _run_with_file_limit(folder: Path, stage: str, num_bytes: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flows.stage", stage],
        cwd=folder,
        env=environment(MLFLOW_TRACKING_URI="http://127.0.0.1:9", PYTHONDONTWRITEBYTECODE="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["base", "collect", "attempt", "distill", "tokenize", "train", "generate", "report"])
def test_a_full_disk_ends_a_stage_with_advice_and_the_former_artifact(chain: FinishedChain, stage: str) -> None:
    folder = chain.folder
    assert run_python(folder, "-m", "flows.stage", stage).returncode == 0
    before = _outs(folder, stage)
    done = _run_with_file_limit(folder, stage, 4096)
    assert done.returncode == 1, done.stdout
    assert "disk is full or a file grew over its size limit" in done.stdout
    assert _outs(folder, stage) == before
    assert run_python(folder, "-m", "flows.stage", stage).returncode == 0
    assert _outs(folder, stage) == before
