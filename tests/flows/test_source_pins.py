"""``make sources`` and ``make demo``: manifests say what the files that ``params.yaml`` names are like now."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import sources
from flows.pinning import pin_sources
from s1.config import Params, load_params
from s1.config.external import external_paths
from s1.sources.manifest import read_manifest
from s1.sources.result import SourceError

PROJECT = Path(__file__).resolve().parents[2]
COLLECT = Path("manifests/collect.yaml")
TRAIN = "$S1_DATA/math/train.jsonl"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with a data folder beside it."""
    folder, data = tmp_path / "project", tmp_path / "data"
    (data / "math").mkdir(parents=True)
    (data / "math/train.jsonl").write_text('{"problem": "1+1?", "answer": 2}\n')
    (folder / "profiles").mkdir(parents=True)
    shutil.copyfile(PROJECT / "dvc.yaml", folder / "dvc.yaml")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("S1_DATA", str(data))
    monkeypatch.delenv("S1_HOME", raising=False)
    return folder


def params_with(*added: dict[str, Any], path: Path = Path("params.yaml")) -> Params:
    values = yaml.safe_load((PROJECT / "profiles/nano.yaml").read_text(encoding="utf-8"))
    values["collect"]["sources"] += list(added)
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return load_params(path)


def math(*paths: str, name: str = "math") -> dict[str, Any]:
    return {"kind": "files", "name": name, "adapter": "math", "paths": list(paths)}


def test_a_new_file_is_declared_and_told_once(project: Path) -> None:
    params = params_with(math(TRAIN))
    assert pin_sources(params) == [f"collect runs again: {TRAIN} newly declared"]
    assert read_manifest(COLLECT)[TRAIN].num_bytes == 33
    assert pin_sources(params) == []


def test_a_changed_file_changes_the_manifest(project: Path) -> None:
    params = params_with(math(TRAIN))
    pin_sources(params)
    before = COLLECT.read_text()
    (project.parent / "data/math/train.jsonl").write_text("[]")
    assert pin_sources(params) == [f"collect runs again: {TRAIN} changed"]
    assert COLLECT.read_text() != before


def test_moving_the_data_folder_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = params_with(math(TRAIN))
    pin_sources(params)
    before = COLLECT.read_bytes()
    (project.parent / "data").rename(project.parent / "elsewhere")
    monkeypatch.setenv("S1_DATA", str(project.parent / "elsewhere"))
    assert pin_sources(params) == []
    assert COLLECT.read_bytes() == before


def test_other_profiles_files_stay_declared_until_they_are_pruned(project: Path) -> None:
    pin_sources(params_with(math(TRAIN)))
    params_with()
    assert sources.main([]) == 0
    assert TRAIN in read_manifest(COLLECT)
    params_with(math(TRAIN), path=project / "profiles/own.yaml")
    assert sources.main(["--prune"]) == 0
    assert TRAIN in read_manifest(COLLECT)
    (project / "profiles/own.yaml").unlink()
    assert sources.main(["--prune"]) == 0
    assert read_manifest(COLLECT) == {}


def test_a_missing_file_that_nobody_declared_is_refused(project: Path) -> None:
    with pytest.raises(SourceError, match=r"^stage collect: none\.jsonl cannot be read \(No such file"):
        pin_sources(params_with(math("none.jsonl")))


def test_a_declared_file_that_is_not_here_stays_declared(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = params_with(math(TRAIN))
    pin_sources(params)
    before = read_manifest(COLLECT)
    monkeypatch.delenv("S1_DATA")
    unset = pin_sources(params)
    monkeypatch.setenv("S1_DATA", str(project / "elsewhere"))
    assert (unset, pin_sources(params)) == (
        [f"collect: S1_DATA, which names the data folder, is not set; declared as before: {TRAIN}"],
        [f"collect: not on this machine; declared as before: {TRAIN}"],
    )
    assert read_manifest(COLLECT) == before


def test_checking_writes_nothing_and_tells_by_its_exit_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params_with(math(TRAIN))
    assert sources.main(["--check"]) == 1
    assert not COLLECT.exists()
    assert sources.main([]) == 0
    assert sources.main(["--check"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 source files declared, 0.0 MB."


def test_a_stage_that_reads_nothing_has_a_manifest_too(project: Path) -> None:
    pin_sources(params_with())
    assert sorted(path.name for path in Path("manifests").iterdir()) == [
        "attempt.yaml",
        "base.yaml",
        "collect.yaml",
        "distill.yaml",
    ]


def test_a_hub_folder_is_declared_and_a_name_on_the_hub_is_not(project: Path) -> None:
    (project / "folder").mkdir()
    (project / "folder/test.jsonl").write_text("{}\n")
    hub = {"kind": "hub", "split": "test"}
    params = params_with({**hub, "name": "here", "repo": "folder"}, {**hub, "name": "there", "repo": "owner/name"})
    pin_sources(params)
    assert list(read_manifest(COLLECT)) == ["folder/test.jsonl"]


def test_a_file_that_leaves_a_folder_leaves_the_manifest(project: Path) -> None:
    (project / "folder").mkdir()
    for name in ("a", "b"):
        (project / f"folder/{name}.jsonl").write_text("{}\n")
    params = params_with({"kind": "hub", "name": "here", "repo": "folder", "split": "test"})
    pin_sources(params)
    (project / "folder/a.jsonl").unlink()
    assert pin_sources(params) == ["collect runs again: folder/a.jsonl no longer declared"]


def test_a_file_written_a_moment_ago_is_hashed_anew(project: Path) -> None:
    params = params_with(math(TRAIN))
    path = project.parent / "data/math/train.jsonl"
    pin_sources(params)
    state = path.stat()
    path.write_text('{"problem": "1+2?", "answer": 2}\n')
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert pin_sources(params) == [f"collect runs again: {TRAIN} changed"]


def test_every_file_of_the_profile_open_is_named_for_the_stage_that_reads_it() -> None:
    paths = external_paths(load_params(PROJECT / "profiles/open.yaml"))
    assert len(paths["collect"]) > 80
    assert all(path.startswith("$S1_DATA/") for stage in paths.values() for path in stage)
    assert paths["attempt"]
    assert paths["distill"]


def test_the_committed_manifests_declare_every_file_of_the_profile_open() -> None:
    for stage, paths in external_paths(load_params(PROJECT / "profiles/open.yaml")).items():
        declared = read_manifest(PROJECT / f"manifests/{stage}.yaml")
        missing = [path for path in paths if not any(name == path or name.startswith(f"{path}/") for name in declared)]
        assert missing == []


def test_adapters_and_the_papers_pool_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert sources.main(["--adapters"]) == 0
    assert "mmlu-pro" in capsys.readouterr().out
    assert sources.main(["--pool"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 16
