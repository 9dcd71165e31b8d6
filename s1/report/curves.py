"""The report's charts of accuracy: which figures go on which axes, and what each chart says in words.

Knows results and charts; knows no HTML beyond the SVG that ``charts`` draws.

Example::

    chart = scaling_chart(result)       # accuracy against mean thinking tokens, or None where nothing was measured
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from s1.report.axes import Axis, log2_axis, share_axis
from s1.report.charts import Chart, Level, Mark, Series
from s1.report.published import PublishedResult
from s1.report.results import BenchmarkResult, Point
from s1.report.shapes import Shape
from s1.report.words import percent, percent_interval, setting_words
from s1.setting_names import MADE_OF_SAMPLES, SettingKind

ACCURACY = "questions answered right"


@dataclass(frozen=True, slots=True)
class _Look:
    """How the points of a kind are drawn."""

    css: str
    shape: Shape
    labels: Literal["left", "right", "above"]
    name: str
    prefix: str = ""
    """What stands before the amount at each point."""
    is_joined: bool = True


_LOOKS: dict[SettingKind, _Look] = {
    "budget": _Look("series-tuned", "circle", "left", "fine-tuned, thinking cut at the labelled budget"),
    "wait": _Look("series-wait", "diamond", "right", "fine-tuned, Wn: “Wait” appended n times", "W"),
    "tokens": _Look("series-tokens", "square", "above", "asked in the prompt for the labelled tokens"),
    "steps": _Look("series-steps", "cross", "above", "asked in the prompt for the labelled steps"),
    "class": _Look("series-class", "star", "above", "asked in the prompt to think short or long", "", False),
    "other": _Look("series-other", "star", "above", "other settings", "", False),
    "parallel": _Look("series-vote", "ring", "above", "1: one sample of plain thinking, mean over samples", "1", False),
    "vote": _Look("series-vote", "triangle", "right", "Vn: majority of n samples, all their tokens", "V"),
    "reject": _Look("series-reject", "down", "left", "Rn: first sample that ends within n tokens", "R"),
}


def scaling_chart(result: BenchmarkResult) -> Chart | None:
    """Accuracy against mean thinking tokens on a log2 axis: every kind of setting, and what others published."""
    series = [line for kind in _LOOKS for line in _token_series(result, kind)]
    if not series:
        return None
    published = _published_series(result.references)
    levels = (*_base_level(result), *_published_levels(result.references))
    points = [point for kind in _LOOKS for point in _plottable(result.of_kind(kind), needs_tokens=True)]
    return Chart(
        title=f"Accuracy against thinking on {result.name}",
        description=_describe(points, result.base, result.references),
        x=log2_axis(
            [mark.x for line in [*series, *published] for mark in line.marks], "mean thinking tokens (log scale)"
        ),
        y=share_axis(_heights([*series, *published], levels), ACCURACY),
        series=(*series, *published),
        levels=levels,
    )


def wait_chart(result: BenchmarkResult) -> Chart | None:
    """Accuracy against the number of Waits, with the base model as a line and the published curves."""
    waits = _plottable(result.of_kind("wait"), needs_tokens=False)
    if len(waits) < 2:
        return None
    levels = _base_level(result)
    marks = tuple(_mark(float(point.amount or 0), point, percent(point.accuracy)) for point in waits)
    look = _LOOKS["wait"]
    own = Series(look.css, marks, look.shape, "above", "fine-tuned here", has_band=True)
    series = (own, *_published_waits(result.references))
    counts = sorted({round(mark.x) for line in series for mark in line.marks})
    ticks = tuple((float(count), str(count)) for count in counts)
    return Chart(
        title=f"Accuracy against the number of Waits on {result.name}",
        description=_describe(waits, result.base, ()),
        x=Axis("times the end of thinking was suppressed", "linear", counts[0] - 0.25, counts[-1] + 0.25, ticks),
        y=share_axis(_heights(series, levels), ACCURACY),
        series=series,
        levels=levels,
    )


def parallel_chart(result: BenchmarkResult) -> Chart | None:
    """Sequential against parallel scaling: the same thinking tokens spent on Waits, on votes, or on more tries."""
    waits = _token_series(result, "wait")
    parallel = [line for kind in MADE_OF_SAMPLES for line in _token_series(result, kind)]
    tries = _tries_series(result)
    if not (parallel or tries):
        return None
    series = (*waits, *parallel, *tries)
    levels = _base_level(result)
    points = [
        point for kind in ("wait", *MADE_OF_SAMPLES) for point in _plottable(result.of_kind(kind), needs_tokens=True)
    ]
    return Chart(
        title=f"Sequential against parallel scaling on {result.name}",
        description=_describe(points, result.base, ()),
        x=log2_axis(
            [mark.x for line in series for mark in line.marks], "thinking tokens per answer, all samples (log)"
        ),
        y=share_axis(_heights(series, levels), ACCURACY),
        series=series,
        levels=levels,
    )


def _token_series(result: BenchmarkResult, kind: SettingKind) -> list[Series]:
    """Points of a kind over their thinking tokens; prompted limits that are enforced are a series of their own."""
    look = _LOOKS[kind]
    found = []
    for is_forced in (False, True):
        points = [point for point in result.of_kind(kind) if point.is_forced == is_forced]
        marks = tuple(
            _mark(point.mean_thinking_tokens or 0.0, point, _label(point, look))
            for point in _plottable(points, needs_tokens=True)
        )
        if marks:
            css, name = (f"{look.css} forced", f"{look.name}, and cut there") if is_forced else (look.css, look.name)
            has_band = look.is_joined and len(marks) > 1
            found.append(Series(css, marks, look.shape, look.labels, name, look.is_joined, has_band))
    return found


def _label(point: Point, look: _Look) -> str:
    if point.amount is not None:
        return f"{look.prefix}{point.amount:,}"
    return look.prefix or point.setting.removeprefix("class-")


def _tries_series(result: BenchmarkResult) -> list[Series]:
    """Whether one of k samples is right, over the tokens of k samples."""
    plain = next((point for point in result.of_kind("parallel", "wait") if not point.amount), None)
    if result.sampled is None or plain is None or not plain.mean_thinking_tokens:
        return []
    tokens = plain.mean_thinking_tokens
    marks = tuple(
        Mark(
            k * tokens,
            share,
            label=f"{k}",
            tip=f"one of {k} right: {percent(share)}, {k * tokens:,.1f} thinking tokens",
        )
        for k, share in result.sampled.pass_at_k
        if share is not None
    )
    return [Series("series-other", marks, "ring", "above", "n: one of n samples is right (pass@n)")] if marks else []


def _plottable(points: Sequence[Point], *, needs_tokens: bool) -> list[Point]:
    return [
        point
        for point in points
        if point.accuracy is not None and (not needs_tokens or (point.mean_thinking_tokens or 0) > 0)
    ]


def _mark(x: float, point: Point, label: str) -> Mark:
    assert point.accuracy is not None
    tokens = "" if point.mean_thinking_tokens is None else f", {point.mean_thinking_tokens:,.1f} thinking tokens"
    tip = f"{setting_words(point)}: {percent(point.accuracy)} ({percent_interval(point.interval)}){tokens}"
    interval = point.interval
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Mark(x, point.accuracy, low, high, label, tip)


def _base_level(result: BenchmarkResult) -> tuple[Level, ...]:
    base = result.base
    if base is None or base.accuracy is None:
        return ()
    low, high = (None, None) if base.interval is None else (base.interval.low, base.interval.high)
    label = f"base model {percent(base.accuracy)}"
    return (Level("series-base", base.accuracy, low, high, label, "base model, answering directly"),)


def _published_series(references: Sequence[PublishedResult]) -> list[Series]:
    """Published points whose thinking tokens are known."""
    marks = tuple(
        Mark(reference.mean_thinking_tokens, reference.accuracy, label=reference.model, tip=_reference_words(reference))
        for reference in references
        if reference.mean_thinking_tokens
    )
    return [Series("series-published", marks, "ring", "right", "published, not measured here", False)] if marks else []


def _published_levels(references: Sequence[PublishedResult]) -> tuple[Level, ...]:
    """A line for each model at the first result that is listed of it; the table under the chart has all of them."""
    settings: dict[str, list[PublishedResult]] = {}
    for reference in references:
        settings.setdefault(reference.model, []).append(reference)
    return tuple(
        Level(
            "series-published",
            rows[0].accuracy,
            label=f"{model}{f', {rows[0].setting}' if len(rows) > 1 else ''} {percent(rows[0].accuracy)}",
            name="published, not measured here",
        )
        for model, rows in settings.items()
    )


def _published_waits(references: Sequence[PublishedResult]) -> list[Series]:
    models = list(dict.fromkeys(reference.model for reference in references if reference.num_waits is not None))
    found = []
    for model in models:
        rows = [row for row in references if row.model == model and row.num_waits is not None]
        marks = [Mark(float(row.num_waits or 0), row.accuracy, tip=_reference_words(row)) for row in rows]
        marks.sort(key=lambda mark: mark.x)
        marks[-1] = replace(marks[-1], label=model)
        found.append(Series("series-published", tuple(marks), "ring", "left", "published, not measured here"))
    return found


def _reference_words(reference: PublishedResult) -> str:
    return f"{reference.model}, {reference.setting}: {percent(reference.accuracy)} ({reference.source})"


def _heights(series: Sequence[Series], levels: Sequence[Level]) -> list[float]:
    marks = [value for line in series for mark in line.marks for value in (mark.y, mark.low, mark.high)]
    lines = [value for level in levels for value in (level.y, level.low, level.high)]
    return [value for value in [*marks, *lines] if value is not None]


def _describe(points: Sequence[Point], base: Point | None, references: Sequence[PublishedResult]) -> str:
    parts = [f"{setting_words(point)}: {percent(point.accuracy)}" for point in points]
    if base is not None:
        parts.append(f"base model: {percent(base.accuracy)}")
    parts += [f"published {_reference_words(reference)}" for reference in references]
    return "; ".join(parts) + "."
