"""Which questions are hard."""

import pytest

from s1.difficulty import judge_difficulty, questions_in_scope
from tests.selection.builders import make_attempt, make_question

QUESTION = make_question("How many?")


@pytest.mark.parametrize(
    ("small", "large", "reason"),
    [
        (False, False, "hard"),
        (True, False, "too_easy_small"),
        (False, True, "too_easy_large"),
        (True, True, "too_easy_both"),
        (None, True, "too_easy_large"),
        (None, False, "ungraded"),
    ],
)
def test_only_two_wrong_attempts_make_a_question_hard(small: bool | None, large: bool | None, reason: str) -> None:
    attempts = [
        make_attempt(QUESTION, model="small", correct=small),
        make_attempt(QUESTION, model="large", correct=large),
    ]
    assert judge_difficulty([QUESTION], attempts)[QUESTION.id].reason == reason


def test_a_missing_attempt_is_not_a_wrong_one() -> None:
    attempts = [make_attempt(QUESTION, model="small", correct=False)]
    verdict = judge_difficulty([QUESTION], attempts)[QUESTION.id]
    assert (verdict.reason, verdict.detail) == ("not_attempted", "small: wrong (7), large: no attempt")


def test_two_attempts_of_one_model_are_refused() -> None:
    attempts = [make_attempt(QUESTION, model="small", correct=correct) for correct in (True, False)]
    with pytest.raises(ValueError, match="'small' has two attempts"):
        judge_difficulty([QUESTION], attempts)


def test_scope_hard_without_hard_questions_says_why() -> None:
    attempts = [make_attempt(QUESTION, model=model, correct=True) for model in ("small", "large")]
    assert questions_in_scope([QUESTION], attempts, scope="all") == [QUESTION]
    with pytest.raises(ValueError, match=r"no question is hard.*'too_easy_both': 1"):
        questions_in_scope([QUESTION], attempts, scope="hard")
