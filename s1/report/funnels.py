"""The curation's funnel in two orders, ours and the paper's, with the paper's own figures beside it: table and figure.

Reads ``metrics/select.json`` (told by ``s1.selection.funnel``). Published figures are references: another pool, other
models. Knows steps and shapes; no page.

Example::

    ours, papers = read_funnels(json.loads(Path("metrics/select.json").read_text()))
    svg = draw_funnel(papers, key="paper")
    Path("funnel.svg").write_text(draw_funnel_image(papers))
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from xml.etree import ElementTree

from s1.report.figures import Figures, group, whole
from s1.report.shapes import add_text, add_text_element, px

OURS = "ours"
PAPER = "paper"
SOURCE = "arXiv 2501.19393, section 2.2"
NOTEBOOK = "the reference's published notebook"

_STEPS = {
    OURS: {
        "collected": "read from all sources",
        "unique": "without exact duplicates",
        "decontaminated": "without benchmark questions",
        "quality": "past the quality rules",
        "hard": "both base models wrong",
        "traced": "with a usable trace and a domain",
        "selected": "drawn",
    },
    PAPER: {
        "pool": "unique and decontaminated",
        "complete": "no feature missing",
        "quality": "past the quality rules",
        "hard": "both base models wrong",
        "selected": "drawn",
    },
}
"""Steps of each order with what they mean; files are sorted by name, so the order stands here."""
_PUBLISHED = {
    OURS: {"decontaminated": 59_029, "traced": 24_496, "selected": 1_000},
    PAPER: {"pool": 59_029, "complete": 54_116, "quality": 51_581, "hard": 24_496, "selected": 1_000},
}
"""The paper's counts at the steps that mean the same; in our order some have no counterpart."""
_NOTEBOOK = {PAPER: {"pool": 58_986, "complete": 54_116, "quality": 51_607, "hard": 24_517, "selected": 1_000}}
"""What the reference's own notebook prints."""

_ROW, _TOP, _LEFT, _BARS, _WIDTH = 46, 34, 8, 744, 760
_CSS = """
svg .rest { fill: currentColor; opacity: .35; } svg .solid { fill: currentColor; } svg text.strong { fill: var(--ink); }
"""


@dataclass(frozen=True, slots=True)
class OrderStep:
    """How many questions were left after one step."""

    name: str
    meaning: str
    left: int
    not_asked: int
    """Of those left: our order never found out whether they belong there."""
    dropped: tuple[tuple[str, int], ...]
    """Reason codes of the questions that left, most frequent first."""
    published: int | None
    """The paper's count; None where its order has no such step."""
    notebook: int | None
    """The count that the reference's notebook prints."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """All steps in one order."""

    order: str
    steps: tuple[OrderStep, ...]

    @property
    def title(self) -> str:
        """What stands above a table or a figure."""
        return "The funnel in the order of our stages" if self.order == OURS else "The funnel in the paper's order"


def read_funnels(select: Figures | None) -> list[Funnel]:
    """Both orders, ours first; empty where ``select`` counted none.

    Raises:
        ValueError: the figures have another form (names the key).
    """
    orders = group(select, "funnels")
    return [
        Funnel(
            order,
            tuple(_read_step(order, name, group(group(orders, order), name)) for name in _STEPS[order]),
        )
        for order in (OURS, PAPER)
        if order in orders
    ]


def _read_step(order: str, name: str, figures: Figures) -> OrderStep:
    dropped = group(figures, "dropped")
    counts = [(reason, whole(dropped, reason) or 0) for reason in dropped]
    return OrderStep(
        name=name,
        meaning=_STEPS[order][name],
        left=whole(figures, "left") or 0,
        not_asked=whole(figures, "not_asked") or 0,
        dropped=tuple(sorted(counts, key=lambda item: (-item[1], item[0]))),
        published=_PUBLISHED.get(order, {}).get(name),
        notebook=_NOTEBOOK.get(order, {}).get(name),
    )


def draw_funnel(funnel: Funnel, *, key: str) -> str:
    """Draw a funnel as an inline ``<svg>``: a bar per step, pale where nobody was asked, a thin one for the paper's.

    Bars are shares of the first step; the paper's begin as long as ours of the same meaning: pools differ in size.

    Args:
        key: unique on the page, for the ids that name the drawing to screen readers.
    """
    return ElementTree.tostring(_draw(funnel, key=key, attributes={}), encoding="unicode")


def draw_funnel_image(funnel: Funnel) -> str:
    """The same as a complete SVG document, on paper of the report's colour."""
    style = resources.files("s1.report").joinpath("page.css").read_text(encoding="utf-8")
    size = {"xmlns": "http://www.w3.org/2000/svg", "width": str(_WIDTH), "height": str(_height(funnel))}
    root = _draw(funnel, key="image", attributes=size)
    paper = ElementTree.Element("rect", {"width": "100%", "height": "100%", "fill": "var(--paper)"})
    sheet = ElementTree.Element("style")
    sheet.text = style
    root.insert(0, paper)
    root.insert(0, sheet)
    return ElementTree.tostring(root, encoding="unicode")


def _height(funnel: Funnel) -> int:
    return _TOP + _ROW * len(funnel.steps) + 30


def _draw(funnel: Funnel, *, key: str, attributes: Mapping[str, str]) -> ElementTree.Element:
    root = ElementTree.Element(
        "svg",
        {
            **attributes,
            "viewBox": f"0 0 {_WIDTH} {_height(funnel)}",
            "role": "img",
            "class": "chart funnel",
            "aria-labelledby": f"{key}-funnel-title {key}-funnel-desc",
        },
    )
    add_text_element(root, "title", funnel.title, id=f"{key}-funnel-title")
    add_text_element(root, "desc", describe_funnel(funnel), id=f"{key}-funnel-desc")
    add_text_element(root, "style", _CSS)
    add_text(root, _LEFT, 16, funnel.title, anchor="start", css="strong")
    whole_count = max((step.left for step in funnel.steps), default=0)
    scale = _published_scale(funnel, whole_count)
    for index, step in enumerate(funnel.steps):
        _draw_step(root, step, _TOP + index * _ROW, whole_count=whole_count, published_scale=scale)
    pale = "pale: not asked, so nobody knows · " if any(step.not_asked for step in funnel.steps) else ""
    legend = f"{pale}thin: the paper's, begun as long as ours"
    add_text(root, _LEFT, _height(funnel) - 10, legend, anchor="start")
    return root


def _published_scale(funnel: Funnel, whole_count: int) -> float:
    """Pixels per question of the paper's pool, so that its first step is as long as ours of the same meaning."""
    first = next(((step.left, step.published) for step in funnel.steps if step.published), None)
    return 0.0 if first is None or not whole_count else _BARS * first[0] / whole_count / first[1]


def _draw_step(
    root: ElementTree.Element, step: OrderStep, y: float, *, whole_count: int, published_scale: float
) -> None:
    known = step.left - step.not_asked
    widths = [_BARS * count / whole_count if whole_count else 0.0 for count in (known, step.left)]
    group_of_bars = ElementTree.SubElement(root, "g", {"class": "series-tuned"})
    _bar(group_of_bars, widths[1], y + 16, 14, css="rest")
    _bar(group_of_bars, widths[0], y + 16, 14, css="solid")
    if step.published is not None:
        paper = ElementTree.SubElement(root, "g", {"class": "series-published"})
        _bar(paper, published_scale * step.published, y + 32, 4, css="solid")
    add_text(root, _LEFT, y + 11, f"{step.name}: {step.meaning}", anchor="start")
    unknown = f", {step.not_asked:,} of them not asked" if step.not_asked else ""
    published = "" if step.published is None else f" (paper {step.published:,})"
    add_text(root, _WIDTH - _LEFT, y + 11, f"{step.left:,}{unknown}{published}", anchor="end", css="strong")


def _bar(parent: ElementTree.Element, width: float, y: float, height: float, *, css: str) -> None:
    place = {"x": px(_LEFT), "y": px(y), "width": px(width), "height": px(height), "class": css}
    ElementTree.SubElement(parent, "rect", place)


def describe_funnel(funnel: Funnel) -> str:
    """All steps in one sentence, for screen readers."""
    return "; ".join(
        f"{step.name} {step.left:,}" + (f" ({step.not_asked:,} not asked)" if step.not_asked else "")
        for step in funnel.steps
    )
