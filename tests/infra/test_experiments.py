"""A run's experiment comes back to the checkout as DVC knows experiments."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.experiments import save_experiment
from infra.git import GitError
from infra.workspace import clone_checkout

ROOT = Path(__file__).parents[2]
PIPELINE = {
    "stages": {
        "first": {"cmd": "echo 1 > one.txt", "params": ["seed"], "outs": ["one.txt"]},
        "second": {"cmd": "echo 2 > two.txt", "deps": ["one.txt"], "outs": ["two.txt"]},
    }
}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (folder / ".gitignore").write_text("/one.txt\n/two.txt\n/.dvc/config.local\n/.dvc/tmp\n/.dvc/cache\n/.s1/\n")
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (folder / "params.yaml").write_text((ROOT / "profiles/nano.yaml").read_text())
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def run_workspace(home: Path, seed: int, *stages: str) -> Path:
    folder = home / ".s1/workspaces/w"
    text = (home / "params.yaml").read_text().replace("seed: 0", f"seed: {seed}", 1)
    clone_checkout(folder, source=home, params=text, cache=home / ".dvc/cache")
    dvc(folder, "repro", "-q", *stages)
    return folder


def test_the_experiment_is_listed_and_applied_in_the_checkout(home: Path) -> None:
    workspace = run_workspace(home, 7)
    before = git(home, "status", "--porcelain")
    name = save_experiment(workspace, home=home, name="brave hawk", suffix="3f2a", stages=["first", "second"])
    assert name == "brave-hawk"
    assert git(home, "status", "--porcelain") == before
    assert "brave-hawk" in dvc(home, "exp", "list", "--name-only")
    dvc(home, "exp", "apply", "brave-hawk")
    assert "seed: 7\n" in (home / "params.yaml").read_text()
    assert (home / "two.txt").read_text() == "2\n"


def test_a_name_that_is_taken_gets_the_suffix(home: Path) -> None:
    workspace = run_workspace(home, 7)
    names = [
        save_experiment(workspace, home=home, name="hawk", suffix=suffix, stages=["first", "second"])
        for suffix in ("3f2a", "9b1c")
    ]
    assert names == ["hawk", "hawk-9b1c"]


def test_a_run_of_some_stages_says_nothing_of_the_others(home: Path) -> None:
    dvc(home, "repro", "-q")  # both stages at seed 0: what dvc.lock says of the second is not this run's
    workspace = run_workspace(home, 7, "first")
    (workspace / "dvc.lock").write_text((home / "dvc.lock").read_text())
    name = save_experiment(workspace, home=home, name="half", suffix="3f2a", stages=["first"])
    ref = next(ref for ref in git(home, "for-each-ref", "--format=%(refname)", "refs/exps").split() if name in ref)
    assert list(yaml.safe_load(git(home, "show", f"{ref}:dvc.lock"))["stages"]) == ["first"]


def test_new_files_come_along_once_they_are_staged(home: Path) -> None:
    (home / "new.py").write_text("x = 1\n")
    git(home, "add", "new.py")
    workspace = run_workspace(home, 7)
    save_experiment(workspace, home=home, name="hawk", suffix="3f2a", stages=["first", "second"])
    ref = git(home, "for-each-ref", "--format=%(refname)", "refs/exps").strip()
    assert "new.py" in git(home, "ls-tree", "--name-only", ref).split()
    assert git(home, "diff", "--cached", "--name-only").split() == ["new.py"]
    assert not (home / ".git/FETCH_HEAD").exists()


def test_untracked_files_stay_where_they_are(home: Path) -> None:
    (home / "notes.txt").write_text("a password\n")
    workspace = run_workspace(home, 7)
    save_experiment(workspace, home=home, name="hawk", suffix="3f2a", stages=["first", "second"])
    ref = git(home, "for-each-ref", "--format=%(refname)", "refs/exps").strip()
    assert "notes.txt" not in git(home, "ls-tree", "--name-only", ref).split()


def test_a_checkout_that_is_gone_is_told(home: Path, tmp_path: Path) -> None:
    workspace = run_workspace(home, 7)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(GitError, match=r"`git diff` failed in .*elsewhere"):
        save_experiment(workspace, home=tmp_path / "elsewhere", name="x", suffix="y", stages=["first"])
