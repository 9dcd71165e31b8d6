"""The stage ``collect``: what it writes, what it counts, and that no row is lost on the way."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1.artifacts import read_jsonl
from s1.config import CollectParams, FilesSource, HashedBenchmark, JsonlSource, ProceduralSource
from s1.decisions import Refusal
from s1.records import HashedItem, Question
from s1.sources import SourceError
from tasks import collect
from tasks.paths import BENCHMARKS, HASHED, HELD_OUT, QUESTIONS, REFUSED
from tasks.stage import Metrics
from tests.tasks.data_workspace import declare_sources, make_stage

EXAM = ProceduralSource(kind="procedural", name="exam", num=3, seed=9)
HASH = "0" * 31 + "f"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def own(name: str, path: str) -> JsonlSource:
    return JsonlSource(kind="jsonl", name=name, path=path)


def write_rows(path: str, *rows: object) -> str:
    Path(path).write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def run(params: CollectParams, *files: str) -> Metrics:
    declare_sources("collect", *files)
    return collect.run(make_stage("collect"), collect=params, seed=0)


def test_held_out_questions_are_kept_apart_each_once_whether_they_can_be_graded_or_not() -> None:
    path = write_rows("other.jsonl", *({"problem": text, "answer": ""} for text in ("One?", "Two?", "one?")))
    book = write_rows("book.jsonl", {"question": "Mine?", "solution": "1"})
    other = FilesSource(kind="files", name="other", adapter="problems", paths=[path])
    metrics = run(CollectParams(sources=[own("book", book)], benchmarks=[EXAM], held_out=[other]), path, book)
    assert [question.question for question in read_jsonl(HELD_OUT, Question)] == ["One?", "Two?"]
    assert [question.question for question in read_jsonl(QUESTIONS, Question)] == ["Mine?"]
    assert {question.source for question in read_jsonl(BENCHMARKS, Question)} == {"exam"}
    assert metrics["num_held_out_questions"] == 2
    assert metrics["held_out"] == {"other": {"read": 3, "kept": 3, "refused": 0, "reasons": {}}}


def test_a_benchmark_without_text_is_kept_as_hashes() -> None:
    rows = [
        {"record_id": "r-1", "n_words": 9, "ngram8_sha256_128": [HASH, HASH]},
        {"record_id": "r-2", "n_words": 3, "ngram8_sha256_128": []},
        {"record_id": "r-3", "n_words": 9, "ngram8_sha256_128": ["no hash"]},
        {"n_words": 9},
    ]
    path = write_rows("hashes.jsonl", *rows)
    book = write_rows("book.jsonl", {"question": "Mine?", "solution": "1"})
    secret = HashedBenchmark(kind="hashes", name="secret", path=path)
    params = CollectParams(sources=[own("book", book)], benchmarks=[EXAM], held_out=[secret], max_bad_share=0.5)
    metrics = run(params, path, book)
    assert read_jsonl(HASHED, HashedItem) == [
        HashedItem(benchmark="secret", item_id="r-1", num_words=9, ngrams=[HASH, HASH]),
        HashedItem(benchmark="secret", item_id="r-2", num_words=3, ngrams=[]),
    ]
    assert [(row.line, row.reason) for row in read_jsonl(REFUSED, Refusal)] == [(3, "wrong_type"), (4, "missing_field")]
    assert isinstance(metrics["files"], list)
    assert {"source": "secret", "file": path, "read": 4, "kept": 2, "refused": 2,
            "reasons": {"missing_field": 1, "wrong_type": 1}} in metrics["files"]  # fmt: skip


def test_every_file_has_its_own_counts_in_the_order_of_reading() -> None:
    first = write_rows("b.jsonl", {"problem": "1?", "answer": "1"}, "", "{")
    second = write_rows("a.jsonl", {"problem": "2?", "answer": "1"})
    both = FilesSource(kind="files", name="both", adapter="math", paths=[first, second])
    metrics = run(CollectParams(sources=[both], benchmarks=[EXAM], max_bad_share=0.5), first, second)
    assert metrics["files"] == [
        {"source": "both", "file": "b.jsonl", "read": 2, "kept": 1, "refused": 1,
         "reasons": {"blank_line": 1, "corrupt_json": 1}},
        {"source": "both", "file": "a.jsonl", "read": 1, "kept": 1, "refused": 0, "reasons": {}},
    ]  # fmt: skip


def test_the_same_question_twice_is_collected_twice_with_both_places() -> None:
    path = write_rows("book.jsonl", *[{"question": "Why?", "solution": "so"}] * 2)
    run(CollectParams(sources=[own("book", path)], benchmarks=[EXAM]), path)
    assert [question.metadata["line"] for question in read_jsonl(QUESTIONS, Question)] == [1, 2]


def test_bad_rows_below_the_limit_are_told_but_not_fatal(caplog: pytest.LogCaptureFixture) -> None:
    path = write_rows("book.jsonl", {"question": "Why?", "solution": "so"}, "{")
    run(CollectParams(sources=[own("book", path)], benchmarks=[EXAM], max_bad_share=0.5), path)
    assert "source 'book': 1 bad rows; the first:\n  book.jsonl, line 2: corrupt_json" in caplog.text


def test_a_file_that_is_not_declared_is_not_read() -> None:
    path = write_rows("book.jsonl", {"question": "Why?", "solution": "so"})
    with pytest.raises(
        SourceError, match=r"'book': book\.jsonl is not declared in manifests/collect\.yaml.*make sources"
    ):
        run(CollectParams(sources=[own("book", path)], benchmarks=[EXAM]))


_LINES = st.one_of(
    st.builds(lambda text: json.dumps({"question": text, "solution": "1"}), st.text(max_size=8)),
    st.sampled_from(["", "{", "[1]", '{"solution": "1"}', '{"question": 3, "solution": [1]}', '"\\ud800"']),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
)


@settings(max_examples=40)
@given(st.lists(_LINES, max_size=12))
def test_no_row_vanishes(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        path = write_rows(
            "book.jsonl", {"question": "Why?", "solution": "so"}, *lines, {"question": "Is?", "solution": "1"}
        )
        metrics = run(CollectParams(sources=[own("book", path)], benchmarks=[EXAM], max_bad_share=1.0), path)
        kept = [question.metadata["line"] for question in read_jsonl(QUESTIONS, Question)]
        refused = [row.line for row in read_jsonl(REFUSED, Refusal)]
    assert isinstance(metrics["sources"], dict) and isinstance(metrics["sources"]["book"], dict)
    counts = metrics["sources"]["book"]
    blank = [number for number, line in enumerate(lines, start=2) if not line.strip()]
    assert sorted([*kept, *refused, *blank]) == list(range(1, len(lines) + 3))  # type: ignore[type-var]
    assert dict(counts["reasons"]).get("blank_line", 0) == len(blank)  # type: ignore[arg-type]
    assert (counts["kept"], counts["read"]) == (len(kept), len(kept) + int(str(counts["refused"])))
