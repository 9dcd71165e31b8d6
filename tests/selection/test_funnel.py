"""How many are left after each step, in our order and in the paper's."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from s1.selection.funnel import FunnelStep, our_funnel, paper_funnel
from tests.selection.chains import Fact, Run, facts, make_run

TOLD = [
    *[Fact()] * 4,
    Fact(curate="duplicate"),
    Fact(curate="ngram8"),
    Fact(curate="image"),
    Fact(curate="image", has_reference=False),
    Fact(difficulty="too_easy_small", trace=None),
    Fact(difficulty="too_easy_both"),
    Fact(difficulty="ungraded", trace=None),
    Fact(difficulty="not_attempted", trace=None),
    Fact(trace="truncated"),
    Fact(trace="not_recorded"),
    Fact(has_reference=False),
]


def paper(run: Run) -> dict[str, FunnelStep]:
    return paper_funnel(run.tally, run.material, taken={pick.candidate.question.id for pick in run.drawn.picks})


def test_our_order_counts_what_left_at_each_stage_with_its_reasons() -> None:
    steps = our_funnel(make_run(TOLD, num_examples=2).tally)
    assert {name: step.left for name, step in steps.items()} == {
        "collected": 15,
        "unique": 14,
        "decontaminated": 13,
        "quality": 11,
        "hard": 7,
        "traced": 5,
        "selected": 2,
    }
    assert dict(steps["hard"].dropped) == {
        "too_easy_small": 1,
        "too_easy_both": 1,
        "ungraded": 1,
        "not_attempted": 1,
    }
    assert dict(steps["traced"].dropped) == {"truncated": 1, "not_recorded": 1}
    assert dict(steps["selected"].dropped) == {"not_drawn": 3}


def test_the_papers_order_drops_missing_features_first() -> None:
    steps = paper(make_run(TOLD, num_examples=2))
    assert {name: step.left for name, step in steps.items()} == {
        "pool": 13,
        "complete": 9,
        "quality": 8,
        "hard": 6,
        "selected": 2,
    }
    assert dict(steps["complete"].dropped) == {"no_reference": 2, "ungraded": 1, "trace_truncated": 1}
    assert dict(steps["quality"].dropped) == {"image": 1}
    assert dict(steps["hard"].dropped) == {"too_easy_small": 1, "too_easy_both": 1}


def test_what_our_order_never_asked_is_told_and_not_counted_as_missing() -> None:
    steps = paper(make_run(TOLD, num_examples=2))
    # an image question that was never attempted, an easy one without a trace, one not attempted, one not recorded
    assert {name: step.not_asked for name, step in steps.items()} == {
        "pool": 0,
        "complete": 4,
        "quality": 3,
        "hard": 2,
        "selected": 0,
    }
    assert dict(steps["selected"].dropped) == {"not_drawn": 2, "not_asked": 2}


@given(told=st.lists(facts, max_size=40), num_examples=st.integers(1, 10))
def test_in_both_orders_every_question_is_left_or_dropped_with_a_reason(told: list[Fact], num_examples: int) -> None:
    run = make_run(told, num_examples=num_examples)
    ours, papers = our_funnel(run.tally), paper(run)
    for steps in (ours, papers):
        rows = list(steps.values())
        for before, after in pairwise(rows):
            if steps is ours or after is not papers["selected"]:
                assert before.left - after.dropped.total() == after.left
            assert min(after.dropped.values(), default=1) > 0
            assert 0 <= after.not_asked <= after.left
    assert ours["collected"].left == len(told)
    assert ours["selected"].left == papers["selected"].left == len(run.drawn.picks)
    assert papers["pool"].left == ours["decontaminated"].left
