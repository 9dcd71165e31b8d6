"""DVC's own commands on the real chain: experiments, comparisons, remotes. One repository, a branch of steps."""

import csv
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.pipeline import read_pipeline
from tests.chain.chains import environment, stages_run
from tests.chain.conftest import FinishedChain
from tests.dvc_.paid_toy import commit, git

pytestmark = pytest.mark.slow

STAGES = list(read_pipeline())
KEY = {"AWS_ACCESS_KEY_ID": "AKIAPLANTED", "AWS_SECRET_ACCESS_KEY": "wJalrPLANTEDSECRET", "AWS_DEFAULT_REGION": "eu-1"}
PERSON = {f"GIT_{role}_{part}": "toy@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}


def dvc(folder: Path, *arguments: str, **extra: str) -> str:
    """DVC, which has to succeed; returns its output stream."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**PERSON, **extra),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(chain: FinishedChain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished chain as a user keeps it: a repository on a branch, everything committed, ``dvc.lock`` too."""
    folder = tmp_path_factory.mktemp("dvc") / "checkout"
    shutil.copytree(chain.folder, folder, symlinks=True)
    (folder / ".dvc/config.local").unlink()
    shutil.copytree(chain.folder.with_name(f"{chain.folder.name}-cache"), folder / ".dvc/cache")
    git(folder, "checkout", "--quiet", "-B", "main")
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def compared(checkout: Path) -> Path:
    """With two experiments: ``quick`` ran in a temporary copy, ``queued`` out of the queue."""
    dvc(checkout, "exp", "run", "--temp", "--name", "quick", "-S", "train.learning_rate=0.003")
    dvc(checkout, "exp", "run", "--queue", "--name", "queued", "-S", "score.num_resamples=210")
    dvc(checkout, "queue", "start")
    deadline = time.monotonic() + 300
    while "Success" not in dvc(checkout, "queue", "status") and time.monotonic() < deadline:
        time.sleep(1)
    dvc(checkout, "queue", "stop")
    return checkout


def test_experiments_out_of_place_leave_the_checkout_as_it_was(compared: Path) -> None:
    assert git(compared, "status", "--porcelain") == ""
    assert stages_run(dvc(compared, "repro")) == []


def test_exp_show_has_one_row_per_experiment_with_its_parameters_and_metrics(compared: Path) -> None:
    table = csv.DictReader(io.StringIO(dvc(compared, "exp", "show", "--csv")))
    rows = {row["Experiment"] or row["rev"]: row for row in table}
    assert {"main", "quick", "queued"} <= rows.keys()
    assert [rows[name]["train.learning_rate"] for name in ("main", "quick", "queued")] == ["0.0006", "0.003", "0.0006"]
    assert [rows[name]["score.num_resamples"] for name in ("main", "quick", "queued")] == ["200", "200", "210"]
    losses = [float(rows[name]["loss.last_epoch"]) for name in ("main", "quick", "queued")]
    assert losses[0] == losses[2] != losses[1]


def test_metrics_and_params_of_two_experiments_are_compared(compared: Path) -> None:
    params = json.loads(dvc(compared, "params", "diff", "main", "quick", "--json"))
    changed = {key: (value["old"], value["new"]) for key, value in params["params.yaml"].items()}
    assert changed == {"train.learning_rate": (0.0006, 0.003)}
    metrics = json.loads(dvc(compared, "metrics", "diff", "main", "quick", "--json"))
    loss = metrics["metrics/train.json"]["loss.last_epoch"]
    assert loss["old"] != loss["new"]
    assert "metrics/curate.json" not in metrics


def test_plots_of_two_experiments_hold_points_of_both(compared: Path) -> None:
    dvc(compared, "plots", "diff", "main", "quick", "--out", ".s1/compared")
    page = (compared / ".s1/compared/index.html").read_text()
    shown = json.loads(dvc(compared, "plots", "diff", "main", "quick", "--json"))["data"]
    assert sorted(shown) == ["plots/score/curve.json", "plots/select/domains.json", "plots/train/loss.json"]
    for name, charts in shown.items():
        revisions = (
            {point["rev"] for chart in charts for point in chart["content"]["data"]["values"]} if charts else set()
        )
        assert revisions == {"main", "quick"}, name
    assert page.count('"rev": "quick"') > 3


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """Address of a running S3-compatible server with an empty bucket ``s1-results``."""
    import boto3

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        address = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=KEY["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEY["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket="s1-results")
        yield address
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("kind", ["s3", "folder"])
def test_a_fresh_clone_pulls_everything_and_has_nothing_to_do(
    compared: Path, store: str, tmp_path: Path, kind: str
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(compared, mine, symlinks=True)
    url = "s3://s1-results/results" if kind == "s3" else str(tmp_path / "store")
    dvc(mine, "remote", "add", "--default", "store", url)
    if kind == "s3":
        dvc(mine, "remote", "modify", "store", "endpointurl", store)
    commit(mine)
    git(tmp_path, "clone", "--quiet", "--bare", str(mine), str(tmp_path / "origin.git"))
    git(mine, "remote", "add", "shared", str(tmp_path / "origin.git"))

    assert "files pushed" in dvc(mine, "push", **KEY)
    assert "Everything is up to date" in dvc(mine, "push", **KEY)
    dvc(mine, "exp", "run", "--temp", "--name", "shared-one", "-S", "score.num_resamples=220", **KEY)
    assert "files uploaded" in dvc(mine, "exp", "push", "shared", "shared-one", **KEY)

    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), str(tmp_path / "theirs"))
    theirs = tmp_path / "theirs"
    dvc(theirs, "pull", **KEY)
    assert (theirs / "models/train/tuned/model.safetensors").read_bytes() == (
        mine / "models/train/tuned/model.safetensors"
    ).read_bytes()
    printed = dvc(theirs, "repro", **KEY)
    assert stages_run(printed) == []
    assert printed.count("didn't change, skipping") == len(STAGES)
    assert git(theirs, "status", "--porcelain") == ""
    dvc(theirs, "exp", "pull", "origin", "shared-one", **KEY)
    dvc(theirs, "exp", "apply", "shared-one", **KEY)
    assert "num_resamples: 220" in (theirs / "params.yaml").read_text()
    assert stages_run(dvc(theirs, "repro", **KEY)) == []
    assert secrets_in(mine / ".dvc") + secrets_in(theirs / ".dvc") + secrets_in(theirs / ".git") == []


def secrets_in(folder: Path) -> list[Path]:
    """Files that hold a part of the store's key."""
    files = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    return [file for file in files if file.is_file() and b"PLANTED" in file.read_bytes()]


def test_a_store_that_nobody_may_enter_is_told_and_loses_nothing(compared: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(compared, mine, symlinks=True)
    (tmp_path / "store").write_text("a file where the folder should be")
    dvc(mine, "remote", "add", "--default", "store", str(tmp_path / "store"))
    command = [sys.executable, "-m", "dvc", "push"]
    done = subprocess.run(command, cwd=mine, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "store" in done.stderr
    assert stages_run(dvc(mine, "repro")) == []
