"""Versions are those that DVC itself gives, whether read from its lock and cache or hashed here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.pipeline import StageEntry
from infra.versions import DataSet, Versions, cache_folder, data_sets, hash_path

MAKE = """
from pathlib import Path
Path("out/sub/deep").mkdir(parents=True)
Path("out/sub/b.txt").write_text("b")
Path("out/sub/deep/a.txt").write_text("a")
Path("out/sub/B.txt").write_text("B")
Path("out/sub-not.txt").write_text("no part of sub")
"""
PIPELINE = {
    "stages": {
        "make": {"cmd": "python make.py", "deps": ["make.py"], "outs": ["out"]},
        "read": {
            "cmd": "python -c 1 && mkdir end && echo 1 > end/x",
            "deps": ["out/sub", "out/sub/b.txt"],
            "outs": ["end"],
        },
    }
}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a real DVC ran two stages."""
    folder = tmp_path_factory.mktemp("versions")
    (folder / "make.py").write_text(MAKE)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text(
        "[core]\n    no_scm = true\n    analytics = false\n[cache]\n    dir = ../kept\n"
    )
    subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=folder, check=True, capture_output=True)
    return folder


def locked(folder: Path, stage: str, kind: str, path: str) -> str:
    """What DVC wrote."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    return next(str(item["md5"]) for item in lock["stages"][stage][kind] if item["path"] == path)


@pytest.mark.parametrize(("kind", "stage", "path"), [("deps", "read", "out/sub"), ("deps", "read", "out/sub/b.txt")])
def test_a_part_of_an_output_has_the_version_that_dvc_gives_it(
    reproduced: Path, kind: str, stage: str, path: str
) -> None:
    wanted = locked(reproduced, stage, kind, path)
    versions = Versions.read(reproduced)
    assert versions.of_out("make", Path(path)) == wanted
    assert versions.of_dep("read", Path(path)) == wanted
    assert hash_path(reproduced / path) == wanted


def test_a_whole_output_has_the_version_of_the_lock(reproduced: Path) -> None:
    wanted = locked(reproduced, "make", "outs", "out")
    assert wanted.endswith(".dir")
    assert Versions.read(reproduced).of_out("make", Path("out")) == wanted
    assert hash_path(reproduced / "out") == wanted


def test_a_part_of_an_output_has_no_version_without_the_cache(reproduced: Path, tmp_path: Path) -> None:
    shutil.copyfile(reproduced / "dvc.lock", tmp_path / "dvc.lock")
    assert Versions.read(tmp_path).of_out("make", Path("out/sub")) is None


def test_a_lock_says_nothing_of_stages_and_paths_that_it_does_not_name(reproduced: Path) -> None:
    versions = Versions.read(reproduced)
    assert versions.of_dep("other", Path("out/sub")) is None
    assert versions.of_dep("read", Path("make.py")) is None
    assert versions.of_out("make", Path("out/absent")) is None


@pytest.mark.parametrize("text", ["", "stages: {make: {outs: [", "- 1\n"])
def test_a_lock_that_is_empty_or_cut_short_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.lock").write_text(text)
    assert Versions.read(tmp_path).of_out("make", Path("out")) is None


def test_without_a_lock_nothing_is_said(tmp_path: Path) -> None:
    assert Versions.read(tmp_path).of_out("make", Path("out")) is None


def test_what_is_missing_or_too_big_has_no_version(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("four")
    assert hash_path(tmp_path / "file", max_bytes=3) is None
    assert hash_path(tmp_path, max_bytes=3) is None
    assert hash_path(tmp_path / "absent") is None
    assert hash_path(tmp_path / "file", max_bytes=4) == "8cbad96aced40b3838dd9f07f6ef5772"


def test_the_cache_is_the_projects_own_unless_its_configuration_names_another(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    assert cache_folder(tmp_path) == tmp_path / ".dvc/cache"
    (tmp_path / ".dvc/config").write_text('[core]\n    analytics = false\n[cache]\n    type = "reflink,copy"\n')
    assert cache_folder(tmp_path) == tmp_path / ".dvc/cache"
    (tmp_path / ".dvc/config.local").write_text("[cache]\n    dir = /shared/cache\n['remote \"x\"']\n    url = y\n")
    assert cache_folder(tmp_path) == Path("/shared/cache")


def test_data_sets_are_the_inputs_under_data_and_models_whose_version_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the checkout may hold a chain's results
    deps = ("data/collect/benchmarks.jsonl", "models/base/large", "data/unknown.jsonl", "tasks/score.py")
    entry = StageEntry("score", "x", (), tuple(map(Path, deps)), (), (), ())
    known = {Path(name): f"md5 of {name}" for name in deps if "unknown" not in name}
    assert data_sets(entry, known.get) == [
        DataSet(deps[0], f"md5 of {deps[0]}", "evaluation", None),
        DataSet(deps[1], f"md5 of {deps[1]}", "input", None),
    ]
