"""Charts hold the measured points, and only those."""

from dataclasses import replace

from s1.report.curves import parallel_chart, scaling_chart, wait_chart
from s1.report.published import published_results
from s1.report.results import BenchmarkResult
from tests.report.sample import MORE_POINTS, POINTS, RESULT, SAMPLED, point


def test_the_scaling_chart_has_budgets_waits_and_the_base_model_as_a_line() -> None:
    chart = scaling_chart(RESULT)
    assert chart is not None
    budgets, waits = chart.series
    assert [(mark.x, mark.y, mark.label) for mark in budgets.marks] == [(15.5, 0.2, "16"), (88.8, 0.6, "192")]
    assert [(mark.low, mark.high) for mark in budgets.marks] == [
        (point.interval.low, point.interval.high) for point in POINTS[:2] if point.interval is not None
    ]
    assert [(mark.x, mark.label) for mark in waits.marks] == [(90.0, "W0"), (170.0, "W2")]
    assert (budgets.has_band, waits.has_band) == (True, True)
    assert [level.y for level in chart.levels] == [0.15]


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
    empty = point("max-1", 0.1, 0.0)
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


def test_every_kind_of_setting_is_a_series_of_its_own() -> None:
    chart = scaling_chart(BenchmarkResult("b", MORE_POINTS))
    assert chart is not None
    labels = {line.name.split(",")[0]: [mark.label for mark in line.marks] for line in chart.series}
    assert labels["other settings"] == ["exact-64"]
    assert [line.shape for line in chart.series] == [
        "circle", "diamond", "square", "square", "star", "ring", "triangle", "down",
    ]  # fmt: skip
    assert len({(line.css, line.shape) for line in chart.series}) == len(chart.series)
    assert [mark.label for line in chart.series[-2:] for mark in line.marks] == ["V4", "R64"]


def test_limits_that_are_asked_for_and_enforced_are_kept_apart_from_those_only_asked_for() -> None:
    chart = scaling_chart(BenchmarkResult("b", MORE_POINTS))
    assert chart is not None
    asked, enforced = [line for line in chart.series if line.css.startswith("series-tokens")]
    assert ([mark.y for mark in asked.marks], [mark.y for mark in enforced.marks]) == ([0.3], [0.25])
    assert enforced.name == f"{asked.name}, and cut there"


def test_published_results_are_lines_and_points_of_a_look_of_their_own() -> None:
    chart = scaling_chart(BenchmarkResult("aime24", POINTS, references=tuple(published_results("aime24"))))
    assert chart is not None
    assert [(mark.x, mark.y, mark.label) for mark in chart.series[-1].marks] == [(6109.0, 0.5, "s1-32B")]
    assert {level.label for level in chart.levels if level.css == "series-published"} == {
        "Qwen2.5-32B-Instruct 26.7%",
        "o1-preview 44.6%",
        "s1-32B, budget forcing 56.7%",
        "s1.1-32B, no forcing 56.7%",
    }
    assert chart.x.high >= 6109


def test_published_wait_curves_stand_beside_ours() -> None:
    chart = wait_chart(BenchmarkResult("aime24", POINTS, references=tuple(published_results("aime24"))))
    assert chart is not None
    ours, s1, s1_1 = chart.series
    assert [mark.y for mark in ours.marks] == [0.61, 0.7]
    assert [(mark.x, mark.y) for mark in s1.marks] == [(0, 0.5), (1, 0.533), (2, 0.533), (4, 0.567)]
    assert [mark.label for mark in s1_1.marks if mark.label] == ["s1.1-32B"]
    assert [text for _, text in chart.x.ticks] == ["0", "1", "2", "4"]


def test_parallel_scaling_spends_the_tokens_of_all_samples() -> None:
    chart = parallel_chart(BenchmarkResult("b", MORE_POINTS, sampled=SAMPLED))
    assert chart is not None
    waits, votes, rejected, tries = chart.series
    assert [mark.x for mark in waits.marks] == [90.0, 170.0]
    assert [(mark.x, mark.y) for mark in votes.marks] == [(360.0, 0.72)]
    assert [mark.x for mark in rejected.marks] == [250.0]
    assert [(mark.x, mark.y) for mark in tries.marks] == [(90.0, 0.6), (360.0, 0.85)]


def test_without_parallel_samples_there_is_nothing_to_compare_waits_with() -> None:
    assert parallel_chart(RESULT) is None
