"""Attempts graded, and what a judge adds where the grader cannot tell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from s1.attempts.grading import grade_attempt, judge_attempts
from s1.config import Judge
from s1.judge.server import JudgeError
from s1.records import Attempt, Question
from s1.teacher.archive import Archive
from tests.chat_server import ChatServer, completion, serving

NUMBER = Question.create(question="6 times 7?", solution="42", source="book")
PROSE = Question.create(question="Why is it 42?", solution="Because 6 sevens.", answer_kind="prose", source="book")
BARE = Question.create(question="Why not 43?", solution="", answer_kind="prose", source="book")
QUESTIONS = {question.id: question for question in (NUMBER, PROSE, BARE)}
JUDGE = Judge(kind="openai", model="judge-1", scope="ungradable")


def attempt(question: Question, response: str) -> Attempt:
    return grade_attempt(question, response=response, state="answered", model="small", by="GPT-3.5")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "judge")


@pytest.fixture
def yes(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with serving(lambda sent: (200, completion("They agree. Yes"))) as server:
        for name, value in server.environment("JUDGE").items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_response_without_an_answer_is_wrong_and_one_that_never_came_is_nothing() -> None:
    assert attempt(NUMBER, "The answer is 42.").correct is True
    assert (attempt(NUMBER, "Who knows").answer, attempt(NUMBER, "Who knows").correct) == (None, False)
    cut = grade_attempt(NUMBER, response="The answer is 42.", state="cut_at_length", model="small")
    assert (cut.answer, cut.correct) == (None, False)
    failed = grade_attempt(NUMBER, response="", state="engine_error", model="small")
    assert (failed.answer, failed.correct) == (None, None)


def test_prose_stays_ungraded_without_a_judge() -> None:
    assert attempt(PROSE, "Because 6 times 7 is.").correct is None


def test_a_judge_grades_prose_and_nothing_else(yes: ChatServer, archive: Archive) -> None:
    attempts = [attempt(NUMBER, "The answer is 41."), attempt(PROSE, "Because."), attempt(BARE, "Because.")]
    judged = judge_attempts(attempts, QUESTIONS, judge=JUDGE, archive=archive)
    assert [row.correct for row in judged.attempts] == [False, True, None]
    assert len(yes.requests) == 1
    assert "Because 6 sevens." in yes.requests[0]["messages"][0]["content"]
    assert judged.table["cannot_tell"] == {"yes": 1, "no": 0, "unclear": 0}


def test_a_judge_of_everything_is_a_second_opinion_where_the_grader_can_tell(yes: ChatServer, archive: Archive) -> None:
    attempts = [attempt(NUMBER, "The answer is 41."), attempt(PROSE, "Because.")]
    both = JUDGE.model_copy(update={"scope": "all"})
    judged = judge_attempts(attempts, QUESTIONS, judge=both, archive=archive)
    assert [row.correct for row in judged.attempts] == [False, True]
    assert judged.table["wrong"] == {"yes": 1, "no": 0, "unclear": 0}


def test_an_opinion_is_paid_for_once(yes: ChatServer, archive: Archive) -> None:
    for _ in range(2):
        judge_attempts([attempt(PROSE, "Because.")], QUESTIONS, judge=JUDGE, archive=archive)
    assert len(yes.requests) == 1


def test_a_judge_without_an_address_is_told_by_its_parameter(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S1_JUDGE_URL", raising=False)
    with pytest.raises(JudgeError, match=r"attempt\.judge names the judge judge-1.*leave attempt\.judge empty"):
        judge_attempts([attempt(PROSE, "Because.")], QUESTIONS, judge=JUDGE, archive=archive)
