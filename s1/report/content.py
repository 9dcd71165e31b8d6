"""What a report says, before it is drawn: results, counts, costs, transcripts, facts.

Knows types only; what was measured on a benchmark is in ``results``. ``None`` always means "not measured" and is shown
so, never as zero. Texts in here may come from anywhere (questions, model output) and are data: whoever draws them
escapes them.

Example::

    ReportContent(title="s1 nano", benchmarks=(result,), num_examples=1000)
"""

from dataclasses import dataclass, field
from math import fsum
from typing import Literal

from s1.records import Segment, Verdict
from s1.report.funnels import Funnel
from s1.report.pool import PoolContent
from s1.report.results import BenchmarkResult

Flip = Literal["gained", "lost", "same", "alone"]
"""Wrong before and right now, right before and wrong now, neither, or nothing to compare with."""


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
    not_run: bool = False
    """The profile leaves the stage out, so it has no figures."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One generation to read in full."""

    model: str
    setting: str
    flip: Flip
    against: str | None
    """What the flip compares with, ``<model>/<setting>``; None where it is ``alone``."""
    answer: str | None
    verdict: Verdict
    segments: tuple[Segment, ...]
    num_thinking_tokens: int
    is_featured: bool = False
    """The one that the question was chosen for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One benchmark question with all its settings, to read in full."""

    benchmark: str
    why: str
    """Why this one is shown, in words."""
    question: str
    reference: str
    runs: tuple[Run, ...]

    @property
    def featured(self) -> Run:
        """The run that the question was chosen for."""
        return next((run for run in self.runs if run.is_featured), self.runs[0])


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """What one decoded token cost the stage that decoded: its measured dollars over the tokens it counted."""

    dollars: float
    """The whole stage, at the prices of the day."""
    decoded_tokens: float
    """What settings share was decoded, and is counted, once."""

    @property
    def per_token(self) -> float:
        """Dollars per decoded token, loading and prefill of the stage included."""
        return self.dollars / self.decoded_tokens


@dataclass(frozen=True, slots=True)
class ReportContent:
    """The whole report."""

    title: str
    benchmarks: tuple[BenchmarkResult, ...]
    not_run: tuple[str, ...] = ()
    """Stages that the profile leaves out, in order."""
    confidence: float = 0.95
    """Level of every interval, in 0..1."""
    num_examples: int | None = None
    """Examples that the model was fine-tuned on."""
    funnel: tuple[FunnelStep, ...] = ()
    funnels: tuple[Funnel, ...] = ()
    """The same in both orders, ours and the paper's, with the paper's figures beside it."""
    pool: PoolContent = field(default_factory=PoolContent)
    """By file, source, benchmark and selection."""
    domains: tuple[DomainCount, ...] = ()
    losses: tuple[LossPoint, ...] = ()
    training: tuple[tuple[str, float | None], ...] = ()
    """Figures of the training run, label and value."""
    costs: CostLedger = field(default_factory=CostLedger)
    token_price: TokenPrice | None = None
    """None where the decoding stage's dollars or tokens were not measured."""
    transcripts: tuple[Transcript, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """What identifies the run: commit, versions, seed."""
    identity: tuple[tuple[str, str], ...] = ()
    """What scores of two runs must share to be comparable, as decoding recorded it."""
    warnings: tuple[str, ...] = ()
    """Why figures of this page may not be comparable with each other."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Every parameter, dotted key and value."""
