"""The report as one self-contained HTML page: no network, no library, readable on a phone and on paper.

Knows layout. Every text passes through Jinja's autoescape or ElementTree, because questions and model output are data;
a content security policy in the page forbids any script but the page's own, by hash.

Example::

    Path("report.html").write_text(render_page(content), encoding="utf-8")
"""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from s1.report import words
from s1.report.charts import NARROW, WIDE, Chart, draw_chart
from s1.report.content import FunnelStep, ReportContent, Transcript
from s1.report.curves import SMOOTHING_STEPS, loss_chart, scaling_chart, wait_chart
from s1.report.reading import split_setting

SCRIPT = "addEventListener('beforeprint',()=>{for(const d of document.querySelectorAll('details'))d.open=true});"
"""Paper cannot be unfolded; everything else works without a script."""

VERDICT_WORDS = {"right": "right", "wrong": "wrong", "no_answer": "no answer", "cut": "cut off"}


def render_page(content: ReportContent) -> str:
    """Render the report as a complete HTML document."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["words"] = words
    environment.filters["verdict_words"] = VERDICT_WORDS.__getitem__
    environment.filters["bar_share"] = _bar_share
    environment.filters["setting"] = _transcript_setting
    folder = files("s1.report")
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return template.render(
        content=content,
        paragraphs=words.summarize(content),
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        script=Markup(SCRIPT),
        script_digest=digest,
        scaling=[_figure(scaling_chart(result), f"scaling-{index}") for index, result in enumerate(content.benchmarks)],
        waits=[_figure(wait_chart(result), f"waits-{index}") for index, result in enumerate(content.benchmarks)],
        loss=_figure(loss_chart(content.losses), "loss"),
        smoothing_steps=SMOOTHING_STEPS,
        largest_step=max((step.count or 0 for step in content.funnel), default=0),
        domain_totals=_domain_totals(content),
        reasons=_reasons(content.funnel),
    )


def _figure(chart: Chart | None, key: str) -> Markup | None:
    """The drawing at two sizes, of which style sheets show one: text stays readable on a phone."""
    if chart is None:
        return None
    return Markup(draw_chart(chart, WIDE, key=key) + draw_chart(chart, NARROW, key=key))  # escaped by ElementTree


def _bar_share(part: float | None, whole: float) -> str:
    """Width of a bar in percent."""
    return "0" if not part or not whole else f"{100 * part / whole:.2f}"


def _transcript_setting(transcript: Transcript) -> str:
    return words.describe_setting(*split_setting(transcript.setting))


def _domain_totals(content: ReportContent) -> dict[str, int]:
    return {
        "pool": sum(domain.pool for domain in content.domains),
        "selection": sum(domain.selection for domain in content.domains),
    }


def _reasons(funnel: tuple[FunnelStep, ...]) -> list[tuple[str, str, int]]:
    return [(step.name, reason, count) for step in funnel for reason, count in step.reasons]
