"""A workspace has its own parameters and leaves the checkout as it was."""

import subprocess
from pathlib import Path

import pytest
import yaml

from infra.workspace import create_workspace

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
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def test_overrides_change_the_copy_only(checkout: Path, tmp_path: Path) -> None:
    before = (checkout / "params.yaml").read_text()
    overrides = {"seed": 5, "collect.benchmarks.0.num": 7}
    create_workspace(tmp_path / "w", source=checkout, overrides=overrides, cache=tmp_path / "cache")
    params = yaml.safe_load((tmp_path / "w/params.yaml").read_text())
    assert (params["seed"], params["collect"]["benchmarks"][0]["num"]) == (5, 7)
    assert (checkout / "params.yaml").read_text() == before


def test_uncommitted_files_come_along_and_outputs_do_not(checkout: Path, tmp_path: Path) -> None:
    create_workspace(tmp_path / "w", source=checkout, overrides={}, cache=tmp_path / "cache")
    names = {path.relative_to(tmp_path / "w").as_posix() for path in (tmp_path / "w").rglob("*") if path.is_file()}
    assert names == {".gitignore", "code.py", "params.yaml", ".dvc/config.local"}


def test_a_misspelt_override_is_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no key 'train.epochs'"):
        create_workspace(tmp_path / "w", source=checkout, overrides={"train.epochs": 1}, cache=tmp_path / "cache")
