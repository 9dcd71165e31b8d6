"""Two runs side by side: where tokens part, and what is compared with what."""

from dataclasses import dataclass, replace

import pytest

from flows.comparison_text import render_comparison, render_question
from s1.comparing.comparison import ComparisonError, RunComparison, RunRecords, compare_runs
from s1.comparing.divergence import first_divergence, pair_up
from s1.records import Generation, Score
from tests.comparing.runs import IDENTITY, make_generation, make_score, make_segment

ANSWER = make_segment([9], forced=True, is_answer=True)


def test_equal_tokens_part_nowhere_however_they_are_split() -> None:
    whole = make_generation("q", [make_segment([1, 2, 3]), ANSWER])
    split = make_generation("q", [make_segment([1]), make_segment([2, 3]), ANSWER])
    assert first_divergence(whole, split) is None
    [agreement] = pair_up([whole], {split.key: split}.get).values()
    assert (agreement.share_identical, agreement.pairs[0].num_tokens) == (1.0, 4)


def test_the_first_different_token_is_found_with_the_text_around_it() -> None:
    one = make_generation("q", [make_segment([1, 2, 3, 4]), ANSWER])
    other = make_generation("q", [make_segment([1, 2, 7]), ANSWER])
    found = first_divergence(one, other)
    assert found is not None
    assert (found.position, found.phase, found.before) == (2, "thinking", "<1><2><")
    assert (found.first.words(), found.second.words()) == ("samples token 3", "samples token 7")
    assert (found.first.text, found.second.text) == ("3><4><9>", "7><9>")


def test_an_end_that_only_one_has_is_told_as_such() -> None:
    one = make_generation("q", [make_segment([1, 2, 3])])
    other = make_generation("q", [make_segment([1, 2]), ANSWER])
    found = first_divergence(one, other)
    assert found is not None
    assert found.first.words(lambda token: f"t{token}") == "samples 't3' (token 3)"
    assert found.second.words() == "has its thinking ended: token 9 is forced"
    shorter = first_divergence(one, make_generation("q", [make_segment([1, 2])]))
    assert shorter is not None
    assert (shorter.position, shorter.second.words()) == (2, "ends")


def test_generations_are_paired_by_everything_that_names_them() -> None:
    rows = [make_generation("q", [ANSWER], setting=setting, sample=sample) for setting in "ab" for sample in (0, 1)]
    second = [*reversed(rows[:3]), make_generation("other", [ANSWER])]
    found = pair_up(rows, {row.key: row for row in second}.get)
    assert {place[2]: [pair.key[-1] for pair in agreement.pairs] for place, agreement in found.items()} == {
        "a": [0, 1],
        "b": [0],
    }


@dataclass(frozen=True)
class Run:
    """Records of a run with its texts."""

    records: RunRecords
    generations: list[Generation]


def make_run(label: str, scores: list[Score], generations: list[Generation]) -> Run:
    return Run(RunRecords(label=label, identity=IDENTITY, scores=scores), generations)


def compare(first: Run, second: Run, *, setting: str | None = None) -> RunComparison:
    agreements = pair_up(first.generations, {row.key: row for row in second.generations}.get)
    return compare_runs(
        first.records, second.records, agreements, num_resamples=100, confidence=0.95, seed=0, setting=setting
    )


FIRST = make_run(
    "main",
    [make_score("a", correct=True), make_score("b", correct=False), make_score("c", correct=False)],
    [make_generation(name, [make_segment([1, 2]), ANSWER]) for name in "abc"],
)
SECOND = make_run(
    "wider",
    [make_score("b", correct=True, tokens=20), make_score("a", correct=True), make_score("d", correct=True)],
    [make_generation("a", [make_segment([1, 2]), ANSWER]), make_generation("b", [make_segment([1, 5]), ANSWER])],
)


def test_points_are_compared_on_the_questions_of_both_from_the_first_to_the_second() -> None:
    [point] = compare(FIRST, SECOND).points
    assert (point.num_questions, point.num_left_out) == (2, 2)
    assert (point.first_accuracy, point.second_accuracy) == (0.5, 1.0)
    assert (point.first_tokens, point.second_tokens) == (10.0, 15.0)
    assert (point.paired.num_gained, point.paired.num_lost, point.paired.difference.value) == (1, 0, 0.5)
    assert point.agreement.share_identical == 0.5


def test_a_run_against_itself_is_the_same_to_the_token() -> None:
    comparison = compare(FIRST, FIRST)
    text = render_comparison(comparison, decode=None)
    assert comparison.points[0].paired.verdict == "the same on every question"
    assert "Made alike: nothing that decides tokens differs." in text
    assert "Tokens: the same in every answer that both runs have." in text


def test_the_text_has_warnings_table_and_divergences() -> None:
    engine = IDENTITY.engine.model_copy(update={"tensor_parallel": 2})
    records = replace(SECOND.records, identity=IDENTITY.model_copy(update={"engine": engine}))
    second = Run(records, SECOND.generations)
    text = render_comparison(compare(FIRST, second), decode=lambda token: f"t{token}")
    assert "warning: engine.tensor_parallel is 1 in the first run and 2 in the second" in text
    row = next(line for line in text.splitlines() if line.startswith("max-64"))
    assert row.split()[:4] == ["max-64", "50.0%", "100.0%", "+50.0"]
    assert "2 questions stand in one run only; compared are the 2 of both" in text
    assert "Tokens part in 1 of 2 answers under nano-test/tuned/max-64: first at token 2" in text
    assert "b tuned/max-64: token 2, in the thinking" in text
    assert "first   samples 't2' (token 2): '2><9>'" in text


def test_a_run_that_did_not_say_what_it_was_made_with_is_warned_about() -> None:
    older = Run(replace(FIRST.records, label="old", identity=None), FIRST.generations)
    text = render_comparison(compare(older, SECOND), decode=None)
    assert "warning: old does not say what it was made with" in text


def test_one_question_is_told_under_every_setting_and_an_unknown_one_refused() -> None:
    comparison = compare(FIRST, SECOND)
    assert render_question(comparison, "a", decode=None) == "a tuned/max-64: all 3 tokens the same"
    assert "second  samples token 5" in render_question(comparison, "b", decode=None)
    with pytest.raises(ValueError, match="share no question 'x'; they share 2, such as a"):
        render_question(comparison, "x", decode=None)


def test_runs_without_a_common_point_say_what_each_has() -> None:
    other = make_run("other", [make_score("a", correct=True, setting="wait-2")], [])
    with pytest.raises(ComparisonError, match=r"no point in common: main has nano-test/max-64; other has nano-test/w"):
        compare(FIRST, other)
    with pytest.raises(ComparisonError, match="no point in common under max-32"):
        compare(FIRST, SECOND, setting="max-32")
