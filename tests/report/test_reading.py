"""Figures are read as they were written: missing ones stay missing, wrong ones are refused by name."""

import pytest
from pydantic import JsonValue

from s1.report.content import DomainCount, FunnelStep, Interval
from s1.report.reading import (
    read_domains,
    read_figures,
    read_funnel,
    read_num_selected,
    read_results,
    read_stage_cost,
    split_setting,
)

CURATE: dict[str, JsonValue] = {
    "funnel": {"collected": 100, "decontaminated": 90, "quality": 88, "unique": 95},
    "reasons": {"duplicate": 5, "exact_benchmark": 2, "image": 2, "kept": 88, "ngram8": 3},
}
SELECT: dict[str, JsonValue] = {
    "funnel": {"hard": 60, "selected": 10, "traced": 59},
    "reasons": {"diversity": 9, "no_trace": 1, "not_drawn": 49, "prepick": 1, "too_easy_both": 28},
    "pool": {"domains": {"gears": 20, "dials": 39}},
    "selection": {"domains": {"dials": 10}},
}


def test_settings_are_split_into_kind_and_amount() -> None:
    assert [split_setting(name) for name in ("max-64", "wait-0", "direct")] == [
        ("budget", 64), ("wait", 0), ("direct", None),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["max", "max-", "wait-x", "Max-64", "max-64 ", ""])
def test_a_setting_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is neither max-<budget> nor wait-<count> nor direct"):
        split_setting(name)


def test_the_funnel_is_in_the_order_of_the_chain_with_each_reason_at_its_step() -> None:
    assert read_funnel(CURATE, SELECT) == [
        FunnelStep("collected", 100),
        FunnelStep("unique", 95, (("duplicate", 5),)),
        FunnelStep("decontaminated", 90, (("exact_benchmark", 2), ("ngram8", 3))),
        FunnelStep("quality", 88, (("image", 2),)),
        FunnelStep("hard", 60, (("too_easy_both", 28),)),
        FunnelStep("traced", 59, (("no_trace", 1),)),
        FunnelStep("selected", 10, (("not_drawn", 49),), (("diversity", 9), ("prepick", 1))),
    ]


def test_steps_that_were_not_counted_are_none_and_no_counts_are_no_funnel() -> None:
    assert [step.count for step in read_funnel(CURATE, None)] == [100, 95, 90, 88, None, None, None]
    assert read_funnel(None, None) == []
    assert read_num_selected(None) is None
    assert read_num_selected(SELECT) == 10


def test_domains_come_most_frequent_first_and_absent_ones_count_zero() -> None:
    assert read_domains(SELECT) == [DomainCount("dials", 39, 10), DomainCount("gears", 20, 0)]
    assert read_domains(None) == []


def test_a_ledger_is_read_in_hours_with_its_tokens_by_kind() -> None:
    cost = read_stage_cost(
        "train", {"cpu_seconds": 1800.0, "target_tokens": 12.0, "wall_seconds": 60.0, "num_tries": 1.0}, dollars=0.5
    )
    assert (cost.wall_seconds, cost.cpu_hours, cost.gpu_hours, cost.dollars) == (60.0, 0.5, None, 0.5)
    assert cost.tokens == (("target", 12.0),)


def test_a_stage_without_a_ledger_is_not_measured() -> None:
    cost = read_stage_cost("train", None, dollars=None)
    assert (cost.wall_seconds, cost.cpu_hours, cost.gpu_hours, cost.dollars, cost.tokens) == (None,) * 4 + ((),)


def test_nested_figures_are_named_by_their_path_and_texts_are_left_out() -> None:
    figures: dict[str, JsonValue] = {
        "loss": {"last_epoch": 0.5},
        "num_steps": 3,
        "note": "x",
        "resumed_from_step": None,
    }
    assert read_figures(figures) == [("loss, last epoch", 0.5), ("num steps", 3.0), ("resumed from step", None)]


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
                "curve": {"all": {"performance": 0.4}},
            }
        }
    )
    assert [point.amount for point in result.of_kind("wait")] == [2, 10]
    assert result.of_kind("wait")[0].interval == Interval(0.2, 0.4)
    assert result.base is not None and result.base.accuracy == 0.1
    assert [row.first for row in result.differences] == ["tuned/wait-2", "tuned/wait-10"]
    assert (result.curves[0].curve, result.curves[0].performance, result.curves[0].control) == ("all", 0.4, None)


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
