"""Benchmarks of the paper and data sets of the hub, from folders and files."""

import csv
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s1.config import HubSource, KnownBenchmark
from s1.grading import grade
from s1.records import Question
from s1.sources import SourceError
from tests.sources.reads import read_all

DATA = Path(os.environ.get("S1_DATA", "nowhere"))
GPQA_COLUMNS = ["Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"]


def known(name: str, path: Path) -> KnownBenchmark:
    return KnownBenchmark.model_validate({"kind": "benchmark", "name": name, "path": str(path)})


def hub(folder: Path, **fields: object) -> HubSource:
    return HubSource.model_validate({"kind": "hub", "name": "exam", "repo": str(folder), **fields})


def write_gpqa(path: Path, *, num: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*GPQA_COLUMNS, "Subdomain"])
        writer.writeheader()
        for number in range(num):
            options = [f"{word} {number}" for word in ("right", "wrong", "bad,\nvery", "worse")]
            row = dict(zip(GPQA_COLUMNS, [f"Which one is number {number}?\n", *options], strict=True))
            writer.writerow({**row, "Subdomain": "Physics"})
    return path


def test_gpqa_options_are_lettered_and_the_right_one_is_the_answer(tmp_path: Path) -> None:
    read = read_all(known("gpqa-diamond", write_gpqa(tmp_path / "gpqa.csv", num=198)), gradable=True)
    assert len(read.questions) == 198
    for number, question in enumerate(read.questions):
        assert question.answer is not None and question.answer_kind == "choice"
        assert f"\n{question.answer}) right {number}" in question.question
        assert question.question.startswith(f"Which one is number {number}?\n\nA) ")
        assert grade(question.answer, question) is True
        assert grade(f"right {number}", question) is True


def test_the_right_option_stands_at_every_letter_and_moves_with_the_seed_only(tmp_path: Path) -> None:
    path = write_gpqa(tmp_path / "gpqa.csv", num=198)
    first, again, other = (
        [question.answer for question in read_all(known("gpqa-diamond", path), seed=seed).questions]
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert {letter: 30 < first.count(letter) < 70 for letter in "ABCD"} == dict.fromkeys("ABCD", True)


def test_part_of_a_known_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gpqa-diamond has 198 questions, but .*gpqa\.csv gives 5 .*kind jsonl"):
        read_all(known("gpqa-diamond", write_gpqa(tmp_path / "gpqa.csv", num=5)), seed=0)


def aime_rows(**names: str) -> list[dict[str, object]]:
    return [{names["question"]: f"Find number {number}.", names["answer"]: number} for number in range(30)]


@pytest.mark.parametrize("question", ["problem", "Question"])
@pytest.mark.parametrize("answer", ["answer", "expected_answer"])
def test_copies_with_other_column_names_are_read(tmp_path: Path, question: str, answer: str) -> None:
    path = tmp_path / "aime.json"
    path.write_text("\n".join(json.dumps(row) for row in aime_rows(question=question, answer=answer)))
    assert [item.answer for item in read_all(known("aime24", path), seed=0).questions] == [*map(str, range(30))]


def test_a_json_list_is_read_as_rows_that_stand_at_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "aime.json"
    path.write_text(json.dumps(aime_rows(question="problem", answer="answer"), indent=1))
    questions = read_all(known("aime25", path), seed=0).questions
    assert (len(questions), questions[4].metadata["line"]) == (30, 18)


def test_a_wrong_row_of_a_known_benchmark_is_named(tmp_path: Path) -> None:
    path = tmp_path / "aime.jsonl"
    rows = aime_rows(question="problem", answer="answer")
    path.write_text("\n".join([*map(json.dumps, rows[:29]), '{"problem": "Find it."}']))
    with pytest.raises(SourceError, match=r"(?s)gives 29 \(1 bad rows\).*line 30: missing_field: no field 'answer' or"):
        read_all(known("aime24", path), seed=0)


def test_a_folder_in_the_hubs_layout_is_read(tmp_path: Path) -> None:
    (tmp_path / "exam/data").mkdir(parents=True)
    table = pa.table({"ask": ["one", "two"], "key": [1, 2], "level": ["easy", None]})
    pq.write_table(table, tmp_path / "exam/data/test-00000-of-00001.parquet")
    first, second = read_all(hub(tmp_path / "exam", question_field="ask", answer_field="key"), seed=0).questions
    assert (first.question, first.answer, second.answer) == ("one", "1", "2")
    assert first.metadata["fields"] == {"level": "easy"}
    assert str(first.metadata["file"]).endswith("exam, split test")


def test_a_split_that_a_folder_lacks_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam/test.jsonl").write_text('{"question": "one", "solution": "1"}\n')
    with pytest.raises(SourceError, match=r"'exam'.*split validation.*Unknown split"):
        read_all(hub(tmp_path / "exam", split="validation"), seed=0)


def test_a_data_set_that_is_not_cached_says_what_to_do_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(SourceError, match=r"nobody/nothing.*HF_HUB_OFFLINE is set .* name a folder or file"):
        read_all(HubSource(kind="hub", name="exam", repo="nobody/nothing"), seed=0)


def repeated(text: str) -> dict[str, object]:
    return dict(zip(GPQA_COLUMNS, [text, "4", "4", "5", "6"], strict=True))


def test_two_equal_options_refuse_the_row(tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam/test.jsonl").write_text(json.dumps(repeated("How many?")) + "\n")
    source = hub(
        tmp_path / "exam",
        question_field="Question",
        answer_field="Correct Answer",
        wrong_choice_fields=GPQA_COLUMNS[2:],
    )
    (refusal,) = read_all(source, seed=0).refusals
    assert (refusal.reason, refusal.line) == ("repeated_option", 1)


@pytest.mark.skipif(not DATA.is_dir(), reason="S1_DATA names no folder of recorded data")
@pytest.mark.parametrize(
    ("name", "file", "num"),
    [
        ("aime24", "aime24/test.jsonl", 30),
        ("aime24", "aime24/evalchemy/aime24.json", 30),
        ("aime25", "aime25/aime25.json", 30),
        ("math500", "math500/test.jsonl", 500),
    ],
)
def test_real_copies_are_read_whole_and_every_reference_is_right_for_itself(name: str, file: str, num: int) -> None:
    questions: list[Question] = read_all(known(name, DATA / "benchmarks" / file), gradable=True).questions
    assert len(questions) == num
    assert [question.answer for question in questions if grade(question.answer, question) is not True] == []
