"""Generations -> scores: extraction, verdicts, and the statistics of every setting.

Knows the grader, the statistics and where artifacts lie; runs no model. ``metrics/score.json`` holds::

    {"<benchmark>": {
        "tuned": {"max-64": {"budget": 64, "accuracy": 0.41, "standard_error": 0.02, "low": 0.36, "high": 0.46,
                             "mean_thinking_tokens": 61.3, "mean_waits": 0.0, "share_cut": 0.0,
                             "share_no_answer": 0.01, "num_questions": 400, "num_generations": 400},
                  "wait-2": {"wait_count": 2, ...}},
        "base": {"direct": {...}},
        "differences": {"wait-2_minus_wait-0": {"first": "tuned/wait-2", "second": "tuned/wait-0",
                                                "difference": 0.03, "standard_error": 0.01, "low": 0.01,
                                                "high": 0.05, "num_questions": 400}, ...},
        "curve": {"budgets": {"control": 1.0, "scaling_per_doubling": 9.1, "scaling_per_1000_tokens": 120.0,
                              "performance": 0.71}, "waits": {...}, "all": {...}}}}

Accuracies and shares lie in 0..1, scaling is in accuracy points; an undefined figure is null.

Example::

    metrics = run(stage, score=params.score, seed=params.seed)
    metrics["nano-test"]["tuned"]["max-64"]["accuracy"]         # 0.41
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from s1.artifacts import ArtifactWriter, iterate_jsonl, read_jsonl
from s1.config import ScoreParams
from s1.grading import extract_answer, grade, reference_answer
from s1.metrics import CurvePoint, Estimate, curve_figures, estimate_difference, estimate_mean
from s1.records import Generation, Question, Score
from tasks.paths import BENCHMARKS, GENERATIONS, PLOTS_FOLDER, SCORES
from tasks.plots import write_plot
from tasks.stage import Metrics, StageContext

CURVE_PLOT = PLOTS_FOLDER / "score" / "curve.json"
"""Points of the scaling curve for ``dvc plots``."""


@dataclass(frozen=True, slots=True)
class Point:
    """Everything scored of one model under one setting of one benchmark."""

    model: str
    setting: str
    scores: tuple[Score, ...]
    mean_waits: float
    """Waits really appended, per generation."""

    @property
    def budget(self) -> int | None:
        """The maximum of a setting ``max-<budget>``."""
        return _number_after("max-", self.setting)

    @property
    def wait_count(self) -> int | None:
        """The number of Waits asked for by a setting ``wait-<n>``."""
        return _number_after("wait-", self.setting)

    @property
    def mean_thinking_tokens(self) -> float:
        """Thinking tokens per generation."""
        return fmean(row.num_thinking_tokens for row in self.scores)

    def accuracy_by_question(self) -> dict[str, float]:
        """Share of right samples of each question, by question id in order."""
        samples: dict[str, list[bool]] = {}
        for row in sorted(self.scores, key=lambda row: row.question_id):
            samples.setdefault(row.question_id, []).append(row.correct)
        return {question_id: fmean(rows) for question_id, rows in samples.items()}


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made."""

    num_resamples: int
    confidence: float
    seed: int

    def mean(self, point: Point) -> Estimate:
        """Accuracy of a point."""
        values = list(point.accuracy_by_question().values())
        estimate = estimate_mean(values, num_resamples=self.num_resamples, confidence=self.confidence, seed=self.seed)
        assert estimate is not None, "a point has scores"
        return estimate

    def difference(self, first: Point, second: Point) -> Estimate:
        """Accuracy of ``first`` minus that of ``second`` on the same questions."""
        ones, others = first.accuracy_by_question(), second.accuracy_by_question()
        if ones.keys() != others.keys():
            raise ValueError(
                f"{first.setting} and {second.setting} were not decoded on the same questions ({len(ones)} and "
                f"{len(others)}); remove {GENERATIONS.parent} and run `dvc repro`"
            )
        estimate = estimate_difference(
            list(ones.values()),
            list(others.values()),
            num_resamples=self.num_resamples,
            confidence=self.confidence,
            seed=self.seed,
        )
        assert estimate is not None, "a point has scores"
        return estimate


def run(stage: StageContext, *, score: ScoreParams, seed: int) -> Metrics:
    """Grade every generation and work out the figures of every benchmark."""
    questions = {(question.source, question.id): question for question in read_jsonl(BENCHMARKS, Question)}
    scores: list[Score] = []
    waits: dict[tuple[str, str, str], list[int]] = {}
    for generation in iterate_jsonl(GENERATIONS, Generation):
        scores.append(score_generation(generation, questions))
        waits.setdefault((generation.benchmark, generation.model, generation.setting), []).append(generation.num_waits)
    stage.progress(len(scores), len(scores), "generations graded")
    resampling = Resampling(score.num_resamples, score.confidence, seed)
    metrics: Metrics = {}
    rows: list[Metrics] = []
    for benchmark, points in _group(scores, waits).items():
        estimates = {(point.model, point.setting): resampling.mean(point) for point in points}
        metrics[benchmark] = {
            **_settings(points, estimates),
            "differences": _differences(points, resampling),
            "curve": _curves(points, estimates),
        }
        rows.extend(_plot_row(benchmark, point, estimates[point.model, point.setting]) for point in points)
    with ArtifactWriter(SCORES.parent) as artifact:
        artifact.write_jsonl(SCORES.name, scores)
    write_plot(CURVE_PLOT, rows)
    return metrics


def score_generation(generation: Generation, questions: Mapping[tuple[str, str], Question]) -> Score:
    """Grade one generation.

    Args:
        questions: benchmark items by benchmark and id.

    Raises:
        ValueError: the question is unknown, or cannot be graded (no reference answer, or one in prose).
    """
    name = f"question {generation.question_id} of {generation.benchmark}"
    question = questions.get((generation.benchmark, generation.question_id))
    if question is None:
        raise ValueError(f"{name} is not in {BENCHMARKS}; run `dvc repro generate`, its generations are of other data")
    answered = generation.state == "answered"
    # What was cut has no final answer, whatever its text may look like.
    answer = extract_answer(generation.answer_text) if answered else None
    correct = grade(answer, question)
    reference = reference_answer(question)
    if correct is None or reference is None:
        raise ValueError(f"{name} cannot be graded: it has no reference answer, or one in prose; remove it or add one")
    return Score(
        benchmark=generation.benchmark,
        question_id=generation.question_id,
        model=generation.model,
        setting=generation.setting,
        sample=generation.sample,
        answer=answer,
        reference=reference,
        correct=correct,
        verdict="cut" if not answered else "no_answer" if answer is None else "right" if correct else "wrong",
        num_thinking_tokens=generation.num_thinking_tokens,
    )


def _group(scores: Sequence[Score], waits: Mapping[tuple[str, str, str], Sequence[int]]) -> dict[str, list[Point]]:
    groups: dict[tuple[str, str, str], list[Score]] = {}
    for row in scores:
        groups.setdefault((row.benchmark, row.model, row.setting), []).append(row)
    points: dict[str, list[Point]] = {}
    for (benchmark, model, setting), rows in groups.items():
        point = Point(model, setting, tuple(rows), fmean(waits[benchmark, model, setting]))
        points.setdefault(benchmark, []).append(point)
    return points


def _settings(points: Sequence[Point], estimates: Mapping[tuple[str, str], Estimate]) -> Metrics:
    models: dict[str, Metrics] = {}
    for point in points:
        asked = {"budget": point.budget, "wait_count": point.wait_count}
        models.setdefault(point.model, {})[point.setting] = {
            **{name: number for name, number in asked.items() if number is not None},
            **_estimate_entry("accuracy", estimates[point.model, point.setting]),
            "mean_thinking_tokens": point.mean_thinking_tokens,
            "mean_waits": point.mean_waits,
            "share_cut": fmean(row.verdict == "cut" for row in point.scores),
            "share_no_answer": fmean(row.verdict == "no_answer" for row in point.scores),
            "num_generations": len(point.scores),
        }
    return {**models}


def _estimate_entry(name: str, estimate: Estimate) -> Metrics:
    return {
        name: estimate.value,
        "standard_error": estimate.standard_error,
        "low": estimate.low,
        "high": estimate.high,
        "num_questions": estimate.num_questions,
    }


def _differences(points: Sequence[Point], resampling: Resampling) -> Metrics:
    """Every Wait count against the smallest, the largest budget against the smallest, and against the base model."""
    budgets = sorted((point for point in points if point.budget is not None), key=lambda point: point.budget or 0)
    waits = sorted((point for point in points if point.wait_count is not None), key=lambda point: point.wait_count or 0)
    base = [point for point in points if point.model == "base"]
    pairs = {f"{point.setting}_minus_{waits[0].setting}": (point, waits[0]) for point in waits[1:]}
    if len(budgets) > 1:
        pairs[f"{budgets[-1].setting}_minus_{budgets[0].setting}"] = (budgets[-1], budgets[0])
    if budgets and base:
        pairs[f"{budgets[-1].setting}_minus_base"] = (budgets[-1], base[0])
    return {
        name: {
            "first": f"{first.model}/{first.setting}",
            "second": f"{second.model}/{second.setting}",
            **_estimate_entry("difference", resampling.difference(first, second)),
        }
        for name, (first, second) in pairs.items()
    }


def _curves(points: Sequence[Point], estimates: Mapping[tuple[str, str], Estimate]) -> Metrics:
    """Control, Scaling and Performance over the budgets, over the Wait counts, and over both."""
    kinds = {
        "budgets": [point for point in points if point.budget is not None],
        "waits": [point for point in points if point.wait_count is not None],
        "all": [point for point in points if point.budget is not None or point.wait_count is not None],
    }
    return {
        kind: asdict(
            curve_figures(
                [
                    CurvePoint(
                        thinking_tokens=point.mean_thinking_tokens,
                        accuracy=estimates[point.model, point.setting].value,
                        max_tokens=point.budget,
                    )
                    for point in of_kind
                ]
            )
        )
        for kind, of_kind in kinds.items()
    }


def _plot_row(benchmark: str, point: Point, estimate: Estimate) -> Metrics:
    return {
        "benchmark": benchmark,
        "model": point.model,
        "setting": point.setting,
        "budget": point.budget,
        "num_waits": point.wait_count,
        "thinking_tokens": point.mean_thinking_tokens,
        "accuracy": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
    }


def _number_after(prefix: str, setting: str) -> int | None:
    return int(setting.removeprefix(prefix)) if setting.startswith(prefix) else None
