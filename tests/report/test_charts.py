"""Axes and marks lie where the numbers say."""

import re
from xml.etree import ElementTree

import pytest

from s1.report.axes import log2_axis, share_axis
from s1.report.charts import NARROW, WIDE, Chart, Level, Mark, Series, draw_chart


def draw(**changes: object) -> ElementTree.Element:
    fields = {
        "title": "Accuracy",
        "description": "rises",
        "x": log2_axis([16.0, 64.0], "tokens"),
        "y": share_axis([0.8], "right"),
        "series": (Series("series-tuned", (Mark(16.0, 0.2, 0.1, 0.3, "16"), Mark(64.0, 0.8))),),
    }
    return ElementTree.fromstring(draw_chart(Chart(**{**fields, **changes}), WIDE, key="k"))  # type: ignore[arg-type]


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


def test_a_band_joins_the_intervals_of_its_points() -> None:
    marks = (Mark(16.0, 0.2, 0.1, 0.3), Mark(64.0, 0.8, 0.7, 0.8))
    band = draw(series=(Series("series-tuned", marks, has_band=True),)).find(".//polygon[@class='band']")
    assert band is not None
    assert band.attrib["points"] == "46.0,221.5 742.0,34.0 742.0,71.5 46.0,296.5"


def test_a_single_point_has_no_band() -> None:
    lonely = Series("series-tuned", (Mark(16.0, 0.2, 0.1, 0.3),), has_band=True)
    assert draw(series=(lonely,)).find(".//polygon[@class='band']") is None


def test_points_that_do_not_belong_in_a_row_are_not_joined() -> None:
    marks = (Mark(16.0, 0.2), Mark(64.0, 0.8))
    assert draw(series=(Series("series-other", marks, is_joined=False),)).find(".//polyline") is None
    assert draw(series=(Series("series-other", marks),)).find(".//polyline") is not None


def test_no_label_stands_on_another() -> None:
    crowd = tuple(Mark(40.0 + index / 10, 0.5, label="1,024") for index in range(9))
    levels = tuple(Level("series-published", 0.5 + index / 1000, label="published 50.0%") for index in range(3))
    texts = draw(series=(Series("series-tuned", crowd),), levels=levels).findall(".//text[@class='label']")
    boxes = [(float(text.attrib["x"]), float(text.attrib["y"]), text.attrib["text-anchor"]) for text in texts]
    assert len(boxes) == len(set(boxes))
    assert [text.text for text in texts].count("published 50.0%") == 3
    assert 1 <= [text.text for text in texts].count("1,024") < len(crowd)


def test_tick_labels_that_would_touch_are_left_out() -> None:
    chart = Chart("Title", "Says", log2_axis([256.0, 65536.0], "x"), share_axis([1.0], "y"), ())
    wide, narrow = (draw_chart(chart, size, key="k") for size in (WIDE, NARROW))
    assert ">512<" in wide and ">65,536<" in wide
    assert wide.count('class="tick"') == narrow.count('class="tick"')
    assert wide.count('text-anchor="middle"') > narrow.count('text-anchor="middle"')


def test_the_legend_names_everything_once() -> None:
    series = (Series("series-tuned", (), name="ours"), Series("series-wait", (), "diamond", name="Wait"))
    levels = (Level("series-published", 0.4, name="theirs"), Level("series-published", 0.5, name="theirs"))
    chart = Chart("Title", "Says", log2_axis([1.0], "x"), share_axis([1.0], "y"), series, levels)
    assert chart.legend == [
        ("series-tuned", "circle", "ours"),
        ("series-wait", "diamond", "Wait"),
        ("series-published", "rule", "theirs"),
    ]
    alone = ElementTree.fromstring(draw_chart(chart, WIDE, key="k", has_legend=True))
    assert alone.attrib["viewBox"] == "0 0 760 446"
    assert [text.text for text in alone.findall("text")] == ["ours", "Wait", "theirs"]
