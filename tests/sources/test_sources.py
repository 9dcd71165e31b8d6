"""Readers of sources: every row becomes a question or a refusal that names it."""

import json
from pathlib import Path

import pytest

from s1.config import JsonlSource, ProceduralSource
from s1.decisions import Refusal
from s1.records import Question, question_id
from s1.sources import LEFT_OUT, SourceError, Tally, plant_overlaps, texts_of
from tests.sources.reads import read_all


def jsonl(path: Path, **fields: str) -> JsonlSource:
    return JsonlSource.model_validate({"kind": "jsonl", "name": "book", "path": str(path), **fields})


def write_lines(path: Path, *lines: str | bytes) -> Path:
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return path


def reasons_by_line(path: Path, **fields: str) -> dict[int, str]:
    return {refusal.line: refusal.reason for refusal in read_all(jsonl(path, **fields), seed=0).refusals}


def test_a_row_becomes_a_question_with_its_other_fields_and_its_line(tmp_path: Path) -> None:
    row = {"question": "What is 2+2?", "solution": 4, "level": 3}
    path = write_lines(tmp_path / "a.jsonl", json.dumps(row))
    (question,) = read_all(jsonl(path), seed=0).questions
    assert (question.id, question.solution, question.answer) == (question_id("What is 2+2?"), "4", None)
    assert question.metadata == {"file": str(path), "line": 1, "fields": {"level": 3}}


def test_named_fields_are_read_and_a_null_answer_is_no_answer(tmp_path: Path) -> None:
    lines = [json.dumps({"q": "one", "s": "so", "a": " 12 "}), json.dumps({"q": "two", "s": None, "a": None})]
    path = write_lines(tmp_path / "a.jsonl", *lines)
    source = jsonl(path, question_field="q", solution_field="s", answer_field="a")
    first, second = read_all(source, seed=0).questions
    assert (first.answer, second.answer, second.solution) == ("12", None, "")


def test_bad_rows_are_named_by_line_and_reason(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "a.jsonl",
        '{"question": "fine", "solution": "1"}',
        '{"question": "cut',
        b'{"question": "\xff", "solution": "1"}',
        "[1, 2]",
        '{"question": "no solution"}',
        '{"question": ["list"], "solution": "1"}',
        '{"question": "  ", "solution": "1"}',
        '{"question": "half \\ud800", "solution": "1"}',
        '{"question": "nan", "solution": NaN}',
        '{"question": "huge", "solution": 1e999}',
        '{"question": "nested", "solution": "1", "x": ' + "[" * 100_000 + "}",
        "",
    )
    assert reasons_by_line(path) == {
        2: "corrupt_json",
        3: "not_utf8",
        4: "not_an_object",
        5: "missing_field",
        6: "wrong_type",
        7: "empty_question",
        8: "invalid_text",
        9: "corrupt_json",
        10: "corrupt_json",
        11: "corrupt_json",
        12: "blank_line",
    }


def test_every_row_is_counted_and_blank_lines_are_not_rows(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", '{"question": "fine", "solution": "1"}', "{", "", "  ")
    read = read_all(jsonl(path), seed=0)
    assert (read.tally.total.read, read.tally.total.kept, read.tally.total.refused) == (2, 1, 1)
    assert read.tally.total.reasons == {"blank_line": 2, "corrupt_json": 1}


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"question": "fine", "solution": "1"}')
    assert len(read_all(jsonl(path), seed=0).questions) == 1


def test_more_bad_rows_than_allowed_fail_with_file_and_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", '{"question": "fine", "solution": "1"}', "{")
    read = read_all(jsonl(path), seed=0)
    read.tally.check(max_bad_share=0.5)
    with pytest.raises(SourceError, match=r"1 of 2 rows are bad(?s:.*)a\.jsonl, line 2: corrupt_json"):
        read.tally.check(max_bad_share=0.49)


def test_a_source_without_a_usable_question_fails_whatever_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no usable question"):
        read_all(jsonl(write_lines(tmp_path / "a.jsonl", "{"))).tally.check(max_bad_share=1.0)


def test_a_missing_file_is_named_with_its_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'book'.*absent\.jsonl.*params\.yaml"):
        read_all(jsonl(tmp_path / "absent.jsonl"), seed=0)


def test_a_benchmark_question_counts_once_and_needs_a_reference(tmp_path: Path) -> None:
    lines = ['{"question": "A b", "solution": "1"}', '{"question": "a  B", "solution": "1"}']
    path = write_lines(tmp_path / "a.jsonl", *lines, '{"question": "c", "solution": ""}')
    read = read_all(jsonl(path), gradable=True)
    assert [question.question for question in read.questions] == ["A b"]
    assert [(refusal.line, refusal.reason) for refusal in read.refusals] == [(2, "duplicate"), (3, "no_reference")]
    assert read.tally.total.read == 3


def test_a_choice_whose_reference_is_no_option_is_refused(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "a.jsonl", '{"question": "a", "solution": "2"}', '{"question": "b", "solution": "(B)"}'
    )
    source = jsonl(path).model_copy(update={"answer_kind": "choice"})
    read = read_all(source, gradable=True)
    assert [question.question for question in read.questions] == ["b"]
    assert [(refusal.line, refusal.reason) for refusal in read.refusals] == [(1, "no_reference")]


def procedural(*, num: int, seed: int) -> ProceduralSource:
    return ProceduralSource(kind="procedural", name="made", num=num, seed=seed)


def test_procedural_questions_depend_on_the_sum_of_both_seeds() -> None:
    texts = [question.question for question in read_all(procedural(num=5, seed=3), seed=4).questions]
    assert texts == [question.question for question in read_all(procedural(num=5, seed=7), seed=0).questions]
    assert texts != [question.question for question in read_all(procedural(num=5, seed=3), seed=0).questions]


def test_procedural_questions_never_repeat_excluded_texts() -> None:
    benchmark = read_all(procedural(num=200, seed=1), seed=0).questions
    pool = read_all(procedural(num=200, seed=1), seed=0, exclude=texts_of(benchmark)).questions
    assert not {question.id for question in benchmark} & {question.id for question in pool}


def benchmark_item(text: str) -> Question:
    return Question.create(question=text, solution="1", source="exam")


def test_half_of_the_planted_overlaps_are_verbatim_and_half_extended() -> None:
    items = [benchmark_item(f"item {number} has quite a few words of its own") for number in range(6)]
    planted = plant_overlaps(items, num=5, seed=0, source="planted")
    by_id = {item.id: item for item in items}
    assert [question.metadata["planted"] for question in planted] == ["verbatim"] * 3 + ["extended"] * 2
    for question in planted:
        original = by_id[str(question.metadata["benchmark_id"])].question
        assert original in question.question
        assert (question.question == original) == (question.metadata["planted"] == "verbatim")
    assert len({question.metadata["benchmark_id"] for question in planted}) == 5


def test_short_benchmark_questions_are_planted_verbatim_only() -> None:
    items = [benchmark_item("too short"), benchmark_item("this one has just enough words in it")]
    planted = plant_overlaps(items, num=2, seed=0, source="planted")
    assert [question.question for question in planted if question.metadata["planted"] == "verbatim"] == ["too short"]


def test_planting_more_than_the_benchmarks_hold_is_refused() -> None:
    with pytest.raises(SourceError, match=r"num_planted_overlaps is 2, .* 2 different questions, 0 of them"):
        plant_overlaps([benchmark_item("a"), benchmark_item("b")], num=2, seed=0, source="planted")


def test_rows_that_a_source_leaves_out_do_not_thin_its_bad_ones() -> None:
    def refusal(reason: str) -> Refusal:
        return Refusal(source="book", file="a", line=1, reason=reason, detail="")

    tally = Tally("book")
    tally.add(benchmark_item("one"))
    for row in [refusal("corrupt_json"), *[refusal(LEFT_OUT)] * 98]:
        tally.add(row)
    assert (tally.total.read, tally.total.left_out, tally.total.refused) == (100, 98, 1)
    with pytest.raises(SourceError, match="1 of 2 rows are bad"):
        tally.check(max_bad_share=0.4)
