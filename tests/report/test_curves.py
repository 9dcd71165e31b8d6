"""Charts hold the measured points, and only those."""

from dataclasses import replace

from s1.report.content import BenchmarkResult, LossPoint, Point
from s1.report.curves import MAX_LOSS_MARKS, loss_chart, scaling_chart, wait_chart
from tests.report.sample import POINTS, RESULT


def test_the_scaling_chart_has_budgets_waits_and_the_base_model_as_a_line() -> None:
    chart = scaling_chart(RESULT)
    assert chart is not None
    budgets, waits = chart.series
    assert [(mark.x, mark.y, mark.low, mark.high, mark.label) for mark in budgets.marks] == [
        (15.5, 0.2, 0.15, 0.25, "16"),
        (88.8, 0.6, 0.55, 0.65, "192"),
    ]
    assert [(mark.x, mark.label) for mark in waits.marks] == [(90.4, "W0"), (170.0, "W2")]
    assert [(level.y, level.low, level.high) for level in chart.levels] == [(0.15, 0.12, 0.18)]


def test_the_axes_hold_every_point_and_error_bar() -> None:
    chart = scaling_chart(RESULT)
    assert chart is not None
    assert (chart.x.low, chart.x.high) == (8.0, 256.0)
    assert (chart.y.low, chart.y.high) == (0.0, 0.8)


def test_points_without_a_figure_are_not_drawn() -> None:
    unknown = replace(POINTS[0], mean_thinking_tokens=None)
    none_right = replace(POINTS[1], accuracy=None)
    assert scaling_chart(BenchmarkResult("b", (unknown, none_right, POINTS[4]))) is None


def test_zero_thinking_tokens_have_no_place_on_a_log_axis() -> None:
    empty = Point("max-1", "budget", 1, "tuned", 0.1, mean_thinking_tokens=0.0)
    chart = scaling_chart(BenchmarkResult("b", (empty, POINTS[1])))
    assert chart is not None
    assert [mark.label for mark in chart.series[0].marks] == ["192"]


def test_the_wait_chart_has_a_tick_at_every_count() -> None:
    chart = wait_chart(RESULT)
    assert chart is not None
    assert chart.x.ticks == ((0.0, "0"), (2.0, "2"))
    assert [mark.y for mark in chart.series[0].marks] == [0.61, 0.7]


def test_a_single_wait_count_is_no_curve() -> None:
    assert wait_chart(BenchmarkResult("b", POINTS[:3])) is None


def test_a_long_run_is_thinned_out_and_keeps_its_ends() -> None:
    chart = loss_chart([LossPoint(step, 1.0 / step) for step in range(1, 10_001)])
    assert chart is not None
    for series in chart.series:
        assert len(series.marks) <= MAX_LOSS_MARKS + 1
        assert (series.marks[0].x, series.marks[-1].x) == (1, 10_000)


def test_one_step_is_no_curve() -> None:
    assert loss_chart([LossPoint(1, 2.0)]) is None
