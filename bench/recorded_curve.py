"""The scaling curve of s1.1-32B, from recorded responses under budgets of 500 to 8,000 thinking tokens.

Counts thinking tokens with the model's tokenizer, grades, and works the curve's figures out with the project's own
statistics. Knows nothing of where the recordings lie (``bench.agreement``).

Example::

    print_curve({500: samples}, baseline=others, tokenizer=Path("tokenizer/qwen2.5"), image=None)
"""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.recorded import Sample
from s1.grading import extract_answer, grade
from s1.metrics.curves import CurvePoint, Limits, curve_figures
from s1.metrics.estimates import Estimate, estimate_mean
from s1.metrics.paired import compare_outcomes, mean_outcomes
from s1.report.axes import log2_axis, share_axis
from s1.report.charts import Chart, Level, Mark, Series
from s1.report.image import draw_image

_NUM_RESAMPLES = 10_000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class BudgetPoint:
    """One budget: what was thought and what was right, question by question."""

    budget: int
    thinking_tokens: tuple[int, ...]
    outcomes: dict[str, tuple[float, ...]]
    """Right (1) or not (0) by question."""

    @property
    def estimate(self) -> Estimate:
        """Accuracy with its interval."""
        return estimate_outcomes(self.outcomes)


def print_curve(
    samples: Mapping[int, Sequence[Sample]], *, baseline: Sequence[Sample], tokenizer: Path, image: Path | None
) -> None:
    """Print the curve, its figures and the paired differences between budgets; draw it where ``image`` says."""
    count = load_counter(tokenizer)
    points = [_point(budget, rows, count) for budget, rows in samples.items()]
    before = estimate_outcomes(_outcomes(baseline))
    shown = f"s1.1-32B on Global-MMLU ({len(baseline):,} questions)"
    print(f"\n| {shown} | mean thinking tokens | within the budget | accuracy |")
    print("|---|---:|---:|---:|")
    print(f"| Qwen2.5-32B-Instruct, no thinking | 0 | | {_show(before)} |")
    for point in points:
        within = fmean(tokens <= point.budget for tokens in point.thinking_tokens)
        tokens = fmean(point.thinking_tokens)
        print(f"| budget {point.budget:,} | {tokens:,.0f} | {within:.1%} | {_show(point.estimate)} |")
    _print_figures(points)
    if image is not None:
        image.write_text(draw_image(_chart(points, before)) + "\n", encoding="utf-8")
        print(f"\nwritten: {image}")


def _print_figures(points: Sequence[BudgetPoint]) -> None:
    figures = curve_figures(
        [
            CurvePoint(
                thinking_tokens=fmean(point.thinking_tokens),
                accuracy=point.estimate.value,
                limits=Limits(high=point.budget),
            )
            for point in points
        ]
    )
    slope = figures.scaling_per_doubling
    print("\n| the curve | figure |\n|---|---:|")
    print(f"| Control: budgets that the mean thinking keeps to | {_percent(figures.control)} |")
    print(f"| Scaling: points per doubling of tokens, mean over pairs | {_points(slope)} |")
    print(f"| the same by least squares | {_points(figures.fitted_per_doubling)} |")
    print(f"| Scaling: points per 1,000 thinking tokens | {_points(figures.scaling_per_1000_tokens)} |")
    print(f"| Performance: best point | {_percent(figures.performance)} |")
    print(
        "\n| compared on the same questions | gained | lost | difference | p | verdict |\n|---|---:|---:|---:|---:|---|"
    )
    for point in points[1:]:
        pair = compare_outcomes(
            point.outcomes, points[0].outcomes, num_resamples=_NUM_RESAMPLES, confidence=_CONFIDENCE, seed=0
        )
        name = f"budget {point.budget:,} minus {points[0].budget:,}"
        found = pair.difference
        shown = f"{found.value:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"
        print(f"| {name} | {pair.num_gained} | {pair.num_lost} | {shown} | {pair.p_value:.2f} | {pair.verdict} |")


def load_counter(folder: Path) -> Callable[[str], int]:
    """Counts tokens with the tokenizer in a folder (``tokenizer.json``, gzipped or not)."""
    from tokenizers import Tokenizer

    plain = folder / "tokenizer.json"
    text = (
        plain.read_text("utf-8")
        if plain.is_file()
        else gzip.decompress((folder / "tokenizer.json.gz").read_bytes()).decode()
    )
    tokenizer = Tokenizer.from_str(text)
    return lambda words: len(tokenizer.encode(words).ids)


def _point(budget: int, samples: Sequence[Sample], count: Callable[[str], int]) -> BudgetPoint:
    return BudgetPoint(budget, tuple(count(sample.thinking.strip()) for sample in samples), _outcomes(samples))


def _outcomes(samples: Sequence[Sample]) -> dict[str, tuple[float, ...]]:
    return {sample.question.id: (float(_is_right(sample)),) for sample in samples}


def _is_right(sample: Sample) -> bool:
    if sample.response is None:
        return False
    return grade(extract_answer(sample.response, kind="choice"), sample.question) is True


def estimate_outcomes(outcomes: Mapping[str, tuple[float, ...]]) -> Estimate:
    """Accuracy over questions with its interval."""
    values = list(mean_outcomes(outcomes).values())
    estimate = estimate_mean(values, num_resamples=_NUM_RESAMPLES, confidence=_CONFIDENCE, seed=0)
    assert estimate is not None, "the recordings hold questions"
    return estimate


def _show(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.1%}"


def _points(slope: float | None) -> str:
    return "undefined" if slope is None else f"{slope:+.2f}"


def _chart(points: Sequence[BudgetPoint], before: Estimate) -> Chart:
    marks = tuple(
        Mark(
            fmean(point.thinking_tokens),
            point.estimate.value,
            low=point.estimate.low,
            high=point.estimate.high,
            label=f"{point.budget:,}",
        )
        for point in points
    )
    bounds = [bound for mark in marks for bound in (mark.low or mark.y, mark.high or mark.y)]
    return Chart(
        title="s1.1-32B on Global-MMLU under five budgets",
        description="Accuracy against mean thinking tokens, with 95% intervals; recorded responses, graded here.",
        x=log2_axis([mark.x for mark in marks], "thinking tokens per question (mean)"),
        y=share_axis([*bounds, before.low, before.high], "right"),
        series=(Series("tuned", marks, name="s1.1-32B, budgets as labelled"),),
        levels=(Level("base", before.value, before.low, before.high, name="Qwen2.5-32B-Instruct, no thinking"),),
    )
