"""Line charts as SVG: points with error bars or bands, lines that join them, reference lines, a legend.

Pure functions from numbers to markup. Built with ElementTree, so every text is escaped. Colours are CSS classes of the
page (``series-tuned`` ...), so one drawing serves light, dark and paper. Knows nothing of benchmarks or training.

Example::

    svg = draw_chart(Chart(title="…", description="…", x=log2_axis([16, 192], "tokens"), y=share_axis([0.6], "right"),
                           series=(Series("series-tuned", (Mark(16, 0.2), Mark(192, 0.6))),)), WIDE, key="first")
"""

import math
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from s1.report.axes import Axis
from s1.report.labels import LETTER_WIDTH, Anchor, Places, Spot
from s1.report.shapes import KEY_HEIGHT, Shape, Sign, add_key, add_line, add_shape, add_text, add_text_element, px


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a drawing in CSS pixels, and a name that keeps ids apart."""

    name: str
    width: int
    height: int


WIDE = Size("wide", 760, 380)
NARROW = Size("narrow", 360, 300)

LEFT, RIGHT, TOP, BOTTOM = 46, 18, 34, 46


@dataclass(frozen=True, slots=True)
class Mark:
    """One point, with the bounds of its error bar where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    label: str = ""
    """Written beside the point."""
    tip: str = ""
    """Shown on hovering, read by screen readers."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together; ``css`` is the class that colours them."""

    css: str
    marks: tuple[Mark, ...]
    shape: Shape = "circle"
    labels: Literal["left", "right", "above"] = "left"
    """Where labels stand if there is room: left above the point, right below it, or above its error bar."""
    name: str = ""
    """What the legend says; empty: it says nothing."""
    is_joined: bool = True
    """Whether a line joins the points."""
    has_band: bool = False
    """Whether a band joins the intervals, instead of an error bar at each point."""


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal reference line, with its band of uncertainty where there is one."""

    css: str
    y: float
    low: float | None = None
    high: float | None = None
    label: str = ""
    name: str = ""
    """What the legend says; empty: it says nothing."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing before it has a size."""

    title: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    levels: tuple[Level, ...] = ()

    @property
    def legend(self) -> list[tuple[str, Sign, str]]:
        """Class, sign and words of everything that has a name, no words twice."""
        entries: list[tuple[str, Sign, str]] = [(line.css, line.shape, line.name) for line in self.series]
        entries += [(level.css, "rule", level.name) for level in self.levels]
        return list({name: (css, sign, name) for css, sign, name in entries if name}.values())


def draw_chart(chart: Chart, size: Size, *, key: str, has_legend: bool = False) -> str:
    """Draw a chart as an inline ``<svg>``.

    Args:
        key: unique on the page, for the ids that name the drawing to screen readers.
        has_legend: whether the legend stands under the drawing, for an image that stands alone.
    """
    ids = f"{key}-{size.name}"
    entries = chart.legend if has_legend else []
    root = ElementTree.Element(
        "svg",
        {
            "viewBox": f"0 0 {size.width} {drawn_height(chart, size) if has_legend else size.height}",
            "role": "img",
            "class": f"chart {size.name}",
            "aria-labelledby": f"{ids}-title {ids}-desc",
        },
    )
    add_text_element(root, "title", chart.title, id=f"{ids}-title")
    add_text_element(root, "desc", chart.description, id=f"{ids}-desc")
    plane = _Plane(chart, size)
    _draw_axes(root, plane)
    for series in chart.series:
        if series.has_band:
            _draw_band(root, plane, series)
    places = Places(plane.left, plane.right)
    for series in chart.series:
        for mark in series.marks if series.shape != "none" else ():
            places.take_mark(plane.x(mark.x), plane.y(mark.y))
    labels = ElementTree.Element("g")
    for level in chart.levels:
        _draw_level(root, plane, level, labels=labels, places=places)
    for series in chart.series:
        _draw_series(root, plane, series, labels=labels, places=places)
    root.append(labels)  # last, so that no line runs over a label
    for index, (css, shape, name) in enumerate(entries):
        add_key(root, LEFT, size.height + index * KEY_HEIGHT + KEY_HEIGHT / 2, css=css, shape=shape, name=name)
    return ElementTree.tostring(root, encoding="unicode")


def drawn_height(chart: Chart, size: Size) -> int:
    """Height of a drawing with its legend, in CSS pixels."""
    return size.height + KEY_HEIGHT * len(chart.legend) + (6 if chart.legend else 0)


class _Plane:
    """Maps values to pixels."""

    def __init__(self, chart: Chart, size: Size) -> None:
        self.chart = chart
        self.left, self.right = float(LEFT), float(size.width - RIGHT)
        self.top, self.bottom = float(TOP), float(size.height - BOTTOM)

    def x(self, value: float) -> float:
        return self.left + self.chart.x.position(value) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - self.chart.y.position(value) * (self.bottom - self.top)


def _draw_axes(root: ElementTree.Element, plane: _Plane) -> None:
    axes = ElementTree.SubElement(root, "g", {"class": "axes"})
    for value, label in plane.chart.y.ticks:
        y = plane.y(value)
        add_line(axes, plane.left, y, plane.right, y, css="grid")
        add_text(axes, plane.left - 8, y + 4, label, anchor="end")
    labelled_to = -math.inf
    for value, label in plane.chart.x.ticks:
        x, half = plane.x(value), LETTER_WIDTH * len(label) / 2
        add_line(axes, x, plane.bottom, x, plane.bottom + 5, css="tick")
        if x - half > labelled_to:
            add_text(axes, x, plane.bottom + 19, label, anchor="middle")
            labelled_to = x + half + 3
    add_line(axes, plane.left, plane.bottom, plane.right, plane.bottom, css="axis")
    add_text(axes, (plane.left + plane.right) / 2, plane.bottom + 39, plane.chart.x.label, anchor="middle", css="name")
    add_text(axes, 0, 14, plane.chart.y.label, anchor="start", css="name")


def _draw_level(
    root: ElementTree.Element, plane: _Plane, level: Level, *, labels: ElementTree.Element, places: Places
) -> None:
    group = ElementTree.SubElement(root, "g", {"class": level.css})
    y = plane.y(level.y)
    if level.low is not None and level.high is not None:
        top, bottom = plane.y(level.high), plane.y(level.low)
        box = {"x": px(plane.left), "y": px(top), "width": px(plane.right - plane.left), "height": px(bottom - top)}
        ElementTree.SubElement(group, "rect", {**box, "class": "band"})
    add_line(group, plane.left, y, plane.right, y, css="level")
    ends: list[tuple[float, Anchor]] = [(plane.right, "end"), (plane.left + 4, "start")]
    spots = [Spot(x, y + dy, anchor) for dy in (-6.0, 15.0) for x, anchor in ends]
    _draw_label(labels, level.css, level.label, places.find(spots, level.label, must=True))


def _draw_label(labels: ElementTree.Element, css: str, text: str, spot: Spot | None) -> None:
    if text and spot is not None:
        group = ElementTree.SubElement(labels, "g", {"class": css})
        add_text(group, spot.x, spot.y, text, anchor=spot.anchor, css="label")


def _draw_band(root: ElementTree.Element, plane: _Plane, series: Series) -> None:
    """The intervals of neighbouring points, joined; a point without one leaves the band."""
    upper = [(plane.x(mark.x), plane.y(mark.high)) for mark in series.marks if mark.high is not None]
    lower = [(plane.x(mark.x), plane.y(mark.low)) for mark in series.marks if mark.low is not None]
    if len(upper) > 1 and len(upper) == len(lower):
        path = " ".join(f"{px(x)},{px(y)}" for x, y in [*upper, *reversed(lower)])
        group = ElementTree.SubElement(root, "g", {"class": series.css})
        ElementTree.SubElement(group, "polygon", {"points": path, "class": "band"})


def _draw_series(
    root: ElementTree.Element, plane: _Plane, series: Series, *, labels: ElementTree.Element, places: Places
) -> None:
    group = ElementTree.SubElement(root, "g", {"class": series.css})
    spots = [(plane.x(mark.x), plane.y(mark.y)) for mark in series.marks]
    if len(spots) > 1 and series.is_joined:
        path = " ".join(f"{px(x)},{px(y)}" for x, y in spots)
        ElementTree.SubElement(group, "polyline", {"points": path, "class": "line"})
    if series.shape == "none":
        return
    for mark, (x, y) in zip(series.marks, spots, strict=True):
        _draw_mark(group, plane, mark, series, x=x, y=y)
        if mark.label:
            top = y if mark.high is None else plane.y(mark.high)
            spot = places.find(_spots_of_label(x, y, top, series.labels), mark.label)
            _draw_label(labels, series.css, mark.label, spot)


def _draw_mark(group: ElementTree.Element, plane: _Plane, mark: Mark, series: Series, *, x: float, y: float) -> None:
    place = ElementTree.SubElement(group, "g", {"class": "mark"})
    if mark.tip:
        add_text_element(place, "title", mark.tip)
    if mark.low is not None and mark.high is not None:
        top, bottom = plane.y(mark.high), plane.y(mark.low)
        add_line(place, x, top, x, bottom, css="bar faint" if series.has_band else "bar")
        if not series.has_band:
            for end in (top, bottom):
                add_line(place, x - 4, end, x + 4, end, css="bar")
    add_shape(place, series.shape, x, y)


def _spots_of_label(x: float, y: float, top: float, preferred: str) -> list[Spot]:
    """Spots around a point, the preferred one first."""
    spots = {
        "left": Spot(x - 9, y - 9, "end"),
        "right": Spot(x + 9, y + 17, "start"),
        "above": Spot(x, top - 8, "middle"),
        "right above": Spot(x + 9, y - 9, "start"),
        "left below": Spot(x - 9, y + 17, "end"),
        "below": Spot(x, y + 22, "middle"),
    }
    return [spots[preferred], *(spot for name, spot in spots.items() if name != preferred)]
