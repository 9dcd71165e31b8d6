"""Votes and rejection sampling from a handful of samples, by hand and by counting all orders."""

from itertools import permutations
from statistics import fmean

import pytest

from s1.records import Question, Score
from s1.scoring.sampled import Samples, collect_samples, group_answers, rejection_points, sampled_figures, vote_points
from tests.scoring.rows import QUESTIONS, make_score


def collect(rows: list[Score]) -> Samples:
    samples = collect_samples(rows, QUESTIONS)
    assert samples is not None
    return samples


def row(sample: int, thinking: int, *, right: bool = True, natural: bool = True, question: str = "q0") -> Score:
    return make_score(
        question,
        "right" if right else "wrong",
        sample=sample,
        thinking=thinking,
        thinking_end="natural" if natural else "budget",
    )


def test_without_parallel_samples_there_is_nothing_to_vote() -> None:
    assert collect_samples([make_score("q0", setting="wait-0")], QUESTIONS) is None


def test_equal_answers_vote_together_however_they_are_written() -> None:
    answers = ["5", "5.0", "\\frac{10}{2}", None, "4", "four"]
    rows = [
        make_score("q0", "no_answer", sample=index)
        if answer is None
        else make_score("q0", "right" if index < 3 else "wrong", sample=index, answer=answer)
        for index, answer in enumerate(answers)
    ]
    question = group_answers(rows, QUESTIONS["q0"])
    assert [(group.count, group.is_right) for group in question.groups] == [(3, True), (1, False), (1, False)]
    assert question.num_samples == 6


def test_letters_and_prose_vote_by_what_they_say() -> None:
    choice = Question(id="c", question="?", solution="B", answer="B", answer_kind="choice", source="test")
    prose = Question(id="p", question="?", solution="it falls", answer="it falls", answer_kind="prose", source="test")
    letters = [make_score("c", "right", sample=i, answer=answer) for i, answer in enumerate(["B", "(B)", "b"])]
    words = [
        make_score("p", "wrong", sample=i, answer=answer) for i, answer in enumerate(["it rises", "it  rises", "no"])
    ]
    assert [group.count for group in group_answers(letters, choice).groups] == [3]
    assert [group.count for group in group_answers(words, prose).groups] == [2, 1]


def test_a_vote_costs_the_tokens_of_all_its_samples_and_has_the_exact_accuracy() -> None:
    rows = [row(0, 10), row(1, 20), row(2, 30, right=False)]
    rows += [row(0, 40, question="q1"), row(1, 40, right=False, question="q1"), row(2, 40, right=False, question="q1")]
    two, three = vote_points(collect(rows), [2, 3])
    assert (two.setting, two.mean_thinking_tokens, three.mean_thinking_tokens) == ("vote-2", 60, 90)
    assert two.mean_sampled_tokens == 66
    # q0: of the pairs RR, RW, RW the first wins and two tie: 2/3. q1: RW, RW, WW: 1/3.
    assert two.accuracies() == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert three.accuracies() == [pytest.approx(1), pytest.approx(0)]
    assert (three.shares["answered"], three.num_generations) == (1, 6)


def test_a_question_without_any_answer_is_no_answer_of_a_vote() -> None:
    rows = [make_score("q0", "no_answer", sample=0), make_score("q0", "cut_at_length", sample=1)]
    rows += [make_score("q1", sample=0), make_score("q1", "no_answer", sample=1)]
    [point] = vote_points(collect(rows), [2])
    assert (point.shares["answered"], point.shares["no_answer"], point.accuracies()) == (0.5, 0.5, [0, 1])


def ask_in_every_order(rows: list[Score], budget: int) -> tuple[float, float, float]:
    """Worth, tries and thinking tokens when asking again, by playing it through in every order."""
    played = []
    for order in permutations(rows):
        tokens = 0
        for tries, one in enumerate(order, start=1):
            if one.thinking_end == "natural" and one.num_thinking_tokens <= budget:
                played.append((float(one.correct), tries, tokens + one.num_thinking_tokens))
                break
            tokens += min(one.num_thinking_tokens, budget)
        else:
            played.append((0.0, len(order), tokens))
    worths, all_tries, all_tokens = zip(*played, strict=True)
    return fmean(worths), fmean(all_tries), fmean(all_tokens)


@pytest.mark.parametrize("budget", [5, 10, 25, 30, 100])
def test_rejection_sampling_is_asking_in_every_order(budget: int) -> None:
    rows = [row(0, 10), row(1, 20, right=False), row(2, 30), row(3, 8, natural=False), row(4, 90, right=False)]
    [point] = rejection_points(collect(rows), [budget])
    worth, tries, tokens = ask_in_every_order(rows, budget)
    assert point.accuracies() == [pytest.approx(worth)]
    assert point.details["mean_tries"] == pytest.approx(tries)
    assert point.mean_thinking_tokens == pytest.approx(tokens)


def test_a_question_that_never_fits_is_cut_and_has_cost_all_its_tries() -> None:
    rows = [row(0, 50), row(1, 60), row(0, 8, question="q1"), row(1, 8, question="q1")]
    [point] = rejection_points(collect(rows), [16])
    assert (point.setting, point.shares["answered"], point.shares["cut_at_length"]) == ("reject-16", 0.5, 0.5)
    assert point.details == {"mean_tries": 1.5, "share_accepted": 0.5, "mean_accepted_thinking_tokens": 8}
    assert point.mean_thinking_tokens == (2 * 16 + 8) / 2
    assert (point.control_per_question, point.controlled_tokens) == (0.5, 8)


def test_where_nothing_ever_fits_no_run_kept_to_its_limit() -> None:
    [point] = rejection_points(collect([row(0, 50)]), [16])
    assert (point.limits, point.controlled_tokens, point.control_per_question) == (None, None, 0)


def test_metrics_by_k_stand_at_powers_of_two_at_all_samples_and_at_the_votes() -> None:
    figures = sampled_figures(collect([row(index, 10, right=index < 2) for index in range(6)]), [5])
    assert list(figures.average) == [1, 2, 4, 5, 6]
    assert figures.any_right[6] == 1
    assert figures.majority[1] == pytest.approx(1 / 3)
