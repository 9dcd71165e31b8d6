"""Which questions are hard, and that nobody's silence is a wrong answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1.decisions import Decision
from s1.difficulty import Policy, decide_difficulty, difficulty_by_question, questions_in_scope
from s1.records import Attempt
from tests.selection.builders import make_attempt, make_question

QUESTION = make_question("How many?")
OTHER = make_question("How few?", source="shelf")
Answers = dict[str, bool | None]
"""A model's verdicts by name; a model without one was not asked."""


def decide(attempts: list[Attempt], *, not_attempted: Policy = "out", ungraded: Policy = "out") -> Decision:
    (decision,) = decide_difficulty([QUESTION], attempts, not_attempted=not_attempted, ungraded=ungraded)
    return decision


def attempts_of(answers: Answers) -> list[Attempt]:
    return [make_attempt(QUESTION, model=model, correct=correct) for model, correct in answers.items()]


@pytest.mark.parametrize(
    ("small", "large", "reason"),
    [
        (False, False, "hard"),
        (True, False, "too_easy_small"),
        (False, True, "too_easy_large"),
        (True, True, "too_easy_both"),
        (None, True, "too_easy_large"),
        (None, False, "ungraded"),
        (None, None, "ungraded"),
    ],
)
def test_only_two_wrong_attempts_make_a_question_hard(small: bool | None, large: bool | None, reason: str) -> None:
    decision = decide(attempts_of({"small": small, "large": large}))
    assert (decision.reason, decision.kept) == (reason, reason == "hard")


def test_a_missing_attempt_is_not_a_wrong_one() -> None:
    decision = decide(attempts_of({"small": False}))
    assert (decision.reason, decision.kept) == ("not_attempted", False)
    assert decision.detail == "small: wrong (7), large: no attempt"


@pytest.mark.parametrize("state", ["cut_at_context", "engine_error"])
def test_a_model_that_could_not_answer_made_no_attempt(state: str) -> None:
    failed = make_attempt(QUESTION, model="large", correct=None).model_copy(update={"state": state, "answer": None})
    decision = decide([make_attempt(QUESTION, model="small", correct=False), failed])
    assert (decision.reason, decision.kept) == ("not_attempted", False)
    assert decision.detail == f"small: wrong (7), large: no attempt ({state})"


def test_the_evidence_names_the_models_that_were_recorded_and_cuts_long_answers() -> None:
    by = {"by": "GPT-4", "answer": "x" * 200}
    attempts = [attempt.model_copy(update=by) for attempt in attempts_of({"small": False, "large": False})]
    assert decide(attempts).detail.startswith(f"small: wrong ({'x' * 80}…) by GPT-4, large: wrong")


@given(
    st.dictionaries(st.sampled_from(["small", "large"]), st.sampled_from([True, False, None])),
    st.sampled_from(["out", "hard"]),
    st.sampled_from(["out", "hard"]),
)
def test_silence_counts_as_hard_only_where_a_policy_says_so(
    answers: Answers, not_attempted: Policy, ungraded: Policy
) -> None:
    decision = decide(attempts_of(answers), not_attempted=not_attempted, ungraded=ungraded)
    if True in answers.values():
        expected = False
    elif len(answers) < 2:
        expected = not_attempted == "hard"
        assert decision.reason == "not_attempted"
    elif None in answers.values():
        expected = ungraded == "hard"
        assert decision.reason == "ungraded"
    else:
        expected = True
    assert decision.kept == expected


def test_two_attempts_of_one_model_are_refused() -> None:
    attempts = [make_attempt(QUESTION, model="small", correct=correct) for correct in (True, False)]
    with pytest.raises(ValueError, match="'small' has two attempts"):
        decide(attempts)


def test_decisions_follow_the_questions_and_name_their_sources() -> None:
    decisions = decide_difficulty([OTHER, QUESTION], [], not_attempted="out", ungraded="out")
    assert [(row.question_id, row.source) for row in decisions] == [(OTHER.id, "shelf"), (QUESTION.id, "book")]


def test_decisions_on_other_questions_are_refused() -> None:
    decisions = decide_difficulty([OTHER], [], not_attempted="out", ungraded="out")
    with pytest.raises(ValueError, match="1 decisions on difficulty do not belong to the 1 curated questions"):
        difficulty_by_question([QUESTION], decisions)


def test_scope_hard_takes_what_is_kept() -> None:
    decisions = decide_difficulty(
        [OTHER, QUESTION],
        [*attempts_of({"small": False, "large": False})],
        not_attempted="out",
        ungraded="out",
    )
    assert questions_in_scope([OTHER, QUESTION], decisions, scope="hard") == [QUESTION]
    assert questions_in_scope([OTHER, QUESTION], decisions, scope="all") == [OTHER, QUESTION]


def test_scope_hard_without_hard_questions_says_why() -> None:
    decisions = [decide(attempts_of({"small": True, "large": True}))]
    assert questions_in_scope([QUESTION], decisions, scope="all") == [QUESTION]
    with pytest.raises(ValueError, match=r"no question is hard.*'too_easy_both': 1"):
        questions_in_scope([QUESTION], decisions, scope="hard")
