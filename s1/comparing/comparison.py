"""Two runs side by side: what differs in how they were made, every point they share, and where their tokens part.

Points are compared on the questions that both runs have. A change is read from the first run to the second: gained
means wrong in the first and right in the second. Knows records; reads no file and draws no table.

Example::

    comparison = compare_runs(first, second, agreements, num_resamples=10_000, confidence=0.95, seed=0)
    comparison.points[0].paired.verdict             # 'unsettled: about 310 questions would be needed'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from s1.comparing.differences import Difference, differences
from s1.comparing.divergence import Agreement, Place
from s1.comparing.identity import RunIdentity
from s1.metrics.paired import PairedComparison, compare_outcomes, holm, mean_outcomes, outcomes_of
from s1.records import Score


class ComparisonError(ValueError):
    """Two runs share nothing that could be compared; the message says what each has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecords:
    """What is known of one run."""

    label: str
    identity: RunIdentity | None
    """None where the run did not record what it was made with."""
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointComparison:
    """One point in both runs."""

    place: Place
    first_accuracy: float
    second_accuracy: float
    first_tokens: float
    """Mean thinking tokens."""
    second_tokens: float
    num_questions: int
    """Questions that both have."""
    num_left_out: int
    """Questions that only one of them has."""
    paired: PairedComparison
    """The second against the first."""
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """Two runs side by side."""

    first: str
    second: str
    differences: list[Difference]
    unrecorded: list[str]
    """Runs that did not record what they were made with."""
    points: list[PointComparison]


def compare_runs(
    first: RunRecords,
    second: RunRecords,
    agreements: Mapping[Place, Agreement],
    *,
    num_resamples: int,
    confidence: float,
    seed: int,
    benchmark: str | None = None,
    setting: str | None = None,
) -> RunComparison:
    """Compare every point that both runs have, or those of one benchmark or setting.

    Args:
        agreements: where the tokens of each point part (``pair_up``).

    Raises:
        ComparisonError: there is none.
    """
    firsts, seconds = _by_place(first.scores), _by_place(second.scores)
    compare = partial(_compare_point, num_resamples=num_resamples, confidence=confidence, seed=seed)
    points = []
    for place in firsts:
        if place in seconds and benchmark in (None, place[0]) and setting in (None, place[2]):
            point = compare(place, firsts[place], seconds[place], agreements.get(place, Agreement(())))
            points += [] if point is None else [point]
    if not points:
        raise ComparisonError(_explain_nothing(first, second, benchmark=benchmark, setting=setting))
    return RunComparison(
        first=first.label,
        second=second.label,
        differences=differences(first.identity, second.identity) if first.identity and second.identity else [],
        unrecorded=[run.label for run in (first, second) if run.identity is None],
        points=_correct_together(points),
    )


def _by_place(scores: Sequence[Score]) -> dict[Place, list[Score]]:
    places: dict[Place, list[Score]] = {}
    for row in scores:
        places.setdefault((row.benchmark, row.model, row.setting), []).append(row)
    return places


def _compare_point(
    place: Place,
    first: Sequence[Score],
    second: Sequence[Score],
    agreement: Agreement,
    *,
    num_resamples: int,
    confidence: float,
    seed: int,
) -> PointComparison | None:
    """None where the two have no question in common."""
    asked, also_asked = {row.question_id for row in first}, {row.question_id for row in second}
    shared = asked & also_asked
    if not shared:
        return None
    ones = [row for row in first if row.question_id in shared]
    others = [row for row in second if row.question_id in shared]
    before, after = outcomes_of(ones), outcomes_of(others)
    paired = compare_outcomes(after, before, num_resamples=num_resamples, confidence=confidence, seed=seed)
    return PointComparison(
        place=place,
        first_accuracy=fmean(mean_outcomes(before).values()),
        second_accuracy=fmean(mean_outcomes(after).values()),
        first_tokens=fmean(row.num_thinking_tokens for row in ones),
        second_tokens=fmean(row.num_thinking_tokens for row in others),
        num_questions=len(shared),
        num_left_out=len(asked ^ also_asked),
        paired=paired,
        agreement=agreement,
    )


def _correct_together(points: Sequence[PointComparison]) -> list[PointComparison]:
    """Many points that are compared at once: some differ by chance alone."""
    corrected = holm({str(index): point.paired for index, point in enumerate(points)})
    return [replace(point, paired=corrected[str(index)]) for index, point in enumerate(points)]


def _explain_nothing(first: RunRecords, second: RunRecords, *, benchmark: str | None, setting: str | None) -> str:
    asked = " and ".join(name for name in (benchmark, setting) if name is not None)
    has = "; ".join(
        f"{run.label} has " + (", ".join(sorted({f"{row.benchmark}/{row.setting}" for row in run.scores})) or "nothing")
        for run in (first, second)
    )
    return f"the runs have no point in common{f' under {asked}' if asked else ''}: {has}"
