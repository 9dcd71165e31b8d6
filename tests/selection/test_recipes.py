"""Drawing the training set."""

import logging
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1.config import SelectParams
from s1.selection.pool import Candidate
from s1.selection.recipes import Draw, draw, weigh_domains
from tests.selection.builders import S1, judge, make_candidate


def params(**changes: object) -> SelectParams:
    return SelectParams.model_validate({**S1.model_dump(), **changes})


def texts(drawn: Draw) -> list[str]:
    return [pick.candidate.question.question for pick in drawn.picks]


def crowd(num: int, *, domain: str = "d", source: str = "book") -> list[Candidate]:
    return [make_candidate(f"{domain} {i} {source}", domain=domain, length=i, source=source) for i in range(num)]


def test_the_same_seed_gives_the_same_draw_whatever_the_order_of_the_pool() -> None:
    pool = [*crowd(40, domain="a"), *crowd(40, domain="b")]
    shuffled = random.Random(0).sample(pool, len(pool))
    for recipe in ("s1", "random", "diverse", "longest", "full"):
        one = draw(pool, params=params(recipe=recipe), seed=5, judge=judge)
        assert texts(one) == texts(draw(shuffled, params=params(recipe=recipe), seed=5, judge=judge))
    assert texts(draw(pool, params=S1, seed=5, judge=judge)) != texts(draw(pool, params=S1, seed=6, judge=judge))


def test_within_a_domain_rank_k_is_drawn_with_weight_two_to_the_minus_k() -> None:
    pool = crowd(3)
    firsts = Counter(
        texts(draw(pool, params=params(num_examples=1), seed=seed, judge=judge))[0] for seed in range(2100)
    )
    # 4/7, 2/7, 1/7 of 2100; the standard deviations are 23, 21, 16
    assert firsts["d 2 book"] == pytest.approx(1200, abs=90)
    assert firsts["d 1 book"] == pytest.approx(600, abs=85)
    assert firsts["d 0 book"] == pytest.approx(300, abs=65)


def test_domains_are_drawn_uniformly_whatever_their_size() -> None:
    pool = [*crowd(2, domain="few"), *crowd(300, domain="many")]
    firsts = Counter(
        draw(pool, params=params(num_examples=1), seed=seed, judge=judge).picks[0].candidate.domain
        for seed in range(1000)
    )
    assert firsts["few"] == pytest.approx(500, abs=65)  # four standard deviations of 15.8


def test_correct_questions_of_prepick_sources_come_first() -> None:
    pool = [
        make_candidate("right", source="aime"),
        make_candidate("wrong", source="aime", correct=False),
        make_candidate("ungraded", source="aime", correct=None),
        make_candidate("long", source="math", length=5601),
        make_candidate("not longer", source="math", length=5600),
        make_candidate("long and wrong", source="math", length=9000, correct=False),
    ]
    drawn = draw(
        pool, params=params(prepick_sources=["aime"], prepick_long_sources={"math": 5600}), seed=0, judge=judge
    )
    reasons = {pick.candidate.question.question: pick.reason for pick in drawn.picks}
    assert {text for text, reason in reasons.items() if reason == "prepick"} == {"right", "long"}
    assert {text for text, reason in reasons.items() if reason == "diversity"} == {
        "wrong",
        "ungraded",
        "not longer",
        "long and wrong",
    }


def test_a_prepick_holds_its_rank_and_drawing_it_again_adds_nothing() -> None:
    pool = [make_candidate("first", source="aime", length=9), *crowd(2)]
    seconds: Counter[str] = Counter()
    repeats = 0
    for seed in range(700):
        drawn = draw(pool, params=params(num_examples=2, prepick_sources=["aime"]), seed=seed, judge=judge)
        assert texts(drawn)[0] == "first"
        seconds[texts(drawn)[1]] += 1
        repeats += drawn.num_repeats
    assert repeats == pytest.approx(400, abs=53)  # rank 0 of 3: 4/7 of the draws; four standard deviations of 13
    assert seconds["d 1 book"] == pytest.approx(467, abs=50)  # 2/7 at once, or 2/3 after a repeat: 2/3 in all


def test_prepicks_count_towards_the_uniform_phase() -> None:
    prepicks = [make_candidate(f"p{i}", domain="a", source="aime") for i in range(3)]
    pool = [*prepicks, *crowd(20, domain="b")]
    chosen = params(num_examples=5, num_uniform=3, prepick_sources=["aime"], weight_sources={"book": 1.0})
    drawn = draw(pool, params=chosen, seed=0, judge=judge)
    assert [pick.candidate.domain for pick in drawn.picks] == ["a", "a", "a", "b", "b"]
    assert all("weighted domains" in pick.detail for pick in drawn.picks[3:])


def test_only_answers_that_could_make_a_prepick_are_graded() -> None:
    asked: list[str] = []

    def listen(candidate: Candidate) -> bool | None:
        asked.append(candidate.question.question)
        return True

    pool = [
        *crowd(5),
        make_candidate("contest", source="aime"),
        make_candidate("long", source="math", length=5601),
        make_candidate("short", source="math", length=5600),
    ]
    chosen = params(prepick_sources=["aime"], prepick_long_sources={"math": 5600})
    draw(pool, params=chosen, seed=0, judge=listen)
    assert sorted(asked) == ["contest", "long"]
    asked.clear()
    for recipe in ("random", "diverse", "longest", "full"):
        draw(pool, params=params(recipe=recipe, prepick_sources=["aime"]), seed=0, judge=listen)
    assert asked == []


def test_more_prepicks_than_wanted_are_drawn_among(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        drawn = draw(
            crowd(8, source="aime"), params=params(num_examples=3, prepick_sources=["aime"]), seed=0, judge=judge
        )
    assert [pick.reason for pick in drawn.picks] == ["prepick"] * 3
    assert "8 questions are pre-picks, more than the 3 wanted" in caplog.text


def test_domain_weights_scale_other_sources_to_the_first() -> None:
    pool = [
        *[make_candidate(f"a{i}", domain="algebra", source="aime") for i in range(4)],
        *[make_candidate(f"b{i}", domain="physics", source="gpqa") for i in range(5)],
        *[make_candidate(f"c{i}", domain="algebra", source="gpqa") for i in range(2)],
        *[make_candidate(f"d{i}", domain="topology", source="book") for i in range(9)],
    ]
    # gpqa counts as 4 of 7: physics int(5 * 0.5 * 4 / 7) = 1, algebra 4 + int(2 * 0.5 * 4 / 7) = 4 + 0
    assert weigh_domains(pool, {"aime": 1.0, "gpqa": 0.5}) == {"algebra": 4, "physics": 1}


def test_domains_without_weight_are_drawn_only_when_the_weighted_ones_are_empty() -> None:
    pool = [*crowd(3, domain="plain"), *crowd(2, domain="heavy", source="aime")]
    drawn = draw(pool, params=params(num_examples=5, num_uniform=0, weight_sources={"aime": 1.0}), seed=1, judge=judge)
    assert [pick.candidate.domain for pick in drawn.picks] == ["heavy", "heavy", "plain", "plain", "plain"]


@pytest.mark.parametrize("weight_sources", [{}, {"absent": 1.0}, {"book": 0.0}])
def test_without_weights_the_draw_stays_uniform(weight_sources: dict[str, float]) -> None:
    pool = [*crowd(30, domain="a"), *crowd(30, domain="b")]
    drawn = draw(pool, params=params(num_uniform=0, weight_sources=weight_sources), seed=2, judge=judge)
    assert drawn.domain_weights == {}
    assert texts(drawn) == texts(draw(pool, params=S1, seed=2, judge=judge))


@pytest.mark.parametrize("recipe", ["s1", "random", "diverse", "longest"])
def test_a_pool_smaller_than_wanted_is_taken_whole_with_a_warning(
    recipe: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        drawn = draw(crowd(3), params=params(recipe=recipe), seed=0, judge=judge)
    assert sorted(texts(drawn)) == ["d 0 book", "d 1 book", "d 2 book"]
    assert "the pool holds 3 questions, fewer than the 10 wanted" in caplog.text


def test_longest_takes_the_longest_and_full_takes_all() -> None:
    assert texts(draw(crowd(4), params=params(recipe="longest", num_examples=2), seed=0, judge=judge)) == [
        "d 3 book",
        "d 2 book",
    ]
    drawn = draw(crowd(30), params=params(recipe="full"), seed=0, judge=judge)
    assert (len(drawn.picks), drawn.picks[0].reason) == (30, "full")


def test_diverse_ignores_length_within_a_domain() -> None:
    firsts = Counter(
        texts(draw(crowd(2), params=params(recipe="diverse", num_examples=1), seed=s, judge=judge))[0]
        for s in range(400)
    )
    assert firsts["d 0 book"] == pytest.approx(200, abs=40)


@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    num_examples=st.integers(1, 20),
    num_uniform=st.integers(0, 20),
    recipe=st.sampled_from(["s1", "random", "diverse", "longest"]),
    seed=st.integers(0, 1000),
)
def test_any_draw_takes_as_many_different_candidates_as_it_can(
    sizes: list[int], num_examples: int, num_uniform: int, recipe: str, seed: int
) -> None:
    pool = [
        make_candidate(f"{d} {i}", domain=f"d{d}", length=i, source=("aime", "gpqa", "book")[i % 3], correct=i % 2 == 0)
        for d, size in enumerate(sizes)
        for i in range(size)
    ]
    chosen = params(
        recipe=recipe,
        num_examples=num_examples,
        num_uniform=num_uniform,
        prepick_sources=["gpqa"],
        weight_sources={"aime": 1.0, "book": 0.5},
    )
    taken = texts(draw(pool, params=chosen, seed=seed, judge=judge))
    assert len(taken) == len(set(taken)) == min(num_examples, len(pool))
