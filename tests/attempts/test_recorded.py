"""Formats of recorded attempts: made-up rows in the real files' shapes."""

import gzip
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from s1.attempts.recorded import ATTEMPT_FORMATS, RecordedResponse
from s1.recordings import RecordingReading, read_recordings
from s1.records import question_id
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import RawRow
from s1.sources.result import SourceError

Row = Mapping[str, JsonValue]
PRO: dict[str, JsonValue] = {
    "question_id": 7,
    "question": "Which colour has the sky?",
    "options": ["green", "blue"],
    "answer": "B",
    "category": "physics",
    "pred": "B",
    "generated_text": " It scatters. The answer is (B).\n\n",
}
JEE: dict[str, JsonValue] = {
    "description": "JEE Adv 2099",
    "index": 1,
    "subject": "phy",
    "type": "MCQ(multiple)",
    "question": "Which are even?\n\n(A) 2\n\n(B) 3\n\n(C) 4\n\n(D) 5",
    "gold": "AC",
    "extract": "AC",
    "GPT4_CoT_response": {
        "usage": {"completion_tokens": 12},
        "choices": [{"message": {"content": "So (A) and (C)."}, "finish_reason": "stop", "index": 0}],
    },
}
PAIR: dict[str, JsonValue] = {
    "question": "Ann has 2 apples and gets 3. How many?",
    "correct_answer": "2+3=5\n#### 5",
    "model_answers": {"base_model": "5 apples.", "thinking_model": "2 and 3 is 5.\n</think>\n\\boxed{5}"},
}


def write_lines(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path, adapter: str) -> tuple[list[tuple[str, RecordedResponse]], RecordingReading]:
    reading = RecordingReading(file=path.name)
    return list(read_recordings(path, ATTEMPT_FORMATS[adapter], reading=reading)), reading


def test_an_attempt_on_mmlu_pro_joins_the_question_of_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps([PRO]))
    [(found, response)], reading = read(path, "mmlu-pro")
    question = ADAPTERS["mmlu-pro"].question_of(RawRow("model.json", 1, dict(PRO)), source="mmlu-pro")
    assert found == question.id
    assert response == RecordedResponse(text=" It scatters. The answer is (B).\n\n", answer="B")
    assert (reading.num_read, reading.num_bad) == (1, 0)


def test_geminis_attempts_stand_in_another_field_and_a_null_letter_is_none(tmp_path: Path) -> None:
    row: dict[str, JsonValue] = {**PRO, "model_outputs": "The answer is (B).", "pred": None}
    del row["generated_text"]
    [(_, response)], _ = read(write_lines(tmp_path / "gemini.jsonl", [row]), "mmlu-pro")
    assert (response.text, response.answer) == ("The answer is (B).", None)


def test_an_empty_response_is_a_failure_and_no_answer(tmp_path: Path) -> None:
    empty: Row = {"question": "1+1?", "correct": ["2", 2], "solution": "", "pred": "False"}
    [(_, response)], reading = read(write_lines(tmp_path / "outputs.jsonl", [empty]), "theoremqa")
    assert response.state == "engine_error"
    assert reading.num_bad == 0


def test_an_api_object_gives_text_length_and_whether_it_was_cut(tmp_path: Path) -> None:
    cut = json.loads(json.dumps(JEE))
    cut["GPT4_CoT_response"]["choices"][0]["finish_reason"] = "length"
    path = tmp_path / "responses.json.gz"
    path.write_bytes(gzip.compress(json.dumps([JEE, cut]).encode()))
    [(first, whole), (second, short)], _ = read(path, "jeebench")
    assert first == second == ADAPTERS["jeebench"].question_of(RawRow("x", 1, dict(JEE)), source="jeebench").id
    assert whole == RecordedResponse(text="So (A) and (C).", num_tokens=12, answer="AC")
    assert short.state == "cut_at_length"


def test_a_thinking_model_of_a_pair_without_an_end_of_thinking_was_cut(tmp_path: Path) -> None:
    cut = {**PAIR, "question": "And 4?", "model_answers": {"base_model": "9", "thinking_model": "2 and 3 is 5. Hm"}}
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps({"metadata": {}, "tasks": [PAIR, cut]}))
    thinking, _ = read(path, "pairs-thinking")
    assert [(found, response.state) for found, response in thinking] == [
        (question_id("Ann has 2 apples and gets 3. How many?"), "answered"),
        (question_id("And 4?"), "cut_at_length"),
    ]
    base, _ = read(path, "pairs-base")
    assert [(response.text, response.state) for _, response in base] == [("5 apples.", "answered"), ("9", "answered")]


def test_of_several_samples_with_verdicts_the_first_counts(tmp_path: Path) -> None:
    row: Row = {"question": "1+1?", "gt": "2", "code": ["\\boxed{2}", "\\boxed{3}"], "score": [True, False]}
    [(_, response)], _ = read(write_lines(tmp_path / "cot.jsonl", [row]), "math-cot")
    assert (response.text, response.verdict) == ("\\boxed{2}", True)


def test_rows_that_record_nothing_are_refused_by_file_and_line(tmp_path: Path) -> None:
    rows: list[Row] = [PRO, {"question": "Why?"}, {**PRO, "generated_text": ["a list"]}]
    path = write_lines(tmp_path / "model.jsonl", rows)
    path.write_text(path.read_text() + "{broken\n")
    found, reading = read(path, "mmlu-pro")
    assert len(found) == reading.num_read == 1
    assert [(row.file, row.line, row.reason) for row in reading.refusals] == [
        ("model.jsonl", 2, "missing_field"),
        ("model.jsonl", 3, "wrong_type"),
        ("model.jsonl", 4, "corrupt_json"),
    ]
    with pytest.raises(SourceError, match=r"model.jsonl: 3 of 4 rows cannot be used(.|\n)*model.jsonl, line 2"):
        reading.check(max_bad_share=0.5)
    reading.check(max_bad_share=0.75)


def test_a_file_for_another_adapter_is_refused_with_advice(tmp_path: Path) -> None:
    _, reading = read(write_lines(tmp_path / "model.jsonl", [PRO]), "jeebench")
    with pytest.raises(SourceError, match="Name the adapter that the file is for"):
        reading.check(max_bad_share=0.5)
