"""The report's charts: which figures go on which axes, and what each chart says in words.

Knows results and charts; knows no HTML beyond the SVG that ``charts`` draws.

Example::

    chart = scaling_chart(result)       # accuracy against mean thinking tokens, or None where nothing was measured
"""

from collections.abc import Sequence

from s1.report.charts import Axis, Chart, Level, Mark, Series, linear_axis, log2_axis, moving_mean, share_axis
from s1.report.content import BenchmarkResult, LossPoint, Point
from s1.report.words import percent, percent_interval, setting_words

MAX_LOSS_MARKS = 600
"""More points than pixels say nothing and weigh the page down."""

SMOOTHING_STEPS = 15

ACCURACY = "questions answered right"


def scaling_chart(result: BenchmarkResult) -> Chart | None:
    """Accuracy against mean thinking tokens on a log2 axis: budgets, Waits, and the base model as a line."""
    budgets = _plottable(result.of_kind("budget"), needs_tokens=True)
    waits = _plottable(result.of_kind("wait"), needs_tokens=True)
    if not budgets and not waits:
        return None
    levels = _base_level(result)
    series = (
        Series("series-tuned", tuple(_token_mark(point, f"{point.amount:,}") for point in budgets)),
        Series("series-wait", tuple(_token_mark(point, f"W{point.amount}") for point in waits), "diamond", "right"),
    )
    return Chart(
        title=f"Accuracy against thinking on {result.name}",
        description=_describe([*budgets, *waits], result.base),
        x=log2_axis([mark.x for line in series for mark in line.marks], "mean thinking tokens (log scale)"),
        y=share_axis(_heights(series, levels), ACCURACY),
        series=tuple(line for line in series if line.marks),
        levels=levels,
    )


def wait_chart(result: BenchmarkResult) -> Chart | None:
    """Accuracy against the number of Waits, with the base model as a line."""
    waits = _plottable(result.of_kind("wait"), needs_tokens=False)
    if len(waits) < 2:
        return None
    levels = _base_level(result)
    marks = tuple(_mark(float(point.amount or 0), point, percent(point.accuracy)) for point in waits)
    series = (Series("series-wait", marks, "diamond", "above"),)
    counts = [point.amount or 0 for point in waits]
    ticks = tuple((float(count), str(count)) for count in counts)
    return Chart(
        title=f"Accuracy against the number of Waits on {result.name}",
        description=_describe(waits, result.base),
        x=Axis("times the end of thinking was suppressed", "linear", counts[0] - 0.25, counts[-1] + 0.25, ticks),
        y=share_axis(_heights(series, levels), ACCURACY),
        series=series,
        levels=levels,
    )


def loss_chart(losses: Sequence[LossPoint], *, window: int = SMOOTHING_STEPS) -> Chart | None:
    """Training loss by step: the raw values, and their mean over ``window`` steps around each."""
    if len(losses) < 2:
        return None
    means = moving_mean([point.loss for point in losses], window=window)
    stride = -(-len(losses) // MAX_LOSS_MARKS)
    kept = sorted({*range(0, len(losses), stride), len(losses) - 1})
    raw = tuple(Mark(losses[index].step, losses[index].loss) for index in kept)
    smooth = tuple(Mark(losses[index].step, means[index]) for index in kept)
    return Chart(
        title="Training loss by optimizer step",
        description=f"Over {len(losses):,} steps the loss goes from {losses[0].loss:.3f} to {losses[-1].loss:.3f} "
        f"(smoothed over {window} steps: {means[-1]:.3f}).",
        x=linear_axis([mark.x for mark in raw], "optimizer step", tight=True),
        y=linear_axis([mark.y for mark in raw], "loss (nats per target token)", from_zero=True),
        series=(Series("series-raw", raw, "none"), Series("series-tuned", smooth, "none")),
    )


def _plottable(points: Sequence[Point], *, needs_tokens: bool) -> list[Point]:
    return [
        point
        for point in points
        if point.accuracy is not None and (not needs_tokens or (point.mean_thinking_tokens or 0) > 0)
    ]


def _token_mark(point: Point, label: str) -> Mark:
    assert point.mean_thinking_tokens is not None
    return _mark(point.mean_thinking_tokens, point, label)


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
    return (Level("series-base", base.accuracy, low, high, f"base model {percent(base.accuracy)}"),)


def _heights(series: Sequence[Series], levels: Sequence[Level]) -> list[float]:
    marks = [value for line in series for mark in line.marks for value in (mark.y, mark.low, mark.high)]
    lines = [value for level in levels for value in (level.y, level.low, level.high)]
    return [value for value in [*marks, *lines] if value is not None]


def _describe(points: Sequence[Point], base: Point | None) -> str:
    parts = [f"{setting_words(point)}: {percent(point.accuracy)}" for point in points]
    if base is not None:
        parts.append(f"base model: {percent(base.accuracy)}")
    return "; ".join(parts) + "."
