"""What a report says, before it is drawn: figures with their uncertainty, counts, costs, transcripts, facts.

Knows types only. ``None`` always means "not measured" and is shown so, never as zero. Texts in here may come from
anywhere (questions, model output) and are data: whoever draws them escapes them.

Example::

    Point(setting="max-64", kind="budget", amount=64, model="tuned", accuracy=0.41, interval=Interval(0.36, 0.46))
"""

from dataclasses import dataclass, field
from math import fsum
from typing import Literal

from s1.records import Segment

SettingKind = Literal["budget", "wait", "direct"]
"""Thinking cut at a budget, end of thinking suppressed n times, or no thinking at all."""

Verdict = Literal["right", "wrong", "no_answer", "cut"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, bounds included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """One model's result on one benchmark under one forcing setting; shares and accuracies lie in 0..1."""

    setting: str
    kind: SettingKind
    amount: int | None
    """Thinking budget in tokens, number of Waits, or None for ``direct``."""
    model: str
    accuracy: float | None = None
    interval: Interval | None = None
    mean_thinking_tokens: float | None = None
    share_cut: float | None = None
    """Share of generations cut before their answer ended."""
    share_no_answer: float | None = None
    mean_waits: float | None = None
    """Waits really appended, per generation."""
    num_generations: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of accuracies on the same questions: ``first`` minus ``second``, each ``<model>/<setting>``."""

    first: str
    second: str
    difference: float | None
    standard_error: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class CurveFigures:
    """Control, Scaling and Performance (paper section 3.2) of one curve."""

    curve: str
    """Which points: ``budgets``, ``waits`` or ``all``."""
    control: float | None
    """Share of budgets that were kept, 0..1."""
    scaling_per_doubling: float | None
    """Mean slope in accuracy points per doubling of thinking tokens."""
    scaling_per_1000_tokens: float | None
    performance: float | None
    """Highest accuracy, 0..1."""


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """Everything measured on one benchmark."""

    name: str
    points: tuple[Point, ...]
    differences: tuple[Difference, ...] = ()
    curves: tuple[CurveFigures, ...] = ()

    def of_kind(self, kind: SettingKind, *, model: str = "tuned") -> tuple[Point, ...]:
        """Points of one kind and model, by rising amount."""
        points = [point for point in self.points if point.kind == kind and point.model == model]
        return tuple(sorted(points, key=lambda point: point.amount or 0))

    @property
    def base(self) -> Point | None:
        """The base model's direct answers, if they were measured."""
        return next(iter(self.of_kind("direct", model="base")), None)


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many questions were left after one step of the curation."""

    name: str
    count: int | None
    reasons: tuple[tuple[str, int], ...] = ()
    """Reason codes of the questions that this step took out, with their counts."""
    taken: tuple[tuple[str, int], ...] = ()
    """Reason codes of the questions that this step took, where it chose."""


@dataclass(frozen=True, slots=True)
class DomainCount:
    """Questions of one domain in the hard pool and in the selection."""

    domain: str
    pool: int
    selection: int


@dataclass(frozen=True, slots=True)
class LossPoint:
    """Training loss at one optimizer step."""

    step: int
    loss: float


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage took, and what that costs."""

    stage: str
    wall_seconds: float | None
    cpu_hours: float | None
    gpu_hours: float | None
    dollars: float | None
    tokens: tuple[tuple[str, float], ...] = ()
    """Kinds of tokens that the stage counted (``thinking``, ``sampled``); they may overlap and are not added up."""


@dataclass(frozen=True, slots=True)
class CostLedger:
    """Cost by stage; the total is the sum of the parts that were measured."""

    stages: tuple[StageCost, ...] = ()
    price_note: str = ""
    """Prices used, their date and source."""

    @property
    def total(self) -> StageCost:
        """Sum of every column over the stages (tokens by kind); None where no stage has a figure."""
        tokens: dict[str, float] = {}
        for stage in self.stages:
            for kind, count in stage.tokens:
                tokens[kind] = tokens.get(kind, 0.0) + count
        return StageCost(
            stage="total",
            wall_seconds=_sum([stage.wall_seconds for stage in self.stages]),
            cpu_hours=_sum([stage.cpu_hours for stage in self.stages]),
            gpu_hours=_sum([stage.gpu_hours for stage in self.stages]),
            dollars=_sum([stage.dollars for stage in self.stages]),
            tokens=tuple(tokens.items()),
        )


def _sum(amounts: list[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return fsum(known) if known else None


@dataclass(frozen=True, slots=True)
class Transcript:
    """One generation to read in full."""

    benchmark: str
    setting: str
    model: str
    why: str
    """Why this one is shown, in words."""
    question: str
    reference: str
    answer: str | None
    verdict: Verdict
    segments: tuple[Segment, ...]
    num_thinking_tokens: int


@dataclass(frozen=True, slots=True)
class ReportContent:
    """The whole report."""

    title: str
    benchmarks: tuple[BenchmarkResult, ...]
    confidence: float = 0.95
    """Level of every interval, in 0..1."""
    num_examples: int | None = None
    """Examples that the model was fine-tuned on."""
    funnel: tuple[FunnelStep, ...] = ()
    domains: tuple[DomainCount, ...] = ()
    losses: tuple[LossPoint, ...] = ()
    training: tuple[tuple[str, float | None], ...] = ()
    """Figures of the training run, label and value."""
    costs: CostLedger = field(default_factory=CostLedger)
    transcripts: tuple[Transcript, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """What identifies the run: commit, versions, seed."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Every parameter, dotted key and value."""
