"""A workspace has its own parameters and leaves the checkout as it was."""

import subprocess
from pathlib import Path

import pytest
import yaml

from infra.locks import describe_self, hold
from infra.settings import CHAIN_LOCK
from infra.workspace import WorkspaceError, create_workspace, remove_abandoned

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "data").mkdir(parents=True)
    (folder / ".gitignore").write_text("/data/\n")
    (folder / "data/big.jsonl").write_text("{}\n")
    (folder / "dvc.lock").write_text("old\n")
    (folder / "code.py").write_text("x = 1\n")
    (folder / "params.yaml").write_text((ROOT / "profiles/nano.yaml").read_text())
    git(folder, "init", "-q")
    git(folder, "add", ".gitignore", "code.py")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def files_of(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(".git/")}


def test_overrides_change_the_copy_only(checkout: Path, tmp_path: Path) -> None:
    before = (checkout / "params.yaml").read_text()
    overrides = {"seed": 5, "collect.benchmarks.0.num": 7}
    create_workspace(tmp_path / "w", source=checkout, overrides=overrides, cache=tmp_path / "cache")
    params = yaml.safe_load((tmp_path / "w/params.yaml").read_text())
    assert (params["seed"], params["collect"]["benchmarks"][0]["num"]) == (5, 7)
    assert (checkout / "params.yaml").read_text() == before


def test_uncommitted_files_come_along_and_outputs_do_not(checkout: Path, tmp_path: Path) -> None:
    create_workspace(tmp_path / "w", source=checkout, overrides={}, cache=tmp_path / "cache")
    assert files_of(tmp_path / "w") == {".gitignore", "code.py", "params.yaml", ".dvc/config.local"}


def test_the_workspace_follows_the_checkout_and_keeps_its_outputs(checkout: Path, tmp_path: Path) -> None:
    (checkout / "new.py").write_text("n = 1\n")
    (checkout / "code.py").write_text("x = 2\n")
    create_workspace(tmp_path / "w", source=checkout, overrides={}, cache=tmp_path / "cache")
    assert (tmp_path / "w/code.py").read_text() == "x = 2\n"
    (tmp_path / "w/data").mkdir()
    (tmp_path / "w/data/out.txt").write_text("made there\n")
    (checkout / "new.py").unlink()
    (checkout / "code.py").unlink()
    git(checkout, "commit", "-q", "-a", "-m", "code.py goes")
    create_workspace(tmp_path / "w", source=checkout, overrides={}, cache=tmp_path / "cache")
    assert "code.py" not in files_of(tmp_path / "w")
    assert (tmp_path / "w/data/out.txt").read_text() == "made there\n"


def test_comments_of_the_parameters_stay_where_they_are(checkout: Path, tmp_path: Path) -> None:
    create_workspace(tmp_path / "w", source=checkout, overrides={"train.num_epochs": 9}, cache=tmp_path / "cache")
    before = (checkout / "params.yaml").read_text().splitlines()
    after = (tmp_path / "w/params.yaml").read_text().splitlines()
    assert [line for line in after if line not in before] == ["  num_epochs: 9"]
    assert len(before) == len(after)


def test_the_checkouts_remotes_are_known_and_the_cache_is_shared(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".dvc").mkdir()
    (checkout / ".dvc/config.local").write_text(
        "['remote \"store\"']\n    url = s3://bucket\n[cache]\n    dir = elsewhere\n"
    )
    create_workspace(tmp_path / "w", source=checkout, overrides={}, cache=tmp_path / "cache")
    config = (tmp_path / "w/.dvc/config.local").read_text()
    assert "url = s3://bucket" in config
    assert f"dir = {tmp_path / 'cache'}" in config
    assert "elsewhere" not in config


def test_a_checkout_without_a_commit_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/params.yaml").write_text((ROOT / "profiles/nano.yaml").read_text())
    with pytest.raises(WorkspaceError, match="commit once here"):
        create_workspace(tmp_path / "w", source=tmp_path / "bare", overrides={}, cache=tmp_path / "cache")


def test_a_misspelt_override_is_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no key 'train.epochs'"):
        create_workspace(tmp_path / "w", source=checkout, overrides={"train.epochs": 1}, cache=tmp_path / "cache")


def test_only_workspaces_in_which_nobody_works_are_removed(tmp_path: Path) -> None:
    for name in ("busy", "left"):
        (tmp_path / name / ".s1").mkdir(parents=True)
    with hold(tmp_path / "busy" / CHAIN_LOCK, describe_self("a run")):
        assert remove_abandoned(tmp_path) == ["left"]
    assert [path.name for path in tmp_path.iterdir()] == ["busy"]
