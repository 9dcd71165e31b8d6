"""Whatever a file holds and wherever it is damaged: rows in front of the damage are as they were, none is made up."""

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from s1.sources import raw, streams
from s1.sources.formats import BadRow, RawRow, read_raw
from s1.sources.json_window import JsonWindow

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ['"', '\\"', "},{", '{"q":', "\\", "\n", "]", "\\frac{a}{b}", "'", ","]
)
ROWS = st.lists(
    st.fixed_dictionaries({"q": TEXTS, "a": TEXTS | st.integers() | st.none() | st.lists(TEXTS, max_size=2)}),
    min_size=1,
    max_size=6,
)
CHUNKS = st.integers(min_value=3, max_value=40)


def read(name: str, data: bytes, *, chunk: int) -> tuple[list[RawRow], list[BadRow]]:
    """Read a file in tiny chunks, so that everything lies across a border somewhere."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        with patch.object(streams, "CHUNK_BYTES", chunk):
            items = list(read_raw(path, shown=name))
    return [item for item in items if isinstance(item, RawRow)], [item for item in items if isinstance(item, BadRow)]


def dumped(rows: list[dict[str, Any]], name: str, *, indent: int | None) -> bytes:
    if name.endswith(".jsonl"):
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    return json.dumps(rows, indent=indent, ensure_ascii=False).encode()


@given(ROWS, st.sampled_from(["a.jsonl", "a.json"]), st.sampled_from([None, 1]), CHUNKS)
def test_json_is_read_back_whatever_the_chunks(rows: list[dict[str, Any]], name: str, indent: int, chunk: int) -> None:
    good, bad = read(name, dumped(rows, name, indent=indent), chunk=chunk)
    assert [row.values for row in good] == rows
    assert bad == []


@given(ROWS, st.sampled_from(["a.jsonl", "a.json"]), st.floats(min_value=0, max_value=1), CHUNKS)
def test_a_file_cut_off_anywhere_gives_the_rows_in_front(
    rows: list[dict[str, Any]], name: str, share: float, chunk: int
) -> None:
    data = dumped(rows, name, indent=None)
    good, bad = read(name, data[: int(len(data) * share)], chunk=chunk)
    assert [row.values for row in good] == rows[: len(good)]
    assert len(bad) <= 1
    assert len(good) == len(rows) or bad or name == "a.jsonl"


@given(ROWS, st.data(), CHUNKS)
def test_a_byte_changed_in_json_lines_costs_its_own_line_at_most(
    rows: list[dict[str, Any]], data: st.DataObject, chunk: int
) -> None:
    written = bytearray(dumped(rows, "a.jsonl", indent=None))
    place = data.draw(st.integers(min_value=0, max_value=len(written) - 1).filter(lambda at: written[at] != 10))
    number = written[:place].count(b"\n")
    written[place] = data.draw(st.integers(min_value=0, max_value=255).filter(lambda byte: byte != 10))
    good, bad = read("a.jsonl", bytes(written), chunk=chunk)
    assert [row.values for row in good if row.line != number + 1] == rows[:number] + rows[number + 1 :]
    assert len(good) + len(bad) == len(rows)
    assert all(row.line == number + 1 for row in bad)


@given(ROWS, st.data(), CHUNKS, st.sampled_from([None, 1]), st.booleans())
def test_bytes_taken_from_an_array_make_up_no_row_and_lose_none_in_silence(
    rows: list[dict[str, Any]], data: st.DataObject, chunk: int, indent: int | None, nested: bool
) -> None:
    rows = [{"n": number, **row, **({"turns": [row, row]} if nested else {})} for number, row in enumerate(rows)]
    written = dumped(rows, "a.json", indent=indent)
    starts = element_starts(written)
    places = data.draw(st.sets(st.integers(starts[0], len(written) - 2), min_size=1, max_size=3))
    damaged = {max(index for index, start in enumerate(starts) if start <= place) for place in places}
    sound = [row for number, row in enumerate(rows) if number not in damaged]
    good, bad = read("a.json", bytes(byte for at, byte in enumerate(written) if at not in places), chunk=chunk)
    kept = [row.values for row in good if row.values in sound]
    assert kept == sound[: len(kept)]
    assert len(good) - len(kept) <= len(damaged)
    assert kept == sound or any(row.rest for row in bad)


def element_starts(written: bytes) -> list[int]:
    """Where each element of an array begins, found with the standard library alone."""
    text = written.decode()
    decoder, at, starts = json.JSONDecoder(), text.index("[") + 1, []
    while (at := text.find("{", at)) >= 0:
        starts.append(len(text[:at].encode()))
        at = decoder.raw_decode(text, at)[1]
    return starts


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=6), CHUNKS)
def test_csv_is_read_back_with_the_line_on_which_each_record_begins(rows: list[list[str]], chunk: int) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["q", "a"])
    lines = []
    for row in rows:
        lines.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    good, bad = read("a.csv", buffer.getvalue().encode(), chunk=chunk)
    assert [list(row.values.values()) for row in good] == rows
    assert [row.line for row in good] == lines
    assert bad == []


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.zip", "a.gz"]), CHUNKS)
def test_any_bytes_at_all_are_read_without_an_error(data: bytes, name: str, chunk: int) -> None:
    for content in (data, b"[" + data, b"PK\x03\x04" + data, b"\x1f\x8b" + data, gzip.compress(data)):
        good, bad = read(name, content, chunk=chunk)
        assert good or bad


def archive() -> bytes:
    lines = dumped([{"q": f"question {number}"} for number in range(30)], "a.jsonl", indent=None)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.jsonl", lines)
        packed.writestr("b.jsonl.gz", gzip.compress(lines, mtime=0))
    return buffer.getvalue()


ARCHIVES = {"a.zip": archive(), "a.jsonl.gz": gzip.compress(b'{"q": 1}\n' * 40, mtime=0)}


@settings(deadline=None)
@given(st.sampled_from(sorted(ARCHIVES)), st.data(), CHUNKS)
def test_an_archive_damaged_anywhere_is_read_without_an_error(name: str, data: st.DataObject, chunk: int) -> None:
    written = bytearray(ARCHIVES[name])
    for place in data.draw(st.lists(st.integers(0, len(written) - 1), min_size=1, max_size=3)):
        written[place] = data.draw(st.integers(0, 255))
    good, bad = read(name, bytes(written), chunk=chunk)
    assert good or bad


@given(st.lists(TEXTS, max_size=4), CHUNKS)
def test_the_window_steps_over_a_value_without_decoding_it(texts: list[str], chunk: int) -> None:
    text = json.dumps({"a": texts, "b": {"c": texts}}, ensure_ascii=False).encode()
    data = text + b"!"
    window = JsonWindow(iter([data[at : at + chunk] for at in range(0, len(data), chunk)]))
    window.peek()
    assert window.skip()
    assert window.peek() == "!"


def test_the_limit_of_a_row_is_above_the_chunk() -> None:
    assert raw.MAX_ROW_BYTES >= 4 * raw.CHUNK_BYTES
