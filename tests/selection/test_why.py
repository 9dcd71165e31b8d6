"""``python -m flows.why``: the story of a question, by id, by place or by a piece of its text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.why import main
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.records import SelectedQuestion
from tasks.paths import BENCHMARKS, QUESTIONS, SELECTION
from tests.selection.finished import make_collected, write_finished

IDS = {name: question.id for name, question in make_collected().items()}
Told = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_finished(folder)
    return folder


@pytest.fixture
def ask(finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    monkeypatch.chdir(finished)

    def told(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return told


def test_a_removed_copy_of_a_benchmark_names_item_and_shared_text(ask: Told) -> None:
    code, text = ask(IDS["copied"])
    assert code == 0
    assert "VERDICT   not taken: curate says ngram8" in text
    assert "math500 test/7: remainder when 7^100 is divided" in text
    assert "attempt" not in text


def test_an_easy_question_shows_what_both_models_answered(ask: Told) -> None:
    code, text = ask("what is $2+2$?")
    assert code == 0
    assert "VERDICT   not taken: attempt says too_easy_small" in text
    assert "small: right, answer 4" in text and "large: wrong, answer 4" in text
    assert "I think it is 4 (small)." in text
    assert "not asked: no trace was wanted" in text


def test_every_copy_is_told_with_its_place(ask: Told) -> None:
    code, text = ask("shelf/book.jsonl.gz:2")
    assert code == 0
    assert f"question {IDS['committee']}" in text and "read 2 times" in text
    assert "book  $S1_DATA/shelf/book.jsonl.gz:1\n" in text
    assert "reprint  $S1_DATA/shelf/book.jsonl.gz:2: duplicate" in text


def test_a_taken_question_tells_its_reason_rank_and_length(ask: Told, finished: Path) -> None:
    row = read_jsonl(finished / SELECTION, SelectedQuestion)[0]
    code, text = ask(row.question_id[:10])
    assert code == 0
    assert "VERDICT   taken by select: diversity" in text
    assert f"answered by fake, {row.trace_length:,} thinking tokens" in text
    assert "rank 0 of" in text and "uniform domains" in text


def test_a_failed_trace_is_told_by_its_state(ask: Told) -> None:
    _, text = ask(IDS["cut"])
    assert "VERDICT   not taken: distill says truncated" in text
    assert "truncated by fake" in text


def test_several_questions_that_fit_are_listed_with_their_fates(ask: Told) -> None:
    code, text = ask("how", "many", "primes")
    assert code == 0
    assert text.startswith("2 questions fit")
    assert IDS["plain"] in text and IDS["long"] in text


def test_one_that_fits_word_for_word_is_told_although_others_hold_it_too(ask: Told) -> None:
    code, text = ask("How many  primes are there below 30?")
    assert code == 0
    assert f"question {IDS['plain']}" in text


def test_a_refused_row_is_found_by_its_place(ask: Told) -> None:
    code, text = ask("book.jsonl.gz:77")
    assert code == 0
    assert "never became a question" in text and "book.jsonl.gz:77  corrupt_json: a broken row" in text


def test_a_text_that_nothing_holds_shows_what_is_close_and_fails(ask: Told) -> None:
    code, text = ask("in how many ways can a committee of four be chosen out of ten people")
    assert code == 1
    assert "no collected question fits" in text
    assert text.splitlines()[2].split()[0] == IDS["committee"]


def test_a_benchmark_question_is_told_to_be_held_out(
    finished: Path, ask: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    question = make_collected()["plain"].model_copy(update={"source": "math500"})
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, [make_collected()["easy"]])
        artifact.write_jsonl(BENCHMARKS.name, [question])
    Path("dvc.yaml").write_text("stages: {}\n")
    code, text = ask(question.question)
    assert code == 1
    assert "It is a question of math500, which is held out" in text


def test_before_a_stage_has_run_the_story_ends_there(
    ask: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, [make_collected()["easy"]])
    Path("dvc.yaml").write_text("stages: {}\n")
    code, text = ask(IDS["easy"])
    assert code == 0
    assert "VERDICT   not decided yet" in text and "curate    not run yet" in text


def test_a_question_cannot_write_to_the_terminal(ask: Told) -> None:
    code, text = ask(IDS["other"])
    assert code == 0
    assert "\x1b" not in text and "�[31mruns�[0m" in text


def test_an_empty_question_is_a_usage_error_with_advice(ask: Told) -> None:
    code, text = ask(" ")
    assert code == 2
    assert "name a question: its id, file:line" in text


def test_a_folder_without_a_run_says_what_to_do(ask: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")
    code, text = ask("anything")
    assert code == 1
    assert "data/collect/questions.jsonl is missing" in text and "make demo" in text
