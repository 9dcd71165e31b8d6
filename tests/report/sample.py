"""A small report with every part, and text that would break a page that trusts it."""

from s1.metrics.curves import CurveFigures
from s1.records import Segment
from s1.report.content import (
    CostLedger,
    DomainCount,
    FunnelStep,
    LossPoint,
    ReportContent,
    Run,
    StageCost,
    TokenPrice,
    Transcript,
)
from s1.report.results import BenchmarkResult, Difference, Interval, Point, SampledFigures

HOSTILE = "<script>alert('1')</script> \"quoted\" & <b>bold</b> </div>"


def point(
    setting: str,
    accuracy: float | None,
    tokens: float | None,
    *,
    model: str = "tuned",
    waits: float = 0.0,
    failed: float = 0.0,
) -> Point:
    """A point over 400 questions with an interval of ten points; ``failed`` of its answers were cut."""
    return Point(
        setting=setting,
        model=model,
        accuracy=accuracy,
        interval=None if accuracy is None else Interval(max(0.0, accuracy - 0.05), accuracy + 0.05),
        mean_thinking_tokens=tokens,
        mean_sampled_tokens=None if tokens is None else tokens + 10,
        mean_waits=waits,
        shares=(("answered", 1 - failed), ("no_answer", 0.0), ("cut_at_length", failed)),
        num_questions=400,
        num_generations=400,
    )


def curve(control: float | None, slope: float, performance: float) -> CurveFigures:
    """A curve whose slope is measured in one way only."""
    return CurveFigures(
        control=control,
        scaling_per_doubling=slope,
        scaling_per_1000_tokens=None,
        performance=performance,
        fitted_per_doubling=None,
        median_per_doubling=None,
    )


POINTS = (
    point("max-16", 0.2, 15.5),
    point("max-192", 0.6, 88.8, failed=0.02),
    point("wait-0", 0.61, 90.0),
    point("wait-2", 0.7, 170.0, waits=1.6),
    point("direct", 0.15, None, model="base"),
)

MORE_POINTS = (
    *POINTS,
    point("exact-64", 0.5, 64.0),
    point("tokens-128", 0.3, 140.0),
    point("tokens-128-forced", 0.25, 110.0),
    point("parallel", 0.6, 90.0),
    point("vote-4", 0.72, 360.0),
    point("reject-64", 0.4, 250.0, failed=0.3),
)
"""Points of every kind that is drawn in its own way."""

RESULT = BenchmarkResult(
    name="nano-test",
    points=POINTS,
    differences=(
        Difference(
            first="tuned/max-192",
            second="tuned/max-16",
            difference=0.4,
            interval=Interval(0.34, 0.46),
            num_questions=400,
            num_gained=180,
            num_lost=20,
            p_value=0.0002,
            verdict="better",
        ),
        Difference(
            first="tuned/wait-2",
            second="tuned/wait-0",
            difference=0.09,
            interval=Interval(0.05, 0.13),
            num_questions_needed=1234,
        ),
    ),
    curves=(("budgets", curve(1.0, 9.5, 0.6)), ("waits", curve(None, -1.5, 0.7))),
)

SAMPLED = SampledFigures(((1, 0.6), (4, 0.6)), ((1, 0.6), (4, 0.85)), ((1, 0.6), (4, 0.72)))

PRICE = TokenPrice(dollars=0.02, decoded_tokens=10_000.0)


def segment(text: str, *, forced: bool = False, phase: str = "thinking") -> Segment:
    """A segment whose token ids do not matter."""
    return Segment.model_validate({"text": text, "token_ids": [1], "forced": forced, "phase": phase})


def transcript(text: str) -> Transcript:
    """A question that Wait corrects, under two settings, all of whose texts are ``text``."""
    before = Run(
        model="tuned",
        setting="wait-0",
        flip="alone",
        against=None,
        answer=None,
        verdict="no_answer",
        segments=(segment(text), segment(text, phase="answer")),
        num_thinking_tokens=33,
    )
    after = Run(
        model="tuned",
        setting="wait-2",
        flip="gained",
        against="tuned/wait-0",
        answer=text,
        verdict="right",
        segments=(
            segment(text),
            segment("Wait", forced=True),
            segment("<|im_start|>answer", forced=True, phase="answer"),
            segment(text, phase="answer"),
        ),
        num_thinking_tokens=66,
        is_featured=True,
    )
    return Transcript(benchmark="nano-test", why="Wait did it.", question=text, reference=text, runs=(before, after))


def hostile_content(text: str = HOSTILE) -> ReportContent:
    """A whole report in which question, trace, answer, names, domain and title are ``text``."""
    result = BenchmarkResult(text, (*MORE_POINTS, point(text, 0.3, 50.0)), RESULT.differences, sampled=SAMPLED)
    return ReportContent(
        title=text,
        benchmarks=(result,),
        num_examples=1000,
        funnel=(FunnelStep("collected", 100), FunnelStep("unique", 90, ((text, 10),)), FunnelStep("hard", None)),
        domains=(DomainCount(text, pool=60, selection=3),),
        losses=(LossPoint(1, 2.0), LossPoint(2, 1.0)),
        training=(("steps", 2.0),),
        costs=CostLedger((StageCost("base", 10.0, 0.5, 0.0, 0.02), StageCost("train", None, None, None, None))),
        token_price=PRICE,
        transcripts=(transcript(text),),
        facts=(("Git commit", text),),
        identity=(("engine: kind", text),),
        parameters=(("chat.wait", text),),
    )
