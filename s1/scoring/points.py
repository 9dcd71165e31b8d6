"""What was measured of one model under one setting of one benchmark.

Knows scores and what settings asked; draws no intervals (``s1.scoring.figures``) and compares nothing.

Example::

    points = measured_points(scores, forcing=params.generate.settings)
    points[0].setting, points[0].shares["answered"]     # ('max-64', 0.98)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from s1.config import ForcingParams
from s1.metrics.curves import Limits
from s1.metrics.paired import Outcomes, mean_outcomes, outcomes_of
from s1.records import ENDS, TUNED, Score, Verdict
from s1.scoring.limits import limits_of
from s1.setting_names import PARALLEL, SettingName, parse_setting, setting_name

_NO_THINKING: tuple[Verdict, ...] = ("cut_at_context", "engine_error")
"""What never got to think, and so says nothing about control."""
_PLAIN = (setting_name("wait", 0), PARALLEL)
"""Settings of thinking that nothing controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting of one model, with everything that figures are made of."""

    model: str
    setting: str
    outcomes: Outcomes
    """Question -> worth of each sample, 0 to 1."""
    mean_thinking_tokens: float
    """Per answer; for votes and rejection sampling those of all samples that one answer took."""
    mean_sampled_tokens: float
    """Tokens that the model decoded per answer, both phases."""
    mean_waits: float
    """Ends of thinking that were really suppressed, per generation."""
    shares: Mapping[str, float]
    """Share of generations by how they ended (``ENDS``); adds up to 1."""
    num_generations: int
    limits: Limits | None = None
    """What was asked of the thinking."""
    controlled_tokens: float | None = None
    """Mean thinking tokens held against the limits; None: ``mean_thinking_tokens``."""
    control_per_question: float | None = None
    """Share of generations that kept to the limits; None where nothing was asked."""
    details: Mapping[str, float] = field(default_factory=dict)
    """Further figures that only this kind of point has."""

    @property
    def name(self) -> SettingName:
        """Kind and amount of the setting."""
        return parse_setting(self.setting)

    @property
    def label(self) -> str:
        """Model and setting."""
        return f"{self.model}/{self.setting}"

    def accuracies(self) -> list[float]:
        """Mean worth of the samples of each question, by question in order."""
        return list(mean_outcomes(self.outcomes).values())


def measured_points(rows: Iterable[Score], *, forcing: Sequence[ForcingParams]) -> list[Point]:
    """The points of one benchmark, in the order in which their first scores come.

    Raises:
        ValueError: a question has two scores of one sample under one setting.
    """
    groups: dict[tuple[str, str], list[Score]] = {}
    for row in rows:
        groups.setdefault((row.model, row.setting), []).append(row)
    default = next((groups[TUNED, name] for name in _PLAIN if (TUNED, name) in groups), None)
    return [_measure(group, default=default, forcing=forcing) for group in groups.values()]


def share_of_ends(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Share of each end; right and wrong are both answered."""
    ends = ["answered" if verdict in ("right", "wrong") else verdict for verdict in verdicts]
    return {end: ends.count(end) / len(ends) for end in ENDS}


def _measure(rows: Sequence[Score], *, default: Sequence[Score] | None, forcing: Sequence[ForcingParams]) -> Point:
    model, setting = rows[0].model, rows[0].setting
    mean_tokens = fmean(row.num_thinking_tokens for row in rows)
    default_tokens = fmean(row.num_thinking_tokens for row in default) if default else None
    return Point(
        model=model,
        setting=setting,
        outcomes=outcomes_of(rows),
        mean_thinking_tokens=mean_tokens,
        mean_sampled_tokens=fmean(row.num_sampled_tokens for row in rows),
        mean_waits=fmean(row.num_waits for row in rows),
        shares=share_of_ends([row.verdict for row in rows]),
        num_generations=len(rows),
        limits=limits_of(setting, forcing=forcing, default_tokens=default_tokens),
        control_per_question=_control(rows, default=default or (), forcing=forcing),
    )


def _control(rows: Sequence[Score], *, default: Sequence[Score], forcing: Sequence[ForcingParams]) -> float | None:
    """Share of generations that kept to their limits; short and long are meant against the same question's own."""
    uncontrolled: dict[str, list[int]] = {}
    for row in default:
        uncontrolled.setdefault(row.question_id, []).append(row.num_thinking_tokens)
    kept = []
    for row in rows:
        tokens = uncontrolled.get(row.question_id)
        limits = limits_of(row.setting, forcing=forcing, default_tokens=fmean(tokens) if tokens else None)
        if limits is not None and row.verdict not in _NO_THINKING:
            kept.append(limits.hold(row.num_thinking_tokens))
    return sum(kept) / len(kept) if kept else None
