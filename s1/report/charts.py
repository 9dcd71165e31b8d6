"""Line charts as SVG: axes with honest ticks, points with error bars, reference lines.

Pure functions from numbers to markup. Built with ElementTree, so every text is escaped. Colours are CSS classes of the
page (``series-tuned`` ...), so one drawing serves light, dark and paper. Knows nothing of benchmarks or training.

Example::

    svg = draw_chart(Chart(title="…", description="…", x=log2_axis([16, 192], "tokens"), y=share_axis([0.6], "right"),
                           series=(Series("tuned", (Mark(16, 0.2), Mark(192, 0.6))),)), WIDE)
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal
from xml.etree import ElementTree


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a drawing in CSS pixels, and a name that keeps ids apart."""

    name: str
    width: int
    height: int


WIDE = Size("wide", 760, 380)
NARROW = Size("narrow", 360, 300)

LEFT, RIGHT, TOP, BOTTOM = 46, 18, 34, 46
ROOM_FOR_LABEL = 40


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with its ticks; values of a ``log2`` axis are positive."""

    label: str
    scale: Literal["linear", "log2"]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def position(self, value: float) -> float:
        """Where a value lies between low (0) and high (1)."""
        if self.scale == "log2":
            return math.log2(value / self.low) / math.log2(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


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
    """Points joined by a line; ``css`` is the class that colours them."""

    css: str
    marks: tuple[Mark, ...]
    shape: Literal["circle", "diamond", "none"] = "circle"
    labels: Literal["left", "right", "above"] = "left"
    """Where labels stand: left above the point, right below it, or above its error bar."""


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal reference line, with its band of uncertainty where there is one."""

    css: str
    y: float
    low: float | None = None
    high: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing before it has a size."""

    title: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    levels: tuple[Level, ...] = ()


def log2_axis(values: Iterable[float], label: str) -> Axis:
    """An axis over the powers of two around positive values.

    Raises:
        ValueError: no values, or one that is not positive.
    """
    positive = list(values)
    if not positive or min(positive) <= 0:
        raise ValueError(f"a log2 axis needs positive values, got {positive}")
    first = math.floor(math.log2(min(positive)))
    last = max(math.ceil(math.log2(max(positive))), first + 1)
    stride = max(1, math.ceil((last - first) / 8))
    ticks = tuple(
        (2.0**power, f"{2**power:,}" if power >= 0 else f"{2.0**power:g}") for power in range(first, last + 1, stride)
    )
    return Axis(label, "log2", 2.0**first, 2.0**last, ticks)


def linear_axis(values: Iterable[float], label: str, *, from_zero: bool = False, tight: bool = False) -> Axis:
    """An axis with round ticks; it ends at the ticks around the values or, if ``tight``, at the values themselves.

    Raises:
        ValueError: no values.
    """
    known = list(values)
    if not known:
        raise ValueError(f"the axis {label!r} has no values")
    low = min(0.0, *known) if from_zero else min(known)
    high = max(known)
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = round_step((high - low) / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, digits) != step:
        digits += 1
    ticks = [(index * step, f"{index * step:,.{digits}f}") for index in range(first, last + 1)]
    if tight:
        return Axis(label, "linear", low, high, tuple(tick for tick in ticks if low <= tick[0] <= high))
    return Axis(label, "linear", first * step, last * step, tuple(ticks))


def share_axis(values: Iterable[float], label: str) -> Axis:
    """An axis of percentages that starts at zero, so that heights compare."""
    top = linear_axis([100 * value for value in values], label, from_zero=True)
    return Axis(label, "linear", 0.0, top.high / 100, tuple((tick / 100, f"{text}%") for tick, text in top.ticks))


def round_step(raw: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below ``raw``."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))


def draw_chart(chart: Chart, size: Size, *, key: str) -> str:
    """Draw a chart as an inline ``<svg>``.

    Args:
        key: unique on the page, for the ids that name the drawing to screen readers.
    """
    ids = f"{key}-{size.name}"
    root = ElementTree.Element(
        "svg",
        {
            "viewBox": f"0 0 {size.width} {size.height}",
            "role": "img",
            "class": f"chart {size.name}",
            "aria-labelledby": f"{ids}-title {ids}-desc",
        },
    )
    _text_element(root, "title", chart.title, id=f"{ids}-title")
    _text_element(root, "desc", chart.description, id=f"{ids}-desc")
    plane = _Plane(chart, size)
    _draw_axes(root, plane)
    for level in chart.levels:
        _draw_level(root, plane, level)
    for series in chart.series:
        _draw_series(root, plane, series)
    return ElementTree.tostring(root, encoding="unicode")


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
        _line(axes, plane.left, y, plane.right, y, css="grid")
        _text(axes, plane.left - 8, y + 4, label, anchor="end")
    for value, label in plane.chart.x.ticks:
        x = plane.x(value)
        _line(axes, x, plane.bottom, x, plane.bottom + 5, css="tick")
        _text(axes, x, plane.bottom + 19, label, anchor="middle")
    _line(axes, plane.left, plane.bottom, plane.right, plane.bottom, css="axis")
    _text(axes, (plane.left + plane.right) / 2, plane.bottom + 39, plane.chart.x.label, anchor="middle", css="name")
    _text(axes, 0, 14, plane.chart.y.label, anchor="start", css="name")


def _draw_level(root: ElementTree.Element, plane: _Plane, level: Level) -> None:
    group = ElementTree.SubElement(root, "g", {"class": level.css})
    if level.low is not None and level.high is not None:
        top, bottom = plane.y(level.high), plane.y(level.low)
        box = {"x": _px(plane.left), "y": _px(top), "width": _px(plane.right - plane.left), "height": _px(bottom - top)}
        ElementTree.SubElement(group, "rect", {**box, "class": "band"})
    _line(group, plane.left, plane.y(level.y), plane.right, plane.y(level.y), css="level")
    if level.label:
        _text(group, plane.right, plane.y(level.y) - 6, level.label, anchor="end", css="label")


def _draw_series(root: ElementTree.Element, plane: _Plane, series: Series) -> None:
    group = ElementTree.SubElement(root, "g", {"class": series.css})
    spots = [(plane.x(mark.x), plane.y(mark.y)) for mark in series.marks]
    if len(spots) > 1:
        path = " ".join(f"{_px(x)},{_px(y)}" for x, y in spots)
        ElementTree.SubElement(group, "polyline", {"points": path, "class": "line"})
    for mark, (x, y) in zip(series.marks, spots, strict=True):
        if series.shape != "none":
            _draw_mark(group, plane, mark, series, x=x, y=y)


def _draw_mark(group: ElementTree.Element, plane: _Plane, mark: Mark, series: Series, *, x: float, y: float) -> None:
    spot = ElementTree.SubElement(group, "g", {"class": "mark"})
    if mark.tip:
        _text_element(spot, "title", mark.tip)
    if mark.low is not None and mark.high is not None:
        top, bottom = plane.y(mark.high), plane.y(mark.low)
        _line(spot, x, top, x, bottom, css="bar")
        for end in (top, bottom):
            _line(spot, x - 4, end, x + 4, end, css="bar")
    if series.shape == "circle":
        ElementTree.SubElement(spot, "circle", {"cx": _px(x), "cy": _px(y), "r": "4.5", "class": "dot"})
    else:
        diamond = " ".join(f"{_px(x + dx)},{_px(y + dy)}" for dx, dy in ((0, -6), (6, 0), (0, 6), (-6, 0)))
        ElementTree.SubElement(spot, "polygon", {"points": diamond, "class": "dot"})
    if mark.label:
        top = y if mark.high is None else plane.y(mark.high)
        dx, label_y, anchor = {
            "left": (-9, y - 9, "end"),
            "right": (9, y + 17, "start"),
            "above": (0, top - 8, "middle"),
        }[series.labels]
        if series.labels == "left" and x - plane.left < ROOM_FOR_LABEL:
            dx, anchor = 9, "start"
        _text(spot, x + dx, label_y, mark.label, anchor=anchor, css="label")


def _line(parent: ElementTree.Element, x1: float, y1: float, x2: float, y2: float, *, css: str) -> None:
    place = {"x1": _px(x1), "y1": _px(y1), "x2": _px(x2), "y2": _px(y2), "class": css}
    ElementTree.SubElement(parent, "line", place)


def _text(parent: ElementTree.Element, x: float, y: float, text: str, *, anchor: str, css: str = "number") -> None:
    place = {"x": _px(x), "y": _px(y), "text-anchor": anchor, "class": css}
    ElementTree.SubElement(parent, "text", place).text = text


def _text_element(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = text


def _px(value: float) -> str:
    return f"{value:.1f}"


def moving_mean(values: Sequence[float], *, window: int) -> list[float]:
    """Mean over ``window`` values around each place (an odd number, fewer at the ends), which does not lag."""
    half = window // 2
    sums = [0.0, *accumulate(values)]
    means = []
    for index in range(len(values)):
        start, end = max(0, index - half), min(len(values), index + half + 1)
        means.append((sums[end] - sums[start]) / (end - start))
    return means
