"""The soak's own eyes: what it takes for damage, for a kind of process, for a left-over."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.soak import measure
from bench.soak_checks import cache_path, check_artifacts, compare, read_experiment
from bench.soak_home import Home, wait_for
from bench.soak_kills import draw_plan, kill_one, kind_of

STAGES = ["collect", "train"]


def put(cache: Path, content: bytes, suffix: str = "") -> str:
    digest = hashlib.md5(content).hexdigest() + suffix
    path = cache_path(cache, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=toy", "-c", "user.email=toy@localhost"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository with the experiment ``one``: a file by ``collect``, a folder with one file by ``train``."""
    cache = tmp_path / ".dvc/cache"
    rows, weights = put(cache, b"rows"), put(cache, b"weights")
    listing = put(cache, json.dumps([{"md5": weights, "relpath": "a"}]).encode(), ".dir")
    outs = {"collect": {"path": "rows.jsonl", "md5": rows}, "train": {"path": "models/train", "md5": listing}}
    lock: dict[str, Any] = {"stages": {stage: {"outs": [out]} for stage, out in outs.items()}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "dvc.lock")
    git(tmp_path, "commit", "-q", "-m", "experiment")
    git(tmp_path, "update-ref", "refs/exps/ab/cdef/one", "HEAD")
    return tmp_path


def test_whole_artifacts_are_found_whole(home: Path) -> None:
    assert check_artifacts(home, ["one"], stages=STAGES) == []


@pytest.mark.parametrize("content", [b"rows", b"weights"])
def test_a_file_cut_short_in_the_cache_is_noticed(home: Path, content: bytes) -> None:
    digest = hashlib.md5(content).hexdigest()
    cut = hashlib.md5(content[:-1]).hexdigest()
    cache_path(home / ".dvc/cache", digest).write_bytes(content[:-1])
    assert check_artifacts(home, ["one"], stages=STAGES) == [f"one: {digest} in the cache is {cut}"]


def test_a_file_missing_in_the_cache_is_noticed(home: Path) -> None:
    digest = hashlib.md5(b"weights").hexdigest()
    cache_path(home / ".dvc/cache", digest).unlink()
    assert check_artifacts(home, ["one"], stages=STAGES) == [f"one: {digest} in the cache is missing"]


def test_a_lost_experiment_and_a_lost_stage_are_noticed(home: Path) -> None:
    wrong = check_artifacts(home, ["one", "two"], stages=[*STAGES, "score"])
    assert wrong == ["one: dvc.lock lacks score", "two: no experiment of this name"]
    assert read_experiment(home, "two") is None


def test_results_are_compared_but_for_files_that_hold_seconds() -> None:
    ones = {"data/a": "1", "ledger/train.json": "2", "reports/report.html": "3", "data/only": "4"}
    others = {"data/a": "9", "ledger/train.json": "8", "reports/report.html": "7"}
    assert compare(ones, others) == ["data/a", "data/only"]


GUARD = "/env/bin/python -I -S /home/x/infra/guard.py 5 5.0"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("/env/bin/python -m infra.services.keeper", "keeper"),
        ("/env/bin/python -m prefect server start --host 127.0.0.1", "Prefect server"),
        ("/env/bin/python -m mlflow server --host 127.0.0.1", "MLflow"),
        ("/env/bin/python -m prefect worker start --pool s1", "worker"),
        ("/env/bin/python -m flows.engine", "flow"),
        ("/env/bin/python -m dvc repro --single-item train", "dvc"),
        ("python -m flows.stage train", "stage"),
        ("/bin/sh -c python -m flows.stage train", "shell"),
        ("/env/bin/python -m torch.distributed.run --nproc-per-node 2 -m infra.rank spec.json", "launcher"),
        ("/env/bin/python -u -m infra.rank spec.json", "rank"),
        (f"{GUARD} /env/bin/python -m dvc repro --single-item train", "guard of dvc"),
        ("git rev-parse HEAD", "helper"),
    ],
)
def test_processes_are_known_by_their_command_lines(line: str, kind: str) -> None:
    assert kind_of(line) == kind


def test_a_seed_gives_the_same_moments_again_in_the_order_of_the_chain() -> None:
    plans = [draw_plan(random.Random(seed), stages=STAGES) for seed in (3, 3, 4)]
    assert plans[0] == plans[1] != plans[2]
    assert all(plan == sorted(plan, key=lambda moment: moment.position) for plan in plans)


def test_a_part_inside_another_one_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / ".s1/prefect").mkdir(parents=True)
    (tmp_path / ".s1/prefect/prefect.db").write_bytes(os.urandom(40960))
    before = measure(tmp_path)
    (tmp_path / ".s1/state").write_bytes(os.urandom(8192))
    added = {part: size - before[part] for part, size in measure(tmp_path).items()}
    assert before[".s1/prefect"] == 40960
    assert {part: size for part, size in added.items() if size} == {".s1": 8192}


def test_a_process_that_went_to_another_folder_is_still_found_and_killed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", prefect_port=1, mlflow_port=2)
    home.folder.mkdir()
    stray = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], cwd="/", env=home.environment, start_new_session=True
    )
    try:
        assert wait_for(lambda: any("time.sleep(600)" in line for line in home.extra_processes()), 20) is not None
        kill = kill_one(home, random.Random(0), stage="train")
        assert (str(kill), stray.wait(20)) == ("helper (train)", -9)
    finally:
        stray.kill()
