"""Every format gives its rows with file and line, whatever they are packed in."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from s1.sources.formats import BadRow, Layout, RawRow, read_raw
from s1.sources.result import SourceError

ROWS: list[dict[str, Any]] = [{"q": "1+1?", "a": 2}, {"q": "größer\nals \\frac{1}{2}", "a": None}, {"q": "x", "a": [1]}]


def lines_of(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def values(path: Path, layout: Layout = Layout()) -> list[dict[str, Any]]:  # noqa: B008 - frozen
    items = list(read_raw(path, shown=path.name, layout=layout))
    assert [item for item in items if isinstance(item, BadRow)] == []
    return [item.values for item in items if isinstance(item, RawRow)]


FORMATS: dict[str, bytes] = {
    "a.jsonl": lines_of(ROWS),
    "no_last_newline.jsonl": lines_of(ROWS).rstrip(b"\n"),
    "windows.jsonl": b"\xef\xbb\xbf" + lines_of(ROWS).replace(b"}\n", b"}\r\n"),
    "lines.json": lines_of(ROWS),
    "array.json": json.dumps(ROWS).encode(),
    "pretty.json": json.dumps(ROWS, indent=2, ensure_ascii=False).encode(),
    "marked.json": b"\xef\xbb\xbf \n" + json.dumps(ROWS, indent=2).encode(),
}


@pytest.mark.parametrize("name", FORMATS)
def test_json_gives_every_row_as_it_is(tmp_path: Path, name: str) -> None:
    assert values(write(tmp_path, name, FORMATS[name])) == ROWS


@pytest.mark.parametrize("name", FORMATS)
def test_gzip_is_found_by_the_content_and_changes_nothing(tmp_path: Path, name: str) -> None:
    packed = gzip.compress(FORMATS[name])
    assert values(write(tmp_path, f"{name}.gz", packed)) == ROWS
    assert values(write(tmp_path, name, packed)) == ROWS


def test_two_gzip_members_behind_one_another_are_one_file(tmp_path: Path) -> None:
    packed = gzip.compress(lines_of(ROWS[:1])) + gzip.compress(lines_of(ROWS[1:]))
    assert values(write(tmp_path, "a.jsonl.gz", packed)) == ROWS


def test_rows_lie_under_the_key_that_the_layout_names(tmp_path: Path) -> None:
    data = json.dumps({"model": {"name": "m", "records": [0]}, "n": 3, "records": ROWS, "end": True}, indent=1)
    assert values(write(tmp_path, "a.json", data.encode()), Layout(records="records")) == ROWS


def test_an_object_without_the_key_says_which_keys_it_has(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", b'{"model": "m", "rows": [{}]}')
    assert list(read_raw(path, shown="a.json", layout=Layout(records="tasks"))) == [
        BadRow(
            "a.json",
            1,
            "no_rows",
            "the file has no key 'tasks'; it has ['model', 'rows']; nothing from line 1 on is read",
            rest=True,
        )
    ]


def test_elements_of_an_array_have_the_lines_on_which_they_begin(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", b'\n[\n  {"q": "a"}, {"q":\n"b"},\n\n  {"q": "c"}\n]\n')
    assert [item.line for item in read_raw(path, shown="a.json")] == [3, 3, 6]


def test_an_array_over_many_chunks_is_read_like_a_small_one(tmp_path: Path) -> None:
    rows = [{"n": number, "text": "ä\\" * (number % 700)} for number in range(5000)]
    data = json.dumps(rows, indent=1, ensure_ascii=False).encode()
    assert len(data) > 3_000_000
    assert values(write(tmp_path, "a.json", data)) == rows


def test_csv_gives_text_cells_under_the_names_of_its_first_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b'\xef\xbb\xbfq,a\r\n"one, ""1""\nor two?",2\r\nx,\r\n')
    items = list(read_raw(path, shown="a.csv"))
    assert items == [
        RawRow("a.csv", 2, {"q": 'one, "1"\nor two?', "a": "2"}),
        RawRow("a.csv", 4, {"q": "x", "a": ""}),
    ]


def test_csv_without_a_header_takes_the_layouts_names(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b"1+1?,2\n")
    assert values(path, Layout(header=("q", "a"))) == [{"q": "1+1?", "a": "2"}]


def test_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    assert values(write(tmp_path, "a.tsv", b"q\ta\n1,5\t2\n")) == [{"q": "1,5", "a": "2"}]


def test_a_repeated_column_loses_no_cell(tmp_path: Path) -> None:
    assert values(write(tmp_path, "a.csv", b"a,b,a\n1,2,3\n")) == [{"a": "1", "b": "2", "a.1": "3"}]


def test_cells_beyond_the_csv_modules_usual_limit_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b"q,a\n" + b"x" * 200_000 + b",2\n")
    assert len(str(values(path)[0]["q"])) == 200_000


def test_members_of_a_zip_are_read_in_place_in_their_own_formats(tmp_path: Path) -> None:
    members = {
        "d/test/one.csv": b"q,a\n1+1?,2\n",
        "two.jsonl": b'{"q": "x"}\n',
        "three.json.gz": gzip.compress(b'[{"q": "y"}]'),
        "__MACOSX/._two.jsonl": b"\0\0",
    }
    path = write(tmp_path, "all.zip", zipped(members))
    assert list(read_raw(path, shown="$S1_DATA/all.zip")) == [
        RawRow("$S1_DATA/all.zip/d/test/one.csv", 2, {"q": "1+1?", "a": "2"}),
        RawRow("$S1_DATA/all.zip/two.jsonl", 1, {"q": "x"}),
        RawRow("$S1_DATA/all.zip/three.json.gz", 1, {"q": "y"}),
    ]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["all.zip"]


def test_the_layout_chooses_members_of_a_zip(tmp_path: Path) -> None:
    path = write(tmp_path, "all.zip", zipped({"test/a.csv": b"1\n", "dev/a.csv": b"2\n", "README.txt": b"hello"}))
    layout = Layout(header=("q",), members=("test/*.csv",))
    assert values(path, layout) == [{"q": "1"}]


def test_a_member_of_no_known_format_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "all.zip", zipped({"README.txt": b"hello", "a.jsonl": b"{}\n"}))
    readme, row = read_raw(path, shown="all.zip")
    assert isinstance(readme, BadRow)
    assert (readme.file, readme.reason) == ("all.zip/README.txt", "unknown_format")
    assert row == RawRow("all.zip/a.jsonl", 1, {})


def test_parquet_rows_are_numbered_and_plain(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"q": ["a", "b"], "picture": [b"\x00\x01", None], "share": [0.5, float("nan")]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert list(read_raw(tmp_path / "a.parquet", shown="a.parquet")) == [
        RawRow("a.parquet", 1, {"q": "a", "picture": "(2 bytes)", "share": 0.5}),
        RawRow("a.parquet", 2, {"q": "b", "picture": None, "share": None}),
    ]


def test_a_missing_file_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"\$S1_DATA/none\.jsonl cannot be read \(No such file.*params\.yaml"):
        list(read_raw(tmp_path / "none.jsonl", shown="$S1_DATA/none.jsonl"))


def test_rows_that_the_csv_module_writes_are_read_back(tmp_path: Path) -> None:
    rows = [["q", "a"], ["\r\n", ""], ["a\rb", '"'], ['""', "\n\n"], ["", "x"]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    read = values(write(tmp_path, "a.csv", buffer.getvalue().encode()))
    assert [list(row.values()) for row in read] == rows[1:]
