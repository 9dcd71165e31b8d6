"""A small report with every part, and text that would break a page that trusts it."""

from s1.records import Segment
from s1.report.content import (
    BenchmarkResult,
    CostLedger,
    CurveFigures,
    Difference,
    DomainCount,
    FunnelStep,
    Interval,
    LossPoint,
    Point,
    ReportContent,
    StageCost,
    Transcript,
)

HOSTILE = "<script>alert('1')</script> \"quoted\" & <b>bold</b> </div>"

POINTS = (
    Point("max-16", "budget", 16, "tuned", 0.2, Interval(0.15, 0.25), 15.5, 0.0, 0.0, 0.0, 400),
    Point("max-192", "budget", 192, "tuned", 0.6, Interval(0.55, 0.65), 88.8, 0.01, 0.02, 0.0, 400),
    Point("wait-0", "wait", 0, "tuned", 0.61, Interval(0.56, 0.66), 90.4, 0.0, 0.0, 0.0, 400),
    Point("wait-2", "wait", 2, "tuned", 0.7, Interval(0.65, 0.75), 170.0, 0.0, 0.0, 0.0, 400),
    Point("direct", "direct", None, "base", 0.15, Interval(0.12, 0.18), None, 0.0, 0.0, 0.0, 400),
)

RESULT = BenchmarkResult(
    name="nano-test",
    points=POINTS,
    differences=(
        Difference("tuned/max-192", "tuned/max-16", 0.4, 0.03, Interval(0.34, 0.46)),
        Difference("tuned/wait-2", "tuned/wait-0", 0.09, 0.02, Interval(0.05, 0.13)),
    ),
    curves=(CurveFigures("budgets", 1.0, 9.5, None, 0.6), CurveFigures("waits", None, -1.5, None, 0.7)),
)


def segment(text: str, *, forced: bool = False, phase: str = "thinking") -> Segment:
    """A segment whose token ids do not matter."""
    return Segment.model_validate({"text": text, "token_ids": [1], "forced": forced, "phase": phase})


def hostile_content(text: str = HOSTILE) -> ReportContent:
    """A whole report in which question, trace, answer, names, domain and title are ``text``."""
    transcript = Transcript(
        benchmark="nano-test",
        setting="wait-2",
        model="tuned",
        why="Wait corrected it.",
        question=text,
        reference=text,
        answer=text,
        verdict="right",
        segments=(
            segment(text),
            segment("Wait", forced=True),
            segment("<|im_start|>answer", forced=True, phase="answer"),
            segment(text, phase="answer"),
        ),
        num_thinking_tokens=66,
    )
    return ReportContent(
        title=text,
        benchmarks=(BenchmarkResult(name=text, points=POINTS, differences=RESULT.differences),),
        num_examples=1000,
        funnel=(FunnelStep("collected", 100), FunnelStep("unique", 90, ((text, 10),)), FunnelStep("hard", None)),
        domains=(DomainCount(text, pool=60, selection=3),),
        losses=(LossPoint(1, 2.0), LossPoint(2, 1.0)),
        training=(("steps", 2.0),),
        costs=CostLedger((StageCost("base", 10.0, 0.5, 0.0, 0.02), StageCost("train", None, None, None, None))),
        transcripts=(transcript,),
        facts=(("Git commit", text),),
        parameters=(("chat.wait", text),),
    )
