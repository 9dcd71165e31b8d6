"""Who may be selected."""

import pytest

from s1.difficulty import Difficulty
from s1.records import DomainLabel, Question, Trace, TraceState
from s1.selection.pool import Material, Pool, build_pool, index_by_question
from tests.selection.builders import count_words, make_question, make_trace

QUESTION = make_question("How many?")


def judge(answer: str, question: Question) -> bool | None:
    return answer == f"Answer: {question.answer}"


def pool_of(*, trace: Trace | None, difficulty: str = "hard", recipe: str = "s1", label: bool = True) -> Pool:
    labels = {QUESTION.id: DomainLabel(question_id=QUESTION.id, domain="sums", classifier="fake")} if label else {}
    material = Material(
        questions=[QUESTION],
        difficulty={QUESTION.id: Difficulty(difficulty, "why")},
        traces={} if trace is None else {QUESTION.id: trace},
        labels=labels,
    )
    return build_pool(material, recipe=recipe, count_tokens=count_words, judge=judge)


def test_a_candidate_carries_domain_length_and_verdict() -> None:
    (candidate,) = pool_of(trace=make_trace(QUESTION, thinking="one two three", answer="Answer: 2")).candidates
    assert (candidate.domain, candidate.trace_length, candidate.correct) == ("sums", 3, False)


def test_a_question_without_a_trace_is_out() -> None:
    assert pool_of(trace=None).rejections[QUESTION.id].reason == "no_trace"


@pytest.mark.parametrize("state", ["no_thinking", "truncated", "refused", "empty", "malformed", "given_up"])
def test_a_trace_that_did_not_end_well_is_out_by_its_state(state: TraceState) -> None:
    assert pool_of(trace=make_trace(QUESTION, state=state)).rejections[QUESTION.id].reason == state


@pytest.mark.parametrize(("thinking", "answer"), [(" \n", "Answer: 1"), ("hm", " ")])
def test_an_answered_trace_with_an_empty_part_is_out(thinking: str, answer: str) -> None:
    pool = pool_of(trace=make_trace(QUESTION, thinking=thinking, answer=answer))
    assert (pool.candidates, pool.rejections[QUESTION.id].reason) == ([], "empty")


def test_a_question_without_a_domain_is_out() -> None:
    assert pool_of(trace=make_trace(QUESTION), label=False).rejections[QUESTION.id].reason == "no_domain"


def test_an_easy_question_is_out_of_the_s1_recipe_and_in_the_ablations() -> None:
    trace = make_trace(QUESTION)
    assert pool_of(trace=trace, difficulty="too_easy_large").rejections[QUESTION.id].reason == "too_easy_large"
    assert len(pool_of(trace=trace, difficulty="too_easy_large", recipe="random").candidates) == 1


def test_an_easy_question_that_nobody_distilled_is_out_for_its_difficulty() -> None:
    pool = pool_of(trace=None, difficulty="too_easy_both", recipe="full")
    assert pool.rejections[QUESTION.id].reason == "too_easy_both"


def test_two_traces_of_one_question_are_refused() -> None:
    with pytest.raises(ValueError, match=f"two traces for question {QUESTION.id}"):
        index_by_question([make_trace(QUESTION), make_trace(QUESTION)], what="traces")
