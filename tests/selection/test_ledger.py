"""Nothing vanishes: one row per collected question, whatever became of it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1.decisions import Decision
from s1.selection.ledger import Fate, LedgerError, Tally, account, decide, fates_of
from s1.selection.pool import Entry, Material, Pool, Rejection, build_pool
from s1.selection.recipes import Draw, draw
from tests.selection.builders import S1, judge, make_question
from tests.selection.chains import Fact, facts, make_run


def test_every_question_is_told_with_the_stage_that_decided() -> None:
    told = [
        Fact(),
        Fact(curate="duplicate"),
        Fact(curate="ngram8"),
        Fact(difficulty="too_easy_both"),
        Fact(trace="truncated"),
        Fact(is_labelled=False),
        Fact(length=1),
    ]
    rows = make_run(told, num_examples=1, recipe="s1").rows
    assert [(row.file, row.line) for row in rows] == [(f"book{n % 3}.jsonl", n + 1) for n in range(7)]
    assert [(row.taken, row.stage, row.reason) for row in rows] == [
        (True, "select", "prepick"),
        (False, "curate", "duplicate"),
        (False, "curate", "ngram8"),
        (False, "attempt", "too_easy_both"),
        (False, "distill", "truncated"),
        (False, "classify", "no_domain"),
        (False, "select", "not_drawn"),
    ]
    assert rows[3].detail == "why"
    assert rows[6].detail == "domain domain0, 1 thinking tokens, rank 1 of 2 by length"


def test_questions_that_were_made_have_no_place() -> None:
    question = make_question("made")
    kept = Decision(question_id=question.id, source="book", kept=True, reason="kept")
    fates = {question.id: Fate("select", True, "random", "")}
    (row,) = account([(question, kept)], fates, tally=Tally())
    assert (row.file, row.line) == ("", 0)


@given(
    told=st.lists(facts, max_size=30),
    recipe=st.sampled_from(["s1", "random", "diverse", "longest", "full"]),
    num_examples=st.integers(1, 12),
    needs_trace=st.booleans(),
    seed=st.integers(0, 50),
)
def test_the_ledger_has_one_row_per_collected_question_and_takes_exactly_the_selection(
    told: list[Fact], recipe: str, num_examples: int, needs_trace: bool, seed: int
) -> None:
    run = make_run(told, recipe=recipe, num_examples=num_examples, needs_trace=needs_trace, seed=seed)
    assert [row.question_id for row in run.rows] == [question.id for question in run.collected]
    assert [(row.file, row.line) for row in run.rows] == [
        (question.metadata["file"], question.metadata["line"]) for question in run.collected
    ]
    taken = Counter(row.question_id for row in run.rows if row.taken)
    assert taken == Counter(pick.candidate.question.id for pick in run.drawn.picks)
    assert run.tally.reasons == Counter((row.stage, row.reason) for row in run.rows)


@given(told=st.lists(facts, max_size=30), seed=st.integers(0, 5))
def test_the_same_seed_takes_the_same_questions_whatever_the_order_of_the_sources(told: list[Fact], seed: int) -> None:
    run = make_run(told, seed=seed)
    known = run.material
    backwards = Material(known.questions[::-1], known.difficulty, known.traces, known.labels)
    params = S1.model_copy(update={"num_examples": 3, "prepick_sources": ["book0"]})
    drawn = draw(build_pool(backwards, Entry.of("s1")).candidates, params=params, seed=seed, judge=judge)
    assert [pick.candidate.question.id for pick in drawn.picks] == [
        pick.candidate.question.id for pick in run.drawn.picks
    ]


def test_decisions_are_one_per_curated_question_in_the_curated_order() -> None:
    first, second = make_question("one"), make_question("two")
    pool = Pool(candidates=[], rejections={item.id: Rejection("attempt", "hard", "x") for item in (second, first)})
    fates = fates_of([first, second], pool, Draw(picks=[], domain_weights={}))
    assert [(row.question_id, row.kept) for row in decide([first, second], fates)] == [
        (first.id, False),
        (second.id, False),
    ]


def test_files_of_different_runs_are_refused_instead_of_losing_a_question() -> None:
    one, two = make_question("one"), make_question("two")
    kept = {
        question.id: Decision(question_id=question.id, source="book", kept=True, reason="kept")
        for question in (one, two)
    }
    fates = {question.id: Fate("select", True, "random", "") for question in (one, two)}
    with pytest.raises(LedgerError, match=f"decided on {two.id} where {one.id} was collected"):
        list(account([(one, kept[two.id])], fates, tally=Tally()))
    with pytest.raises(LedgerError, match=f"the curated question {two.id} was never collected"):
        list(account([(one, kept[one.id])], fates, tally=Tally()))
    with pytest.raises(LedgerError, match=f"kept question {one.id}, of which there is more than one"):
        list(account([(one, kept[one.id]), (one, kept[one.id])], fates, tally=Tally()))
    with pytest.raises(LedgerError, match=f"kept question {one.id}, of which there is none"):
        list(account([(one, kept[one.id])], {}, tally=Tally()))
