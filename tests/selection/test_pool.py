"""Who may be selected."""

from collections.abc import Iterator, Sequence

import pytest

from s1.records import Question, Trace, TraceState
from s1.selection.pool import Entry, Material, Pool, build_pool, index_by_question, weigh_traces
from tests.selection.builders import count_words, facts_of, make_difficulty, make_label, make_question, make_trace

QUESTION = make_question("How many?")


def pool_of(*, trace: Trace | None, difficulty: str = "hard", entry: Entry | None = None, label: bool = True) -> Pool:
    material = Material(
        questions=[QUESTION],
        difficulty={QUESTION.id: make_difficulty(QUESTION, reason=difficulty)},
        traces={} if trace is None else facts_of(trace),
        labels={QUESTION.id: make_label(QUESTION)} if label else {},
    )
    return build_pool(material, entry or Entry.of("s1"))


def fate(pool: Pool) -> tuple[str, str]:
    rejection = pool.rejections[QUESTION.id]
    return rejection.stage, rejection.reason


def test_a_candidate_carries_domain_length_and_the_teachers_answer() -> None:
    (candidate,) = pool_of(trace=make_trace(QUESTION, thinking="one two three", answer="Answer: 2")).candidates
    assert (candidate.domain, candidate.trace_length, candidate.answer) == ("sums", 3, "Answer: 2")


def test_a_question_without_a_trace_is_out() -> None:
    assert fate(pool_of(trace=None)) == ("distill", "no_trace")


@pytest.mark.parametrize(
    "state", ["no_thinking", "truncated", "refused", "empty", "malformed", "given_up", "not_recorded"]
)
def test_a_trace_that_did_not_end_well_is_out_by_its_state(state: TraceState) -> None:
    assert fate(pool_of(trace=make_trace(QUESTION, state=state))) == ("distill", state)


@pytest.mark.parametrize(("thinking", "answer"), [(" \n", "Answer: 1"), ("hm", " ")])
def test_an_answered_trace_with_an_empty_part_is_out(thinking: str, answer: str) -> None:
    pool = pool_of(trace=make_trace(QUESTION, thinking=thinking, answer=answer))
    assert (pool.candidates, fate(pool)) == ([], ("distill", "empty"))


def test_a_question_without_a_domain_is_out_of_recipes_that_draw_by_domain() -> None:
    for recipe in ("s1", "diverse"):
        pool = pool_of(trace=make_trace(QUESTION), label=False, entry=Entry.of(recipe))
        assert fate(pool) == ("classify", "no_domain")
    for recipe in ("random", "longest", "full"):
        pool = pool_of(trace=make_trace(QUESTION), label=False, entry=Entry.of(recipe))
        assert [candidate.domain for candidate in pool.candidates] == ["unknown"]


def test_an_easy_question_is_out_of_the_s1_recipe_and_in_the_ablations() -> None:
    trace = make_trace(QUESTION)
    assert fate(pool_of(trace=trace, difficulty="too_easy_large")) == ("attempt", "too_easy_large")
    assert len(pool_of(trace=trace, difficulty="too_easy_large", entry=Entry.of("random")).candidates) == 1


def test_an_easy_question_that_nobody_distilled_is_out_for_its_difficulty() -> None:
    pool = pool_of(trace=None, difficulty="too_easy_both", entry=Entry.of("full"))
    assert fate(pool) == ("attempt", "too_easy_both")


def test_a_question_that_counts_as_hard_by_policy_is_in_whatever_its_reason() -> None:
    unknown = make_difficulty(QUESTION, reason="not_attempted", kept=True)
    material = Material([QUESTION], {QUESTION.id: unknown}, facts_of(make_trace(QUESTION)), {})
    assert fate(build_pool(material, Entry.of("s1"))) == ("classify", "no_domain")
    assert len(build_pool(material, Entry.of("random", only_hard=True)).candidates) == 1


def test_where_traces_are_optional_a_question_without_one_is_in() -> None:
    entry = Entry.of("random", needs_trace=False)
    for trace in (None, make_trace(QUESTION, state="not_recorded"), make_trace(QUESTION, thinking=" ")):
        (candidate,) = pool_of(trace=trace, difficulty="not_attempted", entry=entry).candidates
        assert (candidate.trace_length, candidate.answer) == (0, None)
    (candidate,) = pool_of(trace=make_trace(QUESTION, thinking="a b"), entry=entry).candidates
    assert (candidate.trace_length, candidate.answer) == (2, "Answer: 1")


def test_where_traces_are_optional_hard_ones_can_be_asked_for() -> None:
    entry = Entry.of("random", needs_trace=False, only_hard=True)
    assert fate(pool_of(trace=None, difficulty="not_attempted", entry=entry)) == ("attempt", "not_attempted")
    assert len(pool_of(trace=None, entry=entry).candidates) == 1


def test_two_rows_of_one_question_are_refused() -> None:
    with pytest.raises(ValueError, match=f"two domain labels for question {QUESTION.id}"):
        index_by_question([make_label(QUESTION), make_label(QUESTION)], what="domain labels")
    with pytest.raises(ValueError, match=f"two traces for question {QUESTION.id}"):
        facts_of(make_trace(QUESTION), make_trace(QUESTION))


def test_traces_are_read_as_a_stream_and_only_wanted_answers_are_counted() -> None:
    questions = [make_question(f"question {number}") for number in range(1000)]
    num_ahead = [0]
    counted: list[int] = []

    def stream(of: Sequence[Question]) -> Iterator[Trace]:
        for number, question in enumerate(of):
            num_ahead[0] += 1
            yield make_trace(question, thinking="x y", state="answered" if number % 10 else "refused")

    def count(texts: Sequence[str]) -> list[int]:
        counted.append(len(texts))
        assert num_ahead[0] <= 300 * len(counted)
        return count_words(texts)

    wanted = {question.id for question in questions[:500]}
    facts = weigh_traces(stream(questions), count_tokens=count, is_wanted=wanted.__contains__)
    assert sum(counted) == 450
    assert sum(fact.length for fact in facts.values()) == 900
    assert facts[questions[0].id].state == "refused" and facts[questions[999].id].length == 0
