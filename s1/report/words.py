"""Figures as words: how numbers are written, and what the report says about them.

Knows how to say a figure honestly: what was not measured is called so, and a difference is only called one where its
interval leaves out zero. Knows no HTML.

Example::

    percent(0.4125)         # '41.2%'
    points(-0.031)          # '−3.1'
"""

from collections.abc import Sequence

from s1.report.content import BenchmarkResult, Difference, Interval, Point, ReportContent
from s1.report.reading import split_setting

NOT_MEASURED = "not measured"
SMALLEST_SHOWN = 0.0001


def percent(share: float | None, *, digits: int = 1) -> str:
    """A share in 0..1 as a percentage."""
    return NOT_MEASURED if share is None else f"{100 * share:.{digits}f}%"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, always signed."""
    return NOT_MEASURED if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def percent_interval(interval: Interval | None) -> str:
    """An interval of shares, ``36.4 to 46.1%``."""
    return NOT_MEASURED if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}%"


def points_interval(interval: Interval | None) -> str:
    """An interval of differences in percentage points, ``+1.2 to +8.4``."""
    return NOT_MEASURED if interval is None else f"{points(interval.low)} to {points(interval.high)}"


def slope(value: float | None) -> str:
    """A signed slope in accuracy points, two digits."""
    return NOT_MEASURED if value is None else f"{value:+,.2f}".replace("-", "−")


def amount(value: float | None, *, digits: int = 0) -> str:
    """A quantity with thousands separators."""
    return NOT_MEASURED if value is None else f"{value:,.{digits}f}"


def figure(value: float | None) -> str:
    """A number of unknown kind: whole ones in full, others to four significant digits."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def duration(seconds: float | None) -> str:
    """A wall-clock time: ``41 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return NOT_MEASURED
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def dollars(value: float | None) -> str:
    """An amount of money: cents, four digits below a dollar, and never zero for what is not."""
    if value is None:
        return NOT_MEASURED
    if 0 < value < SMALLEST_SHOWN:
        return f"<${SMALLEST_SHOWN}"
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def hours(value: float | None) -> str:
    """Machine hours to four digits, and never zero for what is not."""
    if value is None:
        return NOT_MEASURED
    if 0 < value < SMALLEST_SHOWN:
        return f"<{SMALLEST_SHOWN}"
    return f"{value:,.1f}" if value >= 100 else "0" if value == 0 else f"{value:.4f}"


def setting_words(point: Point) -> str:
    """A forcing setting for readers."""
    return describe_setting(point.kind, point.amount)


def name_run(label: str) -> str:
    """``<model>/<setting>`` for readers: ``Wait × 2``, ``base model``."""
    model, _, setting = label.rpartition("/")
    words = describe_setting(*split_setting(setting))
    return words if model == "tuned" else f"{model} model, {words}"


def describe_setting(kind: str, number: int | None) -> str:
    """``at most 64 tokens``, ``Wait × 2``, ``answers directly``."""
    if kind == "budget":
        return f"at most {number:,} tokens"
    return f"Wait × {number}" if kind == "wait" else "answers directly"


def verdict(difference: Difference) -> str:
    """What a paired difference shows, read off its interval."""
    interval = difference.interval
    if difference.difference is None or interval is None:
        return NOT_MEASURED
    if interval.low > 0:
        return f"better: {name_run(difference.first)}"
    if interval.high < 0:
        return f"worse: {name_run(difference.first)}"
    return "no difference shown: the interval contains zero"


def summarize(content: ReportContent) -> list[str]:
    """The result in sentences, one paragraph per benchmark."""
    return [_summarize_benchmark(result, content) for result in content.benchmarks]


def _summarize_benchmark(result: BenchmarkResult, content: ReportContent) -> str:
    trained = "" if content.num_examples is None else f" on {content.num_examples:,} examples"
    sentences = [_budget_sentence(result, trained), _base_sentence(result), _wait_sentence(result)]
    text = " ".join(sentence for sentence in sentences if sentence)
    return text or f"Nothing was measured on {result.name}."


def _budget_sentence(result: BenchmarkResult, trained: str) -> str:
    measured = [point for point in result.of_kind("budget") if point.accuracy is not None]
    if not measured:
        return ""
    first, last = measured[0], measured[-1]
    if first is last:
        return (
            f"On {result.name} the model fine-tuned{trained} answers {percent(first.accuracy)} of the questions right "
            f"with at most {first.amount:,} thinking tokens."
        )
    return (
        f"On {result.name} the model fine-tuned{trained} answers {percent(first.accuracy)} of the questions right when "
        f"its thinking is cut at {first.amount:,} tokens, and {percent(last.accuracy)} with at most {last.amount:,}"
        f"{_tokens_clause(last)}{_judged(result, last, first)}."
    )


def _tokens_clause(point: Point) -> str:
    if point.mean_thinking_tokens is None:
        return ""
    return f" (on average it uses {point.mean_thinking_tokens:,.0f})"


def _judged(result: BenchmarkResult, first: Point, second: Point) -> str:
    """The paired difference of two points as a clause, where it was measured."""
    for difference in result.differences:
        named = (difference.first, difference.second) == (_label(first), _label(second))
        if named and difference.interval is not None:
            return f": {points(difference.difference)} points, interval {points_interval(difference.interval)}"
    return ""


def _label(point: Point) -> str:
    return f"{point.model}/{point.setting}"


def _base_sentence(result: BenchmarkResult) -> str:
    base = result.base
    if base is None or base.accuracy is None:
        return ""
    return f"The base model, answering directly, gets {percent(base.accuracy)}."


def _wait_sentence(result: BenchmarkResult) -> str:
    waits: Sequence[Point] = [point for point in result.of_kind("wait") if point.accuracy is not None]
    if len(waits) < 2:
        return ""
    plain = waits[0]
    judged = [point for point in waits[1:] if _judged(result, point, plain)]
    shown = judged[-1] if judged else waits[-1]  # never the best one: that would flatter
    assert plain.accuracy is not None and shown.accuracy is not None
    times = {1: "once", 2: "twice"}.get(shown.amount or 0, f"{shown.amount} times")
    if shown.accuracy == plain.accuracy:
        change = f"leaves accuracy at {percent(plain.accuracy)}"
    else:
        verb = "raises" if shown.accuracy > plain.accuracy else "lowers"
        change = f"{verb} accuracy from {percent(plain.accuracy)} to {percent(shown.accuracy)}"
    return (
        f"Suppressing the end of its thinking {times}, with “Wait” appended, {change}{_judged(result, shown, plain)}."
    )
