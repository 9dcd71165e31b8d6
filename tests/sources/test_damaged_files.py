"""A damaged file gives a message with file and line, and loses what is damaged and nothing else."""

import gzip
import io
import json
import stat
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from s1.sources.formats import MAX_ROW_BYTES, BadRow, Layout, RawRow, read_raw
from tests.sources.test_formats import lines_of, write, zipped

GOOD: list[dict[str, Any]] = [{"q": f"question {number}", "a": number} for number in range(4)]


def read(path: Path, layout: Layout = Layout()) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:  # noqa: B008
    """Values of the good rows; line and reason of the bad ones."""
    items = list(read_raw(path, shown=path.name, layout=layout))
    assert {item.file for item in items} == {path.name}
    good = [item.values for item in items if isinstance(item, RawRow)]
    return good, [(item.line, item.reason) for item in items if isinstance(item, BadRow)]


def only_bad(path: Path) -> BadRow:
    (bad,) = [item for item in read_raw(path, shown=path.name) if isinstance(item, BadRow)]
    return bad


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"q": "caf\xe9"}', "not_utf8"),
        (b'{"q": "a\x00b"}', "nul_bytes"),
        (b'{"q": "a"', "corrupt_json"),
        (b'{"q": NaN}', "corrupt_json"),
        (b'{"q": 1e999}', "corrupt_json"),
        (b'{"q": ' + b"[" * 100_000, "corrupt_json"),
        (b"[1]", "not_an_object"),
        (rb'{"q": "\ud835"}', "invalid_text"),
        (b"  ", "blank_line"),
    ],
)
def test_a_bad_line_costs_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    data = lines_of(GOOD[:2]) + line + b"\n" + lines_of(GOOD[2:])
    assert read(write(tmp_path, "a.jsonl", data)) == (GOOD, [(3, reason)])


def test_the_message_names_the_byte_that_is_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", b'{"q": "caf\xe9"}\n')
    assert only_bad(path).detail == "byte 11 of the line is not UTF-8"


@pytest.mark.parametrize(
    "element",
    [
        b'{"q": NaN, "a": 0}',
        b'{"q": "a", }',
        b"{'q': 'a', 'a': 1}",
        b'{"q": "a" "a": 1}',
        b'{"q": "a\tb", "a": 1}',
        b'{"q": "unclosed, "a": 1}',
        b'{"q": "an unescaped " quote", "a": 1}',
        b'{"q": "brace } and [ in a string", "a": x}',
        b'{"q": "a", "a": [1, 2}',
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_broken_element_of_an_array_costs_itself(tmp_path: Path, element: bytes, indent: int | None) -> None:
    text = json.dumps(GOOD, indent=indent)
    first, rest = text.encode().split(b"question 2", 1)
    start = first.rindex(b"{")
    data = first[:start] + element + b", " + first[start:] + b"question 2" + rest
    good, bad = read(write(tmp_path, "a.json", data))
    assert good == GOOD
    assert bad == [(1 + data[:start].count(b"\n"), "corrupt_json")]


def test_an_element_that_hides_where_the_next_begins_costs_the_rest_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", b'[\n{"q": 1},\n{"q": "x, {"z": 2},\n{"other": 3}]')
    good, bad = read(path)
    assert good == [{"q": 1}]
    assert bad == [(3, "corrupt_json")]
    assert "nothing from line 3 on is read" in only_bad(path).detail
    assert only_bad(path).rest


def test_two_missing_quotes_far_apart_do_not_make_the_rows_between_them_one_text(tmp_path: Path) -> None:
    rows = [{"q": f"question {number} \\frac{{1}}{{2}}", "a": number} for number in range(30)]
    lines = [json.dumps(row) for row in rows]
    for number in (5, 20):
        lines[number] = lines[number].replace('"q": "', '"q": ')
    good, bad = read(write(tmp_path, "a.json", ("[" + ",\n".join(lines) + "]").encode()))
    assert good == [row for row in rows if row["a"] not in (5, 20)]
    assert bad == [(6, "corrupt_json"), (21, "corrupt_json")]


def test_a_wrong_byte_or_a_lone_surrogate_in_an_array_costs_one_element(tmp_path: Path) -> None:
    data = b'[{"q": "caf\xe9"},\n{"q": 1},\n{"q": "\\ud835"},\n{"q": 2}, 7]'
    assert read(write(tmp_path, "a.json", data)) == (
        [{"q": 1}, {"q": 2}],
        [(1, "not_utf8"), (3, "invalid_text"), (4, "not_an_object")],
    )


def test_a_nul_byte_in_an_array_costs_one_element(tmp_path: Path) -> None:
    data = b'[{"q": "a\x00b"},\n{"q": 1}]'
    assert read(write(tmp_path, "a.json", data)) == ([{"q": 1}], [(1, "nul_bytes")])


def test_commas_too_few_or_too_many_in_an_array_cost_nothing_and_are_told(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.json", b'[{"q": 1}\n{"q": 2},]')) == (
        [{"q": 1}, {"q": 2}],
        [(2, "corrupt_json"), (2, "corrupt_json")],
    )


def test_what_stands_behind_an_array_is_told(tmp_path: Path) -> None:
    good, bad = read(write(tmp_path, "a.json", b'[{"q": 1}]\n[{"q": 2}]'))
    assert (good, bad) == ([{"q": 1}], [(2, "corrupt_json")])


@pytest.mark.parametrize("layout", [Layout(), Layout(records="rows")])
def test_an_array_that_ends_too_early_gives_the_rows_before(tmp_path: Path, layout: Layout) -> None:
    text = json.dumps(GOOD, indent=1)
    head = '{"rows": ' if layout.records else ""
    good, bad = read(write(tmp_path, "a.json", (head + text[: text.index("question 3")]).encode()), layout)
    assert (good, bad) == (GOOD[:3], [(14, "truncated")])


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv"])
def test_a_gzip_file_that_is_cut_off_gives_the_rows_before(tmp_path: Path, ending: str) -> None:
    rows = [{"q": f"question {number * 7919 % 10007}", "a": str(number)} for number in range(20_000)]
    text = {
        "jsonl": lines_of(rows),
        "json": b"[" + b",\n".join(json.dumps(row).encode() for row in rows) + b"]",
        "csv": b"q,a\n" + b"".join(f"{row['q']},{row['a']}\n".encode() for row in rows),
    }[ending]
    packed = gzip.compress(text)
    path = write(tmp_path, f"a.{ending}.gz", packed[: len(packed) * 2 // 3])
    good, bad = read(path)
    assert 10_000 < len(good) < 19_000
    assert good == rows[: len(good)]
    assert bad == [(len(good) + (2 if ending == "csv" else 1), "truncated")]
    assert "cut off" in only_bad(path).detail
    assert only_bad(path).rest


def test_damage_inside_a_gzip_file_gives_the_rows_before(tmp_path: Path) -> None:
    rows = [{"q": f"question {number * 7919 % 10007}"} for number in range(50_000)]
    packed = bytearray(gzip.compress(lines_of(rows)))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    good, bad = read(write(tmp_path, "a.jsonl.gz", bytes(packed)))
    assert good[:20_000] == rows[:20_000]
    assert bad[-1] == (len(good) + len(bad), "corrupt_gzip")
    *_, last = read_raw(tmp_path / "a.jsonl.gz", shown="a.jsonl.gz")
    assert isinstance(last, BadRow)
    assert last.rest
    assert "rows above may be wrong" in last.detail


def test_garbage_behind_a_gzip_file_costs_no_row(tmp_path: Path) -> None:
    good, bad = read(write(tmp_path, "a.jsonl.gz", gzip.compress(lines_of(GOOD)) + b"garbage"))
    assert (good, bad) == (GOOD, [(5, "corrupt_gzip")])


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_line_of_50_megabytes_is_refused_unread(tmp_path: Path, ending: str) -> None:
    size = 50_000_000
    path = tmp_path / f"a.{ending}"
    with path.open("wb") as file:
        file.write(b'{"q": "1"}\n' if ending == "jsonl" else b"q\n1\n")
        for _ in range(50):
            file.write(b"x" * (size // 50))
        file.write(b'\n{"q": "2"}\n' if ending == "jsonl" else b"\n2\n")
    tracemalloc.start()
    good, bad = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert good == [{"q": "1"}, {"q": "2"}]
    assert bad == [(2 if ending == "jsonl" else 3, "too_long")]
    assert peak < 3 * MAX_ROW_BYTES
    assert "50,000,000 bytes; 16,777,216 are the most" in only_bad(path).detail


def test_an_element_of_50_megabytes_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"q": 1},\n{"q": "' + b"x" * 50_000_000 + b'"},\n{"q": 2}]')
    assert read(path) == ([{"q": 1}, {"q": 2}], [(2, "too_long")])


def test_a_csv_file_with_nothing_but_names_is_told(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.csv", b"q,a\n")) == ([], [(1, "empty_file")])


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz"])
def test_an_empty_file_is_told(tmp_path: Path, name: str) -> None:
    data = gzip.compress(b"") if name.endswith(".gz") else b""
    assert read(write(tmp_path, name, data)) == ([], [(1, "empty_file")])


def test_an_empty_array_is_told(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a.json", b"[ ]")) == ([], [(1, "empty_file")])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_told(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "a.jsonl", '{"q": "é"}\n{"q": "ü"}\n'.encode(encoding))
    good, bad = read(path)
    assert good == []
    assert {reason for _, reason in bad} <= {"not_utf8", "nul_bytes"}
    assert bad


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"1", "missing_column"),
        (b"1,2,3", "extra_column"),
        (b"caf\xe9,2", "not_utf8"),
        (b"a\x00b,2", "nul_bytes"),
        (b'"a"b,2', "corrupt_csv"),
        (b'1,"unclosed', "corrupt_csv"),
        (b"", "blank_line"),
    ],
)
def test_a_bad_csv_record_costs_itself(tmp_path: Path, record: bytes, reason: str) -> None:
    data = b'q,a\nx,"1"\n' + record + b'\ny,"2"\nz,"3"\n'
    good, bad = read(write(tmp_path, "a.csv", data))
    assert good == [{"q": "x", "a": "1"}, {"q": "y", "a": "2"}, {"q": "z", "a": "3"}]
    assert bad == [(3, reason)]


def test_an_unclosed_quote_at_the_end_of_a_csv_file_swallows_nothing(tmp_path: Path) -> None:
    data = b'q,a\nx,1\ny,"2\nz,3\n'
    assert read(write(tmp_path, "a.csv", data)) == ([{"q": "x", "a": "1"}, {"q": "z", "a": "3"}], [(3, "corrupt_csv")])


def test_missing_columns_are_named(tmp_path: Path) -> None:
    bad = only_bad(write(tmp_path, "a.csv", b"question,solution,level\n1+1?\n"))
    assert bad.detail == "1 cells for 3 columns; ['solution', 'level'] lack"


@pytest.mark.parametrize("name", ["/etc/a.jsonl", "../a.jsonl", "x/../../a.jsonl", "C:/a.jsonl", "..\\a.jsonl"])
def test_a_zip_member_that_points_elsewhere_is_refused_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, "a.zip", zipped({name: lines_of(GOOD), "b.jsonl": lines_of(GOOD[:1])}))
    bad, row = read_raw(path, shown="a.zip")
    assert isinstance(bad, BadRow)
    assert bad.reason == "unsafe_member"
    assert row == RawRow("a.zip/b.jsonl", 1, GOOD[0])


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("passwords.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert only_bad(write(tmp_path, "a.zip", buffer.getvalue())).reason == "unsafe_member"


def test_a_zip_that_is_cut_off_is_told(tmp_path: Path) -> None:
    data = zipped({"a.jsonl": lines_of(GOOD)})
    bad = only_bad(write(tmp_path, "a.zip", data[: len(data) // 2]))
    assert (bad.line, bad.reason, bad.rest) == (1, "corrupt_zip", True)


def test_damage_in_one_member_of_a_zip_leaves_the_others(tmp_path: Path) -> None:
    rows = [{"q": f"question {number * 7919 % 10007}"} for number in range(200_000)]
    data = bytearray(zipped({"a.jsonl": lines_of(rows), "b.jsonl": lines_of(GOOD)}))
    data[len(data) // 2] ^= 0xFF
    items = list(read_raw(write(tmp_path, "a.zip", bytes(data)), shown="a.zip"))
    *_, bad = [item for item in items if isinstance(item, BadRow)]
    assert (bad.file, bad.reason, bad.rest) == ("a.zip/a.jsonl", "corrupt_zip", True)
    assert [item.values for item in items[:50_000] if isinstance(item, RawRow)] == rows[:50_000]
    assert [item.values for item in items if isinstance(item, RawRow) and item.file == "a.zip/b.jsonl"] == GOOD


def test_a_zip_without_a_wanted_member_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.zip", zipped({"b.csv": b"1\n"}))
    (bad,) = read_raw(path, shown="a.zip", layout=Layout(members=("test/*.csv",)))
    assert isinstance(bad, BadRow)
    assert (bad.reason, bad.detail) == ("no_rows", "the zip has no member that matches ['test/*.csv']")


def test_damaged_parquet_is_told(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"q": ["a"]}), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    bad = only_bad(write(tmp_path, "a.parquet", data[:-20]))
    assert (bad.line, bad.reason, bad.rest) == (1, "corrupt_parquet", True)
