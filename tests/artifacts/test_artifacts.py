"""Artifacts appear whole or not at all, and damage is named by file and line."""

from pathlib import Path

import pytest

from s1.artifacts import ArtifactError, ArtifactWriter, JsonlIndex, read_jsonl, write_text_atomically
from s1.decisions import Decision


def _decision(number: int) -> Decision:
    return Decision(question_id=f"q{number}", source="s", kept=True, reason="kept")


def _write(folder: Path, num_records: int) -> None:
    with ArtifactWriter(folder) as artifact:
        artifact.write_jsonl("decisions.jsonl", (_decision(number) for number in range(num_records)))


def test_records_come_back_as_written(tmp_path: Path) -> None:
    _write(tmp_path / "data", 3)
    assert read_jsonl(tmp_path / "data/decisions.jsonl", Decision) == [_decision(0), _decision(1), _decision(2)]


def test_a_failed_writer_keeps_the_former_artifact_and_leaves_nothing_else(tmp_path: Path) -> None:
    _write(tmp_path / "data", 1)

    def fail() -> None:
        with ArtifactWriter(tmp_path / "data") as artifact:
            artifact.write_jsonl("decisions.jsonl", [_decision(7), _decision(8)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert read_jsonl(tmp_path / "data/decisions.jsonl", Decision) == [_decision(0)]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_kill_between_the_two_renames_is_mended_by_the_next_writer(tmp_path: Path) -> None:
    _write(tmp_path / "data", 1)
    (tmp_path / "data").rename(tmp_path / "data.old-123")
    (tmp_path / "data.tmp-123").mkdir()
    with pytest.raises(RuntimeError), ArtifactWriter(tmp_path / "data"):
        raise RuntimeError
    assert read_jsonl(tmp_path / "data/decisions.jsonl", Decision) == [_decision(0)]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_new_artifact_replaces_the_old_one_whole(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "data") as artifact:
        artifact.path("deep/other.txt").write_text("old")
    _write(tmp_path / "data", 2)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["decisions.jsonl", "manifest.json"]


def test_a_file_cut_inside_a_line_is_refused_with_its_sizes(tmp_path: Path) -> None:
    _write(tmp_path / "data", 3)
    path = tmp_path / "data/decisions.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ArtifactError, match=f"{path} has {len(whole) - 10} bytes where {len(whole)} were written"):
        read_jsonl(path, Decision)


def test_a_file_cut_between_lines_is_refused_although_every_line_is_valid(tmp_path: Path) -> None:
    _write(tmp_path / "data", 3)
    path = tmp_path / "data/decisions.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(ArtifactError, match="dvc repro"):
        read_jsonl(path, Decision)


def test_a_corrupt_line_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "loose.jsonl"
    path.write_text(_decision(0).model_dump_json() + "\n{broken\n")
    with pytest.raises(ArtifactError, match=r"loose\.jsonl, line 2 is not a Decision"):
        read_jsonl(path, Decision)


def test_a_wrong_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "loose.jsonl"
    path.write_text('{"question_id": "q", "source": "s", "kept": "perhaps", "reason": "r"}\n')
    with pytest.raises(ArtifactError, match="line 1 is not a Decision: kept"):
        read_jsonl(path, Decision)


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "loose.jsonl"
    path.write_bytes(_decision(0).model_dump_json().encode() + b"\n\xff\xfe\n")
    with pytest.raises(ArtifactError, match=r"loose\.jsonl, line \d+ is not UTF-8"):
        read_jsonl(path, Decision)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is missing. Run `dvc repro`"):
        read_jsonl(tmp_path / "none.jsonl", Decision)


def test_a_failed_atomic_write_keeps_the_former_text(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_text_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_record_is_found_by_its_key_whatever_characters_stand_before_it(tmp_path: Path) -> None:
    rows = [_decision(number).model_copy(update={"detail": "naïve \u2028 \n\r 数" * number}) for number in range(4)]
    with ArtifactWriter(tmp_path / "data") as artifact:
        artifact.write_jsonl("decisions.jsonl", rows)
    index = JsonlIndex(tmp_path / "data/decisions.jsonl", Decision, key=lambda row: row.question_id)
    assert [index.get(f"q{number}") for number in (3, 0, 2, 1)] == [rows[3], rows[0], rows[2], rows[1]]
    assert index.get("q4") is None


def test_a_damaged_file_has_no_index(tmp_path: Path) -> None:
    _write(tmp_path / "data", 2)
    path = tmp_path / "data/decisions.jsonl"
    path.write_text(path.read_text().replace("kept", "tpek"))
    with pytest.raises(ArtifactError, match="line 1 is not a Decision"):
        JsonlIndex(path, Decision, key=lambda row: row.question_id)
    with pytest.raises(ArtifactError, match="is missing"):
        JsonlIndex(tmp_path / "none.jsonl", Decision, key=lambda row: row.question_id)
