"""Reads the scores (``metrics/score.json``) into the report's types; their form is told by ``tasks.score``.

Tolerant where a figure is optional (missing or null means not measured), strict where a number would be wrong: a value
of another type is refused with its key. Other stages' figures are read by ``stage_reading``.

Example::

    results = read_results(json.loads(Path("metrics/score.json").read_text()))
    results[0].points[0].accuracy
"""

from dataclasses import fields

from s1.metrics.curves import CurveFigures
from s1.records import BASE, ENDS, TUNED
from s1.report.figures import Figures, group, number, optional_text, text, whole
from s1.report.published import published_results
from s1.report.results import BenchmarkResult, Difference, Interval, JudgeFigures, Point, SampledFigures
from s1.setting_names import KINDS, parse_setting

MODELS = (TUNED, BASE)
JUDGE_ROWS = ("right", "wrong", "cannot_tell")
JUDGE_COLUMNS = ("yes", "no", "unclear")
"""What grader and judge can say, in the order of the table (``s1.judge.opinions.agreement_table``)."""


def read_results(score_metrics: Figures) -> list[BenchmarkResult]:
    """The results of every benchmark, with what was published of it.

    Raises:
        ValueError: the figures have another form (names the key).
    """
    return [_read_result(name, group(score_metrics, name)) for name in score_metrics]


def _read_result(name: str, figures: Figures) -> BenchmarkResult:
    differences, curves = group(figures, "differences"), group(figures, "curve")
    return BenchmarkResult(
        name=name,
        points=tuple(
            _read_point(model, setting, group(settings, setting))
            for model in MODELS
            for settings in [group(figures, model)]
            for setting in settings
        ),
        differences=tuple(
            sorted((_read_difference(group(differences, key)) for key in differences), key=_order_of_difference)
        ),
        curves=tuple((key, _read_curve(group(curves, key))) for key in sorted(curves, key=_order_of_curve)),
        sampled=_read_sampled(group(figures, "parallel")),
        judge=_read_judge(group(figures, "judge")),
        references=tuple(published_results(name)),
    )


def _read_point(model: str, setting: str, figures: Figures) -> Point:
    shares = group(figures, "shares")
    return Point(
        setting=setting,
        model=model,
        accuracy=number(figures, "accuracy"),
        interval=_read_interval(figures),
        mean_thinking_tokens=number(figures, "mean_thinking_tokens"),
        mean_sampled_tokens=number(figures, "mean_sampled_tokens"),
        mean_waits=number(figures, "mean_waits"),
        shares=tuple((end, number(shares, end)) for end in ENDS if end in shares),
        control_per_question=number(figures, "control_per_question"),
        num_questions=whole(figures, "num_questions"),
        num_generations=whole(figures, "num_generations"),
    )


def _read_difference(figures: Figures) -> Difference:
    return Difference(
        first=text(figures, "first"),
        second=text(figures, "second"),
        difference=number(figures, "difference"),
        interval=_read_interval(figures),
        num_questions=whole(figures, "num_questions"),
        num_gained=number(figures, "num_gained"),
        num_lost=number(figures, "num_lost"),
        p_value=number(figures, "p_value"),
        p_value_holm=number(figures, "p_value_holm"),
        verdict=optional_text(figures, "verdict"),
        num_questions_needed=whole(figures, "num_questions_needed"),
        num_samples_needed=whole(figures, "num_samples_needed"),
        detectable_difference=number(figures, "detectable_difference"),
    )


def _order_of_difference(difference: Difference) -> tuple[int, int, int, int]:
    """Settings in the order of the page, by what they are compared with; numbers by size, not by their digits."""
    first, second = (parse_setting(label.rpartition("/")[2]) for label in (difference.first, difference.second))
    return KINDS.index(first.kind), KINDS.index(second.kind), second.amount or 0, first.amount or 0


def _order_of_curve(name: str) -> tuple[int, str]:
    first = ("budgets", "waits", "all")
    return (first.index(name) if name in first else len(first), name)


def _read_curve(figures: Figures) -> CurveFigures:
    return CurveFigures(**{field.name: number(figures, field.name) for field in fields(CurveFigures)})


def _read_judge(figures: Figures) -> JudgeFigures | None:
    if not figures:
        return None
    table = group(figures, "table")
    return JudgeFigures(
        num_judged=whole(figures, "num_judged"),
        agreement=number(figures, "agreement"),
        table=tuple(
            (row, tuple((column, whole(counts, column)) for column in JUDGE_COLUMNS))
            for row in JUDGE_ROWS
            for counts in [group(table, row)]
        ),
    )


def _read_sampled(figures: Figures) -> SampledFigures | None:
    def by_count(key: str) -> tuple[tuple[int, float | None], ...]:
        counted = group(figures, key)
        return tuple((count, number(counted, str(count))) for count in sorted(int(name) for name in counted))

    sampled = SampledFigures(by_count("avg_at_k"), by_count("pass_at_k"), by_count("maj_at_k"))
    return sampled if sampled.counts else None


def _read_interval(figures: Figures) -> Interval | None:
    low, high = number(figures, "low"), number(figures, "high")
    return None if low is None or high is None else Interval(low, high)
