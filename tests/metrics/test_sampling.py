"""avg@k, pass@k and maj@k against counting all ways to choose, and the rules that tie them together."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1.metrics.estimates import MetricError
from s1.metrics.sampling import AnswerGroup, SampledQuestion, SamplingFigures, check_sampling, sampling_figures

GROUPS = st.lists(st.builds(AnswerGroup, st.integers(1, 4), st.booleans()), max_size=4)


@st.composite
def sampled_questions(draw: st.DrawFn) -> SampledQuestion:
    groups = tuple(draw(GROUPS))
    silent = draw(st.integers(0 if groups else 1, 3))
    return SampledQuestion(sum(group.count for group in groups) + silent, groups)


def count_votes(question: SampledQuestion, k: int) -> float:
    """Majority vote over every choice of k samples, ties shared: by counting."""
    samples = [index for index, group in enumerate(question.groups) for _ in range(group.count)]
    samples += [-1] * (question.num_samples - len(samples))
    worth = []
    for chosen in combinations(samples, k):
        votes = Counter(index for index in chosen if index >= 0)
        winners = [index for index, count in votes.items() if count == max(votes.values())]
        worth.append(sum(question.groups[index].is_right for index in winners) / len(winners) if winners else 0.0)
    return sum(worth) / len(worth)


@settings(deadline=None, max_examples=60)
@given(sampled_questions())
def test_the_majority_is_what_counting_every_choice_gives(question: SampledQuestion) -> None:
    for k in range(1, min(question.num_samples, 9) + 1):
        assert question.majority_at(k) == pytest.approx(count_votes(question, k), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.lists(sampled_questions(), min_size=1, max_size=4))
def test_the_rules_hold_for_any_samples(questions: list[SampledQuestion]) -> None:
    ks = range(1, min(question.num_samples for question in questions) + 1)
    figures = sampling_figures(questions, counts=ks)
    assert list(figures.any_right.values()) == sorted(figures.any_right.values())


def test_pass_at_k_is_the_unbiased_estimate() -> None:
    question = SampledQuestion(5, (AnswerGroup(2, True), AnswerGroup(3, False)))
    # 1 - C(3, 2) / C(5, 2)
    assert question.pass_at(2) == pytest.approx(0.7)
    assert question.pass_at(1) == pytest.approx(0.4)
    assert question.pass_at(4) == 1


def test_a_tie_is_split_evenly_and_silence_does_not_vote() -> None:
    tie = SampledQuestion(4, (AnswerGroup(2, True), AnswerGroup(2, False)))
    lonely = SampledQuestion(4, (AnswerGroup(1, True),))
    silent = SampledQuestion(4, ())
    assert tie.majority_at(4) == pytest.approx(0.5)
    assert lonely.majority_at(4) == pytest.approx(1.0)
    assert (silent.majority_at(4), silent.pass_at(4), silent.answered_at(4)) == (0, 0, 0)
    assert lonely.answered_at(2) == pytest.approx(0.5)


def test_a_vote_of_thousands_does_not_overflow() -> None:
    question = SampledQuestion(3000, (AnswerGroup(1600, True), AnswerGroup(1400, False)))
    assert question.majority_at(1) == pytest.approx(1600 / 3000)
    assert question.majority_at(3000) == pytest.approx(1.0)


def test_more_samples_than_there_are_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match=r"3 samples of 2 cannot be taken; raise generate\.num_parallel"):
        SampledQuestion(2, (AnswerGroup(1, True),)).majority_at(3)


def test_more_votes_than_samples_are_refused() -> None:
    with pytest.raises(MetricError, match="no groups of 2 samples"):
        SampledQuestion(2, (AnswerGroup(3, True),))


GOOD = {1: 0.4, 2: 0.4}


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        (SamplingFigures({1: 0.4, 2: 0.2}, {1: 0.4, 2: 0.5}, {1: 0.4, 2: 0.4}), "avg@2 is 0.2 where 0.4"),
        (SamplingFigures(GOOD, {1: 0.4, 2: 0.3}, {1: 0.4, 2: 0.3}), "pass@2 0.3 is below pass@1 0.4"),
        (SamplingFigures(GOOD, {1: 0.4, 2: 0.5}, {1: 0.4, 2: 0.6}), "maj@2 0.6 is above pass@2 0.5"),
        (SamplingFigures(GOOD, {1: 0.4, 2: 0.5}, {1: 0.3, 2: 0.4}), "maj@1 0.3 is not avg@1 0.4"),
        (SamplingFigures(GOOD, {1: 0.4, 2: 1.5}, {1: 0.4, 2: 0.4}), "pass@2 is 1.5, outside 0 to 1"),
    ],
)
def test_figures_that_contradict_each_other_are_refused(figures: SamplingFigures, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        check_sampling(figures, accuracy=0.4)
