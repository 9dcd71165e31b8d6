"""Scores are read as they were written: missing figures stay missing, wrong ones are refused by name."""

import pytest
from pydantic import JsonValue

from s1.report.reading import read_results
from s1.report.results import Interval, SampledFigures


def test_an_undefined_figure_of_a_point_stays_undefined() -> None:
    [result] = read_results({"b": {"tuned": {"max-16": {"accuracy": None, "low": 0.1, "high": None}}}})
    [point] = result.points
    assert (point.accuracy, point.interval, point.mean_thinking_tokens) == (None, None, None)


def test_points_and_differences_are_read_and_waits_are_ordered_by_number() -> None:
    def difference(count: int) -> dict[str, JsonValue]:
        return {"first": f"tuned/wait-{count}", "second": "tuned/wait-0", "difference": 0.1, "low": 0.0, "high": 0.2}

    [result] = read_results(
        {
            "b": {
                "tuned": {"wait-10": {"accuracy": 0.4}, "wait-2": {"accuracy": 0.3, "low": 0.2, "high": 0.4}},
                "base": {"direct": {"accuracy": 0.1}},
                "differences": {"a": difference(10), "z": difference(2)},
                "curve": {"all": {"performance": 0.4, "median_per_doubling": 2.5}},
            }
        }
    )
    assert [point.amount for point in result.of_kind("wait")] == [2, 10]
    assert result.of_kind("wait")[0].interval == Interval(0.2, 0.4)
    assert result.base is not None and result.base.accuracy == 0.1
    assert [row.first for row in result.differences] == ["tuned/wait-2", "tuned/wait-10"]
    [(name, curve)] = result.curves
    assert (name, curve.performance, curve.median_per_doubling, curve.control) == ("all", 0.4, 2.5, None)


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"b": [1]}, "'b' is .*not an object"),
        ({"b": {"tuned": {"max-16": {"accuracy": "high"}}}}, "'accuracy' is 'high', not a number"),
        ({"b": {"tuned": {"max-16": {"accuracy": True}}}}, "'accuracy' is True, not a number"),
        ({"b": {"tuned": {"max-16": {"num_generations": 1.5}}}}, "'num_generations' is 1.5, not a whole number"),
        ({"b": {"differences": {"d": {"first": 3, "second": "x"}}}}, "'first' is 3, not a text"),
    ],
)
def test_figures_of_another_type_are_refused_by_name(figures: dict[str, JsonValue], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_results(figures)


def test_a_point_is_read_with_how_its_answers_ended_and_what_it_was_asked() -> None:
    figures: dict[str, JsonValue] = {
        "kind": "tokens",
        "amount": 64,
        "accuracy": 0.5,
        "mean_sampled_tokens": 70.5,
        "shares": {"answered": 0.9, "looped": 0.1, "cut_at_length": 0.0},
        "control_per_question": 0.75,
        "num_generations": 20,
    }
    [result] = read_results({"b": {"tuned": {"tokens-64-forced": figures}}})
    [point] = result.points
    assert (point.kind, point.amount, point.is_forced) == ("tokens", 64, True)
    assert point.shares == (("answered", 0.9), ("cut_at_length", 0.0), ("looped", 0.1))
    assert (point.mean_sampled_tokens, point.control_per_question, point.num_generations) == (70.5, 0.75, 20)


def test_a_difference_is_read_with_its_flips_and_its_verdict() -> None:
    figures: dict[str, JsonValue] = {
        "first": "tuned/vote-4",
        "second": "tuned/wait-2",
        "num_gained": 4,
        "num_lost": 1,
        "p_value": 0.375,
        "p_value_holm": 0.75,
        "verdict": "unsettled: about 120 questions would be needed",
        "num_questions_needed": 120,
    }
    [result] = read_results({"b": {"differences": {"d": figures}}})
    [difference] = result.differences
    assert (difference.num_gained, difference.num_lost, difference.num_questions_needed) == (4, 1, 120)
    assert (difference.p_value, difference.p_value_holm) == (0.375, 0.75)
    assert difference.verdict == "unsettled: about 120 questions would be needed"


def test_a_judges_table_is_read_with_how_many_answers_differ() -> None:
    table: dict[str, JsonValue] = {
        "right": {"yes": 300, "no": 2, "unclear": 1},
        "wrong": {"yes": 3, "no": 90, "unclear": 0},
        "cannot_tell": {"yes": 4, "no": 0, "unclear": 0},
    }
    [result] = read_results({"b": {"tuned": {}, "judge": {"num_judged": 400, "agreement": 0.987, "table": table}}})
    assert result.judge is not None
    assert (result.judge.num_judged, result.judge.agreement, result.judge.num_different) == (400, 0.987, 5)
    assert result.judge.table[0] == ("right", (("yes", 300), ("no", 2), ("unclear", 1)))
    assert read_results({"b": {"tuned": {}}})[0].judge is None


def test_parallel_samples_are_read_by_rising_count_and_none_are_none() -> None:
    sampled: dict[str, JsonValue] = {"pass_at_k": {"16": 0.9, "1": 0.5, "2": None}, "avg_at_k": {"1": 0.5}}
    [result] = read_results({"b": {"tuned": {}, "parallel": sampled}})
    assert result.sampled == SampledFigures(((1, 0.5),), ((1, 0.5), (2, None), (16, 0.9)), ())
    assert result.sampled.counts == [1, 2, 16]
    assert read_results({"b": {"tuned": {}, "parallel": None}})[0].sampled is None


def test_a_setting_with_a_name_of_its_own_is_a_point_like_any_other() -> None:
    [result] = read_results({"b": {"tuned": {"hmm-2": {"accuracy": 0.5}, "max-16": {"accuracy": 0.4}}}})
    assert [(point.setting, point.kind) for point in result.in_order] == [("max-16", "budget"), ("hmm-2", "other")]


def test_only_a_benchmark_of_the_paper_has_published_results() -> None:
    ours, theirs = read_results({"nano-test": {"tuned": {}}, "aime24": {"tuned": {}}})
    assert ours.references == ()
    s1 = [row for row in theirs.references if row.model == "s1-32B" and row.num_waits is not None]
    waits = {row.num_waits: row.accuracy for row in s1}
    assert waits == {0: 0.5, 1: 0.533, 2: 0.533, 4: 0.567}
