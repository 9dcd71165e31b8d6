"""Our grader on recorded attempts: what is compared, what is counted apart, and the real recordings where they are."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from bench.attempts import SEVERAL_LETTERS, SEVERAL_QUESTIONS, Tally, compare, read_questions

DATA = Path(os.environ.get("S1_DATA", "nowhere"))


def attempt(question: str, response: str, letter: str | None) -> Mapping[str, JsonValue]:
    return {
        "question": question,
        "options": ["green", "blue", "red"],
        "answer": "B",
        "category": "physics",
        "pred": letter,
        "generated_text": response,
    }


def compare_rows(rows: Sequence[Mapping[str, JsonValue]], folder: Path) -> Tally:
    path = folder / "attempts.json"
    path.write_text(json.dumps(rows))
    return compare(path, adapter="mmlu-pro", questions=read_questions(path, "mmlu-pro"))


def test_letters_and_verdicts_are_compared_where_both_found_one(tmp_path: Path) -> None:
    rows = [
        attempt("What colour is the sky?", "The answer is (B).", "B"),
        attempt("What colour is a rose?", "The answer is (C).", "A"),
        attempt("What colour is grass?", "I wonder", "A"),
    ]
    tally = compare_rows(rows, tmp_path)
    assert (tally.counts["responses"], tally.counts["joined"], tally.counts["found"]) == (3, 3, 2)
    assert (tally.counts["both"], tally.counts["same"], tally.counts["same verdict"]) == (2, 1, 2)
    assert [name for name, *_ in tally.differing] == ["theirs stands nowhere in the response"]


def test_responses_without_one_answer_are_counted_apart(tmp_path: Path) -> None:
    rows = [
        attempt("What colour is the sky?", "The answer is (B) and (C).", "B"),
        attempt("What colour is a rose?", "The answer is (A).\n\nThe answer is (B).\n\nThe answer is (C).\n", "A"),
        attempt("What colour is grass?", "The answer is (A).", "A"),
    ]
    tally = compare_rows(rows, tmp_path)
    assert [name for name, *_ in tally.differing] == [SEVERAL_LETTERS, SEVERAL_QUESTIONS]
    assert (tally.counts["both"], tally.counts["one answer"], tally.counts["one answer, same"]) == (3, 1, 1)


def test_a_recording_of_an_unknown_question_is_not_joined(tmp_path: Path) -> None:
    path = tmp_path / "attempts.json"
    path.write_text(json.dumps([attempt("What colour is the sky?", "The answer is (B).", "B")]))
    assert compare(path, adapter="mmlu-pro", questions={}).counts == {"responses": 1, "refused": 0}


@pytest.mark.skipif(not DATA.is_dir(), reason="S1_DATA names no folder of recorded data")
@pytest.mark.parametrize("model", ["GPT3.5_normal", "GPT4_CoT"])
def test_letters_agree_with_those_that_people_read_on_at_least_99_percent(model: str) -> None:
    questions = read_questions(DATA / "jeebench/dataset.json", "jeebench")
    choices = {key: question for key, question in questions.items() if question.answer_kind == "choice"}
    path = DATA / f"jeebench/responses/{model}_responses/responses.json.gz"
    tally = compare(path, adapter="jeebench", questions=choices)
    assert tally.counts["both"] >= 260
    assert tally.rate("same", "both") >= 0.99
    assert tally.rate("same verdict", "both") == 1
