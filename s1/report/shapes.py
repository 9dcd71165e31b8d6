"""The smallest parts of a drawing: lines, texts, the shapes that tell series apart, keys of a legend.

Knows SVG elements and pixels; knows no values or axes.

Example::

    add_shape(parent, "diamond", 120.0, 80.0)
"""

from typing import Literal
from xml.etree import ElementTree

Shape = Literal["circle", "diamond", "square", "triangle", "down", "cross", "star", "ring", "none"]

Sign = Shape | Literal["rule"]
"""What a legend shows of a series: its shape, a line (``none``), or a dashed line (``rule``)."""

KEY_HEIGHT = 20
"""Height of one line of a legend, in CSS pixels."""

_POLYGONS: dict[str, tuple[tuple[float, float], ...]] = {
    "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
    "square": ((-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)),
    "triangle": ((0, -6), (5.5, 4.5), (-5.5, 4.5)),
    "down": ((0, 6), (5.5, -4.5), (-5.5, -4.5)),
    "cross": (
        *((-2, -6), (2, -6), (2, -2), (6, -2), (6, 2), (2, 2)),
        *((2, 6), (-2, 6), (-2, 2), (-6, 2), (-6, -2), (-2, -2)),
    ),
    "star": ((0, -7), (1.8, -1.8), (7, 0), (1.8, 1.8), (0, 7), (-1.8, 1.8), (-7, 0), (-1.8, -1.8)),
}


def add_shape(parent: ElementTree.Element, shape: Shape, x: float, y: float) -> None:
    """A mark around a place; ``none`` adds nothing."""
    if shape in ("circle", "ring"):
        css = "dot" if shape == "circle" else "dot hollow"
        ElementTree.SubElement(parent, "circle", {"cx": px(x), "cy": px(y), "r": "4.5", "class": css})
    elif shape != "none":
        points = " ".join(f"{px(x + dx)},{px(y + dy)}" for dx, dy in _POLYGONS[shape])
        ElementTree.SubElement(parent, "polygon", {"points": points, "class": "dot"})


def draw_key(css: str, shape: Sign) -> str:
    """A series' mark as a small drawing of its own, for the legend of a page."""
    place = {"viewBox": "0 0 24 14", "width": "24", "height": "14", "class": "key", "aria-hidden": "true"}
    root = ElementTree.Element("svg", place)
    _add_sign(root, 12, 7, css=css, shape=shape)
    return ElementTree.tostring(root, encoding="unicode")


def add_key(parent: ElementTree.Element, x: float, y: float, *, css: str, shape: Sign, name: str) -> None:
    """One line of a legend inside a drawing."""
    _add_sign(parent, x + 12, y, css=css, shape=shape)
    add_text(parent, x + 32, y + 4, name, anchor="start", css="name")


def _add_sign(parent: ElementTree.Element, x: float, y: float, *, css: str, shape: Sign) -> None:
    group = ElementTree.SubElement(parent, "g", {"class": css})
    if shape == "rule":
        add_line(group, x - 11, y, x + 11, y, css="level")
    elif shape == "none":
        add_line(group, x - 11, y, x + 11, y, css="line")
    else:
        add_shape(group, shape, x, y)


def add_line(parent: ElementTree.Element, x1: float, y1: float, x2: float, y2: float, *, css: str) -> None:
    """A straight line."""
    place = {"x1": px(x1), "y1": px(y1), "x2": px(x2), "y2": px(y2), "class": css}
    ElementTree.SubElement(parent, "line", place)


def add_text(parent: ElementTree.Element, x: float, y: float, text: str, *, anchor: str, css: str = "number") -> None:
    """A text at a place."""
    place = {"x": px(x), "y": px(y), "text-anchor": anchor, "class": css}
    ElementTree.SubElement(parent, "text", place).text = text


def add_text_element(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> None:
    """An element that holds nothing but text."""
    ElementTree.SubElement(parent, tag, attributes).text = text


def px(value: float) -> str:
    """A length in CSS pixels, to a tenth."""
    return f"{value:.1f}"
