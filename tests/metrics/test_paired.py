"""Paired tests against McNemar's binomial, against all flips by hand, and what they say in words."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1.metrics.paired import (
    PairedComparison,
    compare_outcomes,
    holm,
    mcnemar_p_value,
    outcomes_of,
    sign_flip_test,
)
from s1.metrics.sampling import AnswerGroup, SampledQuestion
from s1.records import Score
from tests.scoring import rows


def make_score(index: int, correct: bool, *, sample: int = 0) -> Score:
    return rows.make_score(f"q{index}", "right" if correct else "wrong", sample=sample)


def compare(first: list[float], second: list[float]) -> PairedComparison:
    ones, others = ({f"q{i}": (value,) for i, value in enumerate(values)} for values in (first, second))
    return compare_outcomes(ones, others, num_resamples=500, confidence=0.95, seed=0)


def flips(*, gained: int, lost: int, same: int) -> PairedComparison:
    return compare([1.0] * gained + [0.0] * lost + [1.0] * same, [0.0] * gained + [1.0] * lost + [1.0] * same)


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"),
    [(0, 0, 1.0), (5, 0, 2 / 32), (6, 0, 2 / 64), (8, 2, 2 * 56 / 1024), (1, 1, 1.0), (2, 8, 2 * 56 / 1024)],
)
def test_mcnemar_is_the_binomial_of_the_flips(gained: int, lost: int, p_value: float) -> None:
    assert mcnemar_p_value(gained, lost) == pytest.approx(p_value)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_sign_flips_of_averages_are_exact(quarters: list[int]) -> None:
    observed = abs(sum(quarters))
    all_flips = [abs(sum(sign * size for sign, size in zip(signs, quarters, strict=True)))
                 for signs in product((1, -1), repeat=len(quarters))]  # fmt: skip
    expected = sum(value >= observed for value in all_flips) / len(all_flips)
    p_value, _ = sign_flip_test([quarter / 4 for quarter in quarters], num_flips=10, seed=0)
    assert p_value == pytest.approx(expected)


def test_thirds_and_quarters_together_are_exact_too() -> None:
    p_value, test = sign_flip_test([1 / 3, 1 / 4, 1 / 4], num_flips=10, seed=0)
    assert (p_value, test) == (0.25, "exact sign flips")


def test_differences_that_are_no_fractions_take_seeded_random_flips() -> None:
    values = [0.1234567891 * (index + 1) for index in range(8)]
    p_value, test = sign_flip_test(values, num_flips=20_000, seed=1)
    assert test == "sampled sign flips"
    assert p_value == pytest.approx(2 / 2**8, rel=0.2)
    assert p_value == sign_flip_test(values, num_flips=20_000, seed=1)[0]


def test_single_samples_have_mcnemars_test_and_counts_of_flips() -> None:
    comparison = flips(gained=8, lost=2, same=20)
    assert (comparison.num_gained, comparison.num_lost, comparison.test) == (8, 2, "exact McNemar")
    assert comparison.difference.value == pytest.approx(0.2)
    assert comparison.p_value == pytest.approx(0.109375)


def compare_points(first: list[Score], second: list[Score]) -> PairedComparison:
    return compare_outcomes(outcomes_of(first), outcomes_of(second), num_resamples=100, confidence=0.95, seed=0)


def test_two_runs_are_compared_by_their_scores() -> None:
    first = [make_score(index, index < 9) for index in range(10)]
    second = [make_score(index, index < 3) for index in reversed(range(10))]
    comparison = compare_points(first, second)
    assert (comparison.num_gained, comparison.num_lost, comparison.p_value) == (6, 0, 2 / 64)
    assert comparison.verdict == "better"
    assert compare_points(second, first).verdict == "worse"


def test_samples_of_a_question_are_averaged_before_they_are_compared() -> None:
    first = [make_score(0, True), make_score(0, False, sample=1), make_score(1, True)]
    second = [make_score(0, False), make_score(1, True)]
    comparison = compare_points(first, second)
    assert (comparison.difference.value, comparison.num_gained, comparison.num_lost) == (0.25, 1, 0)


def test_two_scores_of_one_sample_are_refused() -> None:
    with pytest.raises(ValueError, match="two scores of sample 0"):
        compare_points([make_score(0, True), make_score(0, True)], [make_score(0, True)])


def test_other_questions_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="same questions.*test/q1 stands on one side only"):
        compare_points([make_score(0, True)], [make_score(0, True), make_score(1, True)])


@pytest.mark.parametrize(
    ("comparison", "verdict"),
    [
        (flips(gained=0, lost=0, same=5), "the same on every question"),
        (flips(gained=9, lost=0, same=5), "better"),
        (flips(gained=0, lost=9, same=5), "worse"),
        (flips(gained=2, lost=2, same=5), "unsettled: as many gained as lost"),
        (flips(gained=2, lost=1, same=27), "unsettled: about 705 questions would be needed"),
    ],
)
def test_a_verdict_is_in_words(comparison: PairedComparison, verdict: str) -> None:
    assert comparison.verdict == verdict


def test_two_aime_questions_settle_nothing() -> None:
    """The paper's 50.0 against 56.7 on AIME24 is two questions of 30: as gained ones, with none lost."""
    comparison = flips(gained=2, lost=0, same=28)
    assert (comparison.p_value, comparison.num_questions_needed) == (0.5, 116)


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    plain = flips(gained=6, lost=0, same=5)
    values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    adjusted = holm({name: replace(plain, p_value=value) for name, value in values.items()})
    assert {name: item.adjusted_p_value for name, item in adjusted.items()} == {
        "a": pytest.approx(0.03),
        "b": pytest.approx(0.06),
        "c": pytest.approx(0.06),
        "d": pytest.approx(0.02),
    }
    assert adjusted["a"].verdict == "better"
    assert adjusted["b"].verdict == "better if compared alone, unsettled among all comparisons"


@pytest.mark.parametrize(("num_samples", "votes"), [(16, 4), (16, 8), (5, 4), (10, 8), (3, 2)])
def test_a_vote_that_is_certain_differs_from_a_right_answer_by_nothing(num_samples: int, votes: int) -> None:
    certain = SampledQuestion(num_samples=num_samples, groups=(AnswerGroup(num_samples, is_right=True),))
    first = {f"q{index}": (certain.majority_at(votes),) for index in range(12)}
    second = {f"q{index}": (float(index > 3),) for index in range(12)}
    comparison = compare_outcomes(first, second, num_resamples=100, confidence=0.95, seed=0)
    assert (comparison.num_gained, comparison.num_lost, comparison.test) == (4, 0, "exact McNemar")
    assert comparison.p_value == 0.125


def test_samples_needed_do_not_depend_on_which_side_has_more() -> None:
    many, few = (1.0, 0.0, 1.0, 1.0) * 4, (1.0, 0.0)
    one = {f"q{index}": many for index in range(40)}
    other = {f"q{index}": few if index % 3 else (0.0, 0.0) for index in range(40)}
    forth = compare_outcomes(one, other, num_resamples=100, confidence=0.95, seed=0)
    back = compare_outcomes(other, one, num_resamples=100, confidence=0.95, seed=0)
    assert forth.num_samples_needed == back.num_samples_needed
    assert forth.num_samples_needed is not None


def test_a_change_that_all_questions_share_is_no_certainty() -> None:
    ones, others = {f"q{i}": (1.0,) for i in range(6)}, {f"q{i}": (0.0,) for i in range(6)}
    difference = compare_outcomes(ones, others, num_resamples=100, confidence=0.95, seed=0).difference
    assert difference.interval_kind == "widened"
    assert difference.low < 0.9
