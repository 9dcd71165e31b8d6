"""The report as one self-contained HTML page: no network, no library, readable on a phone and on paper.

Knows layout. Every text passes through Jinja's autoescape or ElementTree, because questions and model output are data;
a content security policy in the page forbids any script but the page's own, by hash.

Example::

    Path("report.html").write_text(render_page(content), encoding="utf-8")
    Path("transcripts.html").write_text(render_reader(content), encoding="utf-8")
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from s1.records import ENDS
from s1.report import words
from s1.report.charts import NARROW, WIDE, Chart, draw_chart
from s1.report.content import FunnelStep, ReportContent, Transcript
from s1.report.costs import PointCost, alone_tokens, point_costs
from s1.report.curves import parallel_chart, scaling_chart, wait_chart
from s1.report.funnels import PAPER, draw_funnel
from s1.report.loss import loss_chart
from s1.report.results import BenchmarkResult, Point
from s1.report.shapes import draw_key
from s1.report.summary import summarize


@dataclass(frozen=True, slots=True)
class _Figure:
    """A chart on the page, with the keys of its legend."""

    drawing: Markup
    legend: list[tuple[Markup, str]]


@dataclass(frozen=True)
class _View:
    """One benchmark as the page shows it."""

    content: ReportContent
    result: BenchmarkResult
    index: int

    @cached_property
    def scaling(self) -> _Figure | None:
        return _figure(scaling_chart(self.result), f"scaling-{self.index}")

    @cached_property
    def waits(self) -> _Figure | None:
        return _figure(wait_chart(self.result), f"waits-{self.index}")

    @cached_property
    def parallel(self) -> _Figure | None:
        return _figure(parallel_chart(self.result), f"parallel-{self.index}")

    @property
    def ends(self) -> list[Point]:
        return [point for point in self.result.in_order if point.shares]

    @property
    def ends_seen(self) -> list[str]:
        return [end for end in ENDS if any(dict(point.shares).get(end) for point in self.ends)]

    @property
    def costs(self) -> list[PointCost]:
        price = self.content.token_price
        return [] if price is None else point_costs(self.result, price)


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the reader's filters offer."""

    benchmarks: list[str]
    flips: list[str]
    settings: list[str]


MAX_INLINE = 6
"""Questions that the report itself shows in full; all of them are on the reader's page."""


def render_page(content: ReportContent) -> str:
    """Render the report as a complete HTML document, with the first transcripts."""
    return _render(
        "page.html.j2",
        content,
        content.transcripts[:MAX_INLINE],
        paragraphs=summarize(content),
        views=[_View(content, result, index) for index, result in enumerate(content.benchmarks)],
        alone=alone_tokens(content.benchmarks),
        loss=_figure(loss_chart(content.losses), "loss"),
        largest_step=max((step.count or 0 for step in content.funnel), default=0),
        domain_totals=_domain_totals(content),
        reasons=_reasons(content.funnel),
        funnel_figures=[
            (funnel, Markup(draw_funnel(funnel, key=f"funnel-{funnel.order}")))  # escaped by ElementTree
            for funnel in content.funnels
            if funnel.order == PAPER
        ],
    )


def render_reader(content: ReportContent) -> str:
    """Render all transcripts, and nothing else, as a complete HTML document."""
    return _render("reader_page.html.j2", content, content.transcripts)


def _render(template: str, content: ReportContent, transcripts: Sequence[Transcript], **values: object) -> str:
    folder = files("s1.report")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
    )
    environment.globals["words"] = words
    environment.filters["bar_share"] = _bar_share
    environment.filters["by_count"] = dict
    script = (folder / "page.js").read_text(encoding="utf-8")
    return environment.get_template(template).render(
        content=content,
        transcripts=transcripts,
        reader=_reader(transcripts),
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def _figure(chart: Chart | None, key: str) -> _Figure | None:
    """The drawing at two sizes, of which style sheets show one: text stays readable on a phone."""
    if chart is None:
        return None
    drawing = Markup(draw_chart(chart, WIDE, key=key) + draw_chart(chart, NARROW, key=key))  # escaped by ElementTree
    return _Figure(drawing, [(Markup(draw_key(css, sign)), name) for css, sign, name in chart.legend])


def _reader(transcripts: Sequence[Transcript]) -> _Reader:
    runs = [run for transcript in transcripts for run in transcript.runs]
    return _Reader(
        benchmarks=list(dict.fromkeys(transcript.benchmark for transcript in transcripts)),
        flips=[flip for flip in words.FLIP_WORDS if any(run.flip == flip for run in runs)],
        settings=list(dict.fromkeys(f"{run.model}/{run.setting}" for run in runs)),
    )


def _bar_share(part: float | None, whole: float) -> str:
    """Width of a bar in percent."""
    return "0" if not part or not whole else f"{100 * part / whole:.2f}"


def _domain_totals(content: ReportContent) -> dict[str, int]:
    return {
        "pool": sum(domain.pool for domain in content.domains),
        "selection": sum(domain.selection for domain in content.domains),
    }


def _reasons(funnel: tuple[FunnelStep, ...]) -> list[tuple[str, str, int]]:
    return [(step.name, reason, count) for step in funnel for reason, count in step.reasons]
