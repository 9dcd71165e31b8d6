"""A stage opens an external file only if it is the one that its manifest declares."""

from pathlib import Path

import pytest

from s1.sources.manifest import Declared, SourceFiles, declare, manifest_text, read_manifest
from s1.sources.result import SourceError

SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def files_for(*paths: str, data_folder: Path | None = None) -> SourceFiles:
    entries = [entry for path in paths for entry in declare(path, data_folder=data_folder)]
    return SourceFiles(data_folder, {entry.path: entry for entry in entries}, manifest="manifests/collect.yaml")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data/math").mkdir(parents=True)
    (tmp_path / "data/math/train.jsonl").write_bytes(b"abc")
    (tmp_path / "data/math/test.jsonl").write_bytes(b"de")
    return tmp_path / "data"


def test_a_file_is_declared_by_its_hash_and_size(data: Path) -> None:
    assert declare("$S1_DATA/math/train.jsonl", data_folder=data) == [
        Declared(path="$S1_DATA/math/train.jsonl", sha256=SHA256_OF_ABC, num_bytes=3)
    ]


def test_a_declared_file_is_found_in_the_data_folder(data: Path) -> None:
    name = "$S1_DATA/math/train.jsonl"
    assert files_for(name, data_folder=data).path(name) == data / "math/train.jsonl"


def test_the_data_folder_may_move(data: Path) -> None:
    declared = {entry.path: entry for entry in declare("$S1_DATA/math/train.jsonl", data_folder=data)}
    moved = data.rename(data.with_name("elsewhere"))
    assert SourceFiles(moved, declared).path("$S1_DATA/math/train.jsonl") == moved / "math/train.jsonl"


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    entries = [Declared(path="b: #ü", sha256="2" * 64, num_bytes=1), Declared(path="a", sha256="1" * 64, num_bytes=0)]
    (tmp_path / "collect.yaml").write_text(manifest_text(entries))
    assert list(read_manifest(tmp_path / "collect.yaml").values()) == [entries[1], entries[0]]


def test_where_there_is_no_manifest_nothing_is_declared(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "collect.yaml") == {}


@pytest.mark.parametrize("text", ["{", "- {path: a}", "7", "- a", "\x00"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "collect.yaml").write_text(text)
    with pytest.raises(SourceError, match=r"collect\.yaml is no manifest.*Remove it; `make sources`"):
        read_manifest(tmp_path / "collect.yaml")


def test_a_file_that_is_not_declared_is_refused(data: Path) -> None:
    files = files_for("$S1_DATA/math/train.jsonl", data_folder=data)
    with pytest.raises(SourceError, match=r"test\.jsonl is not declared in manifests/collect\.yaml.*`make sources`"):
        files.path("$S1_DATA/math/test.jsonl")


@pytest.mark.parametrize("content", [b"abd", b"abcd"])
def test_a_file_that_has_changed_is_refused(data: Path, content: bytes) -> None:
    files = files_for("$S1_DATA/math/train.jsonl", data_folder=data)
    (data / "math/train.jsonl").write_bytes(content)
    with pytest.raises(
        SourceError, match=r"not the file that manifests/collect\.yaml declares.*bring the old file back"
    ):
        files.path("$S1_DATA/math/train.jsonl")


def test_a_file_is_hashed_once(data: Path) -> None:
    name = "$S1_DATA/math/train.jsonl"
    files = files_for(name, data_folder=data)
    files.path(name)
    (data / "math/train.jsonl").write_bytes(b"xyz")
    assert files.path(name) == data / "math/train.jsonl"


def test_a_missing_file_is_refused_with_its_place(data: Path) -> None:
    files = files_for("$S1_DATA/math/train.jsonl", data_folder=data)
    (data / "math/train.jsonl").unlink()
    with pytest.raises(SourceError, match=r"train\.jsonl \(/.*\) cannot be read \(No such file.*S1_DATA"):
        files.path("$S1_DATA/math/train.jsonl")


def test_without_a_data_folder_the_message_says_which_variable_to_set() -> None:
    with pytest.raises(SourceError, match=r"S1_DATA, which names it, is not set\. Run `export S1_DATA=<folder>`"):
        SourceFiles(None, {}).path("$S1_DATA/math/train.jsonl")


def test_a_folder_is_declared_file_by_file(data: Path) -> None:
    declared = {entry.path: entry for entry in declare("$S1_DATA/math", data_folder=data)}
    assert list(declared) == ["$S1_DATA/math/test.jsonl", "$S1_DATA/math/train.jsonl"]
    assert SourceFiles(data, declared).path("$S1_DATA/math") == data / "math"
    (data / "math/test.jsonl").write_bytes(b"ed")
    with pytest.raises(SourceError, match=r"^\$S1_DATA/math/test\.jsonl .*is not the file"):
        SourceFiles(data, declared).path("$S1_DATA/math")


@pytest.mark.parametrize(
    ("change", "message"), [("add", "new.jsonl is not declared"), ("remove", "train.jsonl is gone")]
)
def test_a_file_more_or_less_in_a_folder_is_refused(data: Path, change: str, message: str) -> None:
    files = files_for("$S1_DATA/math", data_folder=data)
    if change == "add":
        (data / "math/new.jsonl").touch()
    else:
        (data / "math/train.jsonl").unlink()
    with pytest.raises(SourceError, match=message):
        files.path("$S1_DATA/math")
