"""The result in sentences: what the report says above its first chart.

Knows results and words; says only what was measured, and never picks the best of several points.

Example::

    summarize(content)[0]       # 'On nano-test the model fine-tuned on 1,000 examples answers …'
"""

from collections.abc import Sequence

from s1.not_run import WORDS
from s1.report.content import ReportContent
from s1.report.results import BenchmarkResult, Point
from s1.report.words import percent, points, points_interval


def summarize(content: ReportContent) -> list[str]:
    """The result in sentences, one paragraph per benchmark; what was selected, where nothing was trained."""
    if "train" in content.not_run:
        return [_summarize_selection(content)]
    return [_summarize_benchmark(result, content) for result in content.benchmarks]


def _summarize_selection(content: ReportContent) -> str:
    stages = content.not_run
    left_out = stages[0] if len(stages) == 1 else f"{', '.join(stages[:-1])} and {stages[-1]}"
    verb = "is" if len(stages) == 1 else "are"
    end = f"{left_out[0].upper()}{left_out[1:]} {verb} {WORDS}."
    collected = content.funnel[0].count if content.funnel else None
    if collected is None or content.num_examples is None:
        return end
    return f"Of {collected:,} collected questions {content.num_examples:,} were selected to be trained on. {end}"


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
        named = (difference.first, difference.second) == (first.label, second.label)
        if named and difference.interval is not None:
            return f": {points(difference.difference)} points, interval {points_interval(difference.interval)}"
    return ""


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
