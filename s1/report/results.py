"""What was measured on a benchmark: points with their uncertainty, paired differences, curves, published results.

Knows types only. ``None`` always means "not measured" and is shown so, never as zero. Accuracies and shares lie in
0..1.

Example::

    Point(setting="max-64", model="tuned", accuracy=0.41, interval=Interval(0.36, 0.46)).kind       # 'budget'
"""

from dataclasses import dataclass

from s1.metrics.curves import CurveFigures
from s1.records import BASE, TUNED
from s1.report.published import PublishedResult
from s1.setting_names import KINDS, SettingKind, parse_setting, place_of


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, bounds included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One model's result on one benchmark under one setting."""

    setting: str
    model: str
    accuracy: float | None = None
    interval: Interval | None = None
    mean_thinking_tokens: float | None = None
    """Per answer; for votes and rejection sampling those of all samples that one answer took."""
    mean_sampled_tokens: float | None = None
    """Tokens that the model decoded per answer, thinking and answer together."""
    mean_waits: float | None = None
    """Ends of thinking that were really suppressed, per answer."""
    shares: tuple[tuple[str, float | None], ...] = ()
    """Share of each end (``s1.records.ENDS``)."""
    control_per_question: float | None = None
    """Share of generations that kept to what the setting asked; None where it asked nothing."""
    num_questions: int | None = None
    num_generations: int | None = None

    @property
    def kind(self) -> SettingKind:
        """What the setting varies."""
        return parse_setting(self.setting).kind

    @property
    def amount(self) -> int | None:
        """Tokens, steps, Waits or votes that the setting asks for; None where it has no amount."""
        return parse_setting(self.setting).amount

    @property
    def is_forced(self) -> bool:
        """Whether a limit asked for in the prompt is enforced by cutting as well."""
        return parse_setting(self.setting).is_forced

    @property
    def label(self) -> str:
        """``<model>/<setting>``, as differences name their two sides."""
        return f"{self.model}/{self.setting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference of accuracies on the same questions: ``first`` minus ``second``, each ``<model>/<setting>``."""

    first: str
    second: str
    difference: float | None = None
    interval: Interval | None = None
    num_questions: int | None = None
    num_gained: float | None = None
    """Questions that ``second`` gets wrong and ``first`` right."""
    num_lost: float | None = None
    p_value: float | None = None
    p_value_holm: float | None = None
    """Corrected for all the comparisons that were made together, by Holm's method."""
    verdict: str | None = None
    """What the paired test says, in words; None: none was made."""
    num_questions_needed: int | None = None
    """Questions that would settle an unsettled comparison."""
    num_samples_needed: int | None = None
    """Samples of each of these questions that would settle it."""
    detectable_difference: float | None = None
    """The smallest difference that these questions would show."""


@dataclass(frozen=True, slots=True)
class SampledFigures:
    """What k independent samples of plain thinking are worth, by k: ``avg_at_k``, ``pass_at_k``, ``maj_at_k``."""

    avg_at_k: tuple[tuple[int, float | None], ...] = ()
    pass_at_k: tuple[tuple[int, float | None], ...] = ()
    maj_at_k: tuple[tuple[int, float | None], ...] = ()

    @property
    def counts(self) -> list[int]:
        """Every k, rising."""
        return sorted({k for figures in (self.avg_at_k, self.pass_at_k, self.maj_at_k) for k, _ in figures})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeFigures:
    """What a judge said of the answers, beside the symbolic grader."""

    num_judged: int | None
    agreement: float | None
    """Share of the answers of which both said something, on which they say the same."""
    table: tuple[tuple[str, tuple[tuple[str, int | None], ...]], ...]
    """The symbolic verdict (``right``, ``wrong``, ``cannot_tell``) and how often the judge said ``yes``, ``no``, or
    neither (``unclear``)."""

    @property
    def num_different(self) -> int:
        """Answers that one of them calls right and the other wrong."""
        counts = {row: dict(columns) for row, columns in self.table}
        return (counts.get("right", {}).get("no") or 0) + (counts.get("wrong", {}).get("yes") or 0)


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """Everything measured on one benchmark."""

    name: str
    points: tuple[Point, ...]
    differences: tuple[Difference, ...] = ()
    curves: tuple[tuple[str, CurveFigures], ...] = ()
    """By which points they are of: ``budgets``, ``waits``, ``all`` or a control."""
    sampled: SampledFigures | None = None
    judge: JudgeFigures | None = None
    """None where no judge was asked."""
    references: tuple[PublishedResult, ...] = ()
    """Published results on the same benchmark, shown beside ours and never mixed with them."""

    def of_kind(self, *kinds: SettingKind, model: str = TUNED) -> tuple[Point, ...]:
        """Points of some kinds and one model, in the order of the page: by kind and rising amount."""
        points = [point for point in self.points if point.kind in kinds and point.model == model]
        return tuple(sorted(points, key=lambda point: place_of(point.setting)))

    @property
    def base(self) -> Point | None:
        """The base model's direct answers, if they were measured."""
        return next(iter(self.of_kind("direct", model=BASE)), None)

    @property
    def in_order(self) -> tuple[Point, ...]:
        """Every point: the tuned model's by kind, then those of other models."""
        return (
            *self.of_kind(*KINDS),
            *(point for point in self.points if point.model != TUNED),
        )
