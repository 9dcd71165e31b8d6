"""Axes and marks lie where the numbers say."""

import re
from xml.etree import ElementTree

import pytest

from s1.report.charts import (
    NARROW,
    WIDE,
    Chart,
    Level,
    Mark,
    Series,
    draw_chart,
    linear_axis,
    log2_axis,
    moving_mean,
    round_step,
    share_axis,
)


def draw(**changes: object) -> ElementTree.Element:
    fields = {
        "title": "Accuracy",
        "description": "rises",
        "x": log2_axis([16.0, 64.0], "tokens"),
        "y": share_axis([0.8], "right"),
        "series": (Series("series-tuned", (Mark(16.0, 0.2, 0.1, 0.3, "16"), Mark(64.0, 0.8))),),
    }
    return ElementTree.fromstring(draw_chart(Chart(**{**fields, **changes}), WIDE, key="k"))  # type: ignore[arg-type]


def test_a_log2_axis_has_a_tick_at_every_power_of_two_around_the_values() -> None:
    axis = log2_axis([15.8, 260.0], "tokens")
    assert [tick for tick, _ in axis.ticks] == [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
    assert axis.position(8.0) == 0.0
    assert axis.position(64.0) == 0.5


def test_a_log2_axis_over_many_octaves_skips_ticks_and_keeps_powers_of_two() -> None:
    axis = log2_axis([1.0, 2.0**20], "tokens")
    assert [tick for tick, _ in axis.ticks] == [2.0**power for power in range(0, 21, 3)]


def test_a_single_value_on_a_log2_axis_still_spans_an_octave() -> None:
    axis = log2_axis([64.0], "tokens")
    assert (axis.low, axis.high) == (64.0, 128.0)


@pytest.mark.parametrize("values", [[], [0.0, 4.0], [-1.0]])
def test_a_log2_axis_refuses_values_that_have_no_logarithm(values: list[float]) -> None:
    with pytest.raises(ValueError, match="positive values"):
        log2_axis(values, "tokens")


def test_a_share_axis_starts_at_zero_and_ends_at_a_round_percentage() -> None:
    axis = share_axis([0.21, 0.65], "right")
    assert axis.ticks[0] == (0.0, "0%")
    assert axis.ticks[-1] == (0.8, "80%")


def test_a_tight_axis_ends_at_the_data() -> None:
    axis = linear_axis([1.0, 315.0], "step", tight=True)
    assert (axis.low, axis.high) == (1.0, 315.0)
    assert [text for _, text in axis.ticks] == ["100", "200", "300"]


def test_ticks_of_small_steps_keep_their_digits() -> None:
    assert [text for _, text in linear_axis([0.0, 0.11], "loss").ticks] == [
        "0.000", "0.025", "0.050", "0.075", "0.100", "0.125",
    ]  # fmt: skip


@pytest.mark.parametrize(("raw", "step"), [(0.9, 1), (1.0, 1), (1.2, 2), (2.2, 2.5), (3.0, 5), (6.0, 10), (0.03, 0.05)])
def test_steps_are_round(raw: float, step: float) -> None:
    assert round_step(raw) == pytest.approx(step)


def test_points_lie_where_their_values_say() -> None:
    circles = draw().findall(".//circle")
    left, right, top, bottom = 46.0, 742.0, 34.0, 334.0
    assert [float(circle.attrib["cx"]) for circle in circles] == [left, right]
    heights = [float(circle.attrib["cy"]) for circle in circles]
    assert heights == [pytest.approx(bottom - 0.25 * (bottom - top)), pytest.approx(top)]


def test_an_error_bar_spans_its_interval_and_a_point_without_one_has_none() -> None:
    marks = draw().findall(".//g[@class='mark']")
    bar = marks[0].find("line[@class='bar']")
    assert bar is not None
    assert (float(bar.attrib["y1"]), float(bar.attrib["y2"])) == (221.5, 296.5)
    assert marks[1].find("line[@class='bar']") is None


def test_a_level_is_a_horizontal_line_at_its_value() -> None:
    line = draw(levels=(Level("series-base", 0.4),)).find(".//line[@class='level']")
    assert line is not None
    assert line.attrib["y1"] == line.attrib["y2"] == "184.0"


def test_a_drawing_names_itself_to_screen_readers_with_ids_of_its_own() -> None:
    wide, narrow = (draw_chart(Chart("Title", "Says", log2_axis([1.0], "x"), share_axis([1.0], "y"), ()), size, key="k")
                    for size in (WIDE, NARROW))  # fmt: skip
    assert 'role="img"' in wide
    assert "<title" in wide and "<desc" in wide
    assert not set(re.findall(r' id="([^"]+)"', wide)) & set(re.findall(r' id="([^"]+)"', narrow))


def test_text_in_a_drawing_is_escaped() -> None:
    svg = draw_chart(Chart("<script>", "a & b", log2_axis([1.0], "</svg>"), share_axis([1.0], "y"), ()), WIDE, key="k")
    assert "<script>" not in svg
    assert "&lt;/svg&gt;" in svg
    assert svg.count("</svg>") == 1


def test_a_moving_mean_is_centred_and_uses_fewer_values_at_the_ends() -> None:
    assert moving_mean([4.0, 2.0, 6.0, 1.0], window=3) == [3.0, 4.0, 3.0, 3.5]
