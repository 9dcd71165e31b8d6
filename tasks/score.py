"""Generations -> scores: extraction, verdicts, and the statistics of every setting.

Knows the grader, the statistics and where artifacts lie; runs no model. ``metrics/score.json`` holds::

    {"<benchmark>": {
        "tuned": {"max-64": {"kind": "budget", "amount": 64, "accuracy": 0.41, "standard_error": 0.02, "low": 0.36,
                             "high": 0.46, "interval": "bootstrap", "num_questions": 400, "mean_thinking_tokens": 61.3,
                             "mean_sampled_tokens": 66.0, "mean_waits": 0.0, "shares": {"answered": 0.99, ...},
                             "control_per_question": 1.0, "num_generations": 400},
                  "vote-4": {...}, "reject-64": {..., "mean_tries": 2.5, "share_accepted": 0.9}},
        "base": {"direct": {...}},
        "parallel": {"avg_at_k": {"1": 0.4, ...}, "pass_at_k": {...}, "maj_at_k": {...}},
        "differences": {"wait-2_minus_wait-0": {"first": "tuned/wait-2", "second": "tuned/wait-0", "difference": 0.03,
                                                "standard_error": 0.01, "low": 0.01, "high": 0.05,
                                                "interval": "bootstrap", "num_questions": 400, "num_gained": 14,
                                                "num_lost": 2, "p_value": 0.004, "p_value_holm": 0.03,
                                                "test": "exact McNemar", "verdict": "better",
                                                "num_questions_needed": 340, "num_samples_needed": null,
                                                "detectable_difference": 0.028}, ...},
        "curve": {"budgets": {"control": 1.0, "scaling_per_doubling": 9.1, "scaling_per_1000_tokens": 120.0,
                              "performance": 0.71, "fitted_per_doubling": 8.8, "median_per_doubling": 9.0},
                  "waits": {...}, "all": {...}, "tokens": {...}, ...},
        "judge": {"num_judged": 400, "agreement": 0.99, "table": {"right": {"yes": 300, "no": 2, "unclear": 0}, ...}}}}

``judge`` is there where ``score.judge`` names one.

Accuracies and shares lie in 0..1, scaling is in accuracy points; an undefined figure is null.

Example::

    metrics = run(stage, generate=params.generate, score=params.score, seed=params.seed)
    metrics["nano-test"]["tuned"]["max-64"]["accuracy"]         # 0.41
"""

from collections.abc import Mapping

from s1.artifacts import ArtifactWriter, iterate_jsonl, read_jsonl
from s1.config import GenerateParams, ScoreParams
from s1.grading import extract_answer, grade, reference_answer
from s1.metrics.estimates import Estimate
from s1.records import Generation, Question, Score, Verdict
from s1.scoring.figures import Statistics, benchmark_figures
from s1.scoring.gate import check_answered
from s1.scoring.points import Point, measured_points
from s1.scoring.sampled import Samples, collect_samples, rejection_points, vote_points
from tasks.judging import Judging, judge_generations
from tasks.paths import BENCHMARKS, GENERATIONS, JUDGE_NOTES, PLOTS_FOLDER, SCORES
from tasks.plots import write_plot
from tasks.stage import Metrics, StageContext

CURVE_PLOT = PLOTS_FOLDER / "score" / "curve.json"
"""Points of the scaling curve for ``dvc plots``."""

_Questions = Mapping[tuple[str, str], Question]


def run(stage: StageContext, *, generate: GenerateParams, score: ScoreParams, seed: int) -> Metrics:
    """Grade every generation and work out the figures of every benchmark.

    Raises:
        ValueError: a generation cannot be graded, or too many of a point's have no gradable answer.
    """
    questions = {(question.source, question.id): question for question in read_jsonl(BENCHMARKS, Question)}
    judging = Judging()
    if score.judge is not None:
        judging = judge_generations(stage, judge=score.judge, questions=questions)
    scores = [
        score_generation(
            generation, questions, opinion=judging.agrees(generation), was_judged=judging.was_asked(generation)
        )
        for generation in iterate_jsonl(GENERATIONS, Generation)
    ]
    stage.progress(len(scores), len(scores), "generations graded")
    # Verdicts are kept even where the figures are refused: they show what went wrong.
    with ArtifactWriter(SCORES.parent) as artifact:
        artifact.write_jsonl(SCORES.name, scores)
        if score.judge is not None:
            artifact.write_jsonl(JUDGE_NOTES.name, judging.notes)
    statistics = Statistics(score.num_resamples, score.confidence, seed)
    rows: dict[str, list[Score]] = {}
    for item in scores:
        rows.setdefault(item.benchmark, []).append(item)
    measured = {name: measured_points(of_name, forcing=generate.settings) for name, of_name in rows.items()}
    check_answered(measured, max_failed_share=score.max_failed_share)
    metrics: Metrics = {}
    plot: list[Metrics] = []
    for name, points in measured.items():
        samples = _samples(rows[name], questions, score)
        shown = [*points, *_derive(samples, score)]
        estimates = [statistics.accuracy(point) for point in shown]
        figures = benchmark_figures(shown, estimates, samples, statistics=statistics, vote_counts=score.vote_counts)
        metrics[name] = {**figures, "judge": judging.figures[name]} if name in judging.figures else figures
        plot.extend(_plot_row(name, point, estimate) for point, estimate in zip(shown, estimates, strict=True))
        stage.progress(len(metrics), len(measured), "benchmarks compared")
    write_plot(CURVE_PLOT, plot)
    return metrics


def score_generation(
    generation: Generation, questions: _Questions, *, opinion: bool | None = None, was_judged: bool = False
) -> Score:
    """Grade one generation.

    Args:
        questions: benchmark items by benchmark and id.
        opinion: the judge's; decides where the symbolic grader cannot tell (prose), and only there.
        was_judged: the judge was asked; where it is unclear then, prose counts as no answer.

    Raises:
        ValueError: the question is unknown, or cannot be graded (no reference answer, or one in prose).
    """
    name = f"question {generation.question_id} of {generation.benchmark}"
    question = questions.get((generation.benchmark, generation.question_id))
    if question is None:
        raise ValueError(f"{name} is not in {BENCHMARKS}; run `dvc repro generate`, its generations are of other data")
    answer, correct = _grade(generation, question, opinion=opinion, was_judged=was_judged)
    reference = reference_answer(question)
    if correct is None or reference is None:
        raise ValueError(
            f"{name} cannot be graded: it has no reference answer (remove it or add one), or one in prose (name a "
            "judge in score.judge)"
        )
    return Score(
        benchmark=generation.benchmark,
        question_id=generation.question_id,
        model=generation.model,
        setting=generation.setting,
        sample=generation.sample,
        answer=answer,
        reference=reference,
        correct=correct,
        verdict=_verdict(generation, answer=answer, correct=correct),
        num_thinking_tokens=generation.num_thinking_tokens,
        num_sampled_tokens=generation.num_sampled_tokens,
        num_waits=generation.num_waits,
        thinking_end=generation.thinking_end,
    )


def _grade(
    generation: Generation, question: Question, *, opinion: bool | None, was_judged: bool
) -> tuple[str | None, bool | None]:
    """The answer and whether it is right; None for what nobody can tell."""
    answered = generation.state == "answered"
    # What was cut has no final answer, whatever its text may look like.
    answer = extract_answer(generation.answer_text, kind=question.answer_kind) if answered else None
    correct = grade(answer, question)
    if correct is None and (was_judged or opinion is not None or not answered):
        answer = generation.answer_text.strip() or None if answered and opinion is not None else None
        correct = opinion is True and answer is not None
    return answer, correct


def _verdict(generation: Generation, *, answer: str | None, correct: bool) -> Verdict:
    if generation.state != "answered":
        return generation.state
    if answer is None:
        return "no_answer"
    return "right" if correct else "wrong"


def _samples(rows: list[Score], questions: _Questions, score: ScoreParams) -> Samples | None:
    """The parallel samples of one benchmark, enough of them for what is asked.

    Raises:
        ValueError: votes or rejection sampling are asked for without the samples that they need.
    """
    benchmark = rows[0].benchmark
    samples = collect_samples(
        rows, {key: question for (source, key), question in questions.items() if source == benchmark}
    )
    wanted = score.num_parallel_needed
    found = 0 if samples is None else samples.num_samples
    if found < wanted:
        raise ValueError(
            f"score.vote_counts {score.vote_counts} and rejection_budgets {score.rejection_budgets} need {wanted} "
            f"parallel samples of each question, {benchmark} has {found}: set generate.num_parallel to {wanted} or "
            "more (with a temperature above 0), or ask for fewer"
        )
    return samples


def _derive(samples: Samples | None, score: ScoreParams) -> list[Point]:
    if samples is None:
        return []
    return [*vote_points(samples, score.vote_counts), *rejection_points(samples, score.rejection_budgets)]


def _plot_row(benchmark: str, point: Point, estimate: Estimate) -> Metrics:
    return {
        "benchmark": benchmark,
        "model": point.model,
        "setting": point.setting,
        "kind": point.name.kind,
        "amount": point.name.amount,
        "thinking_tokens": point.mean_thinking_tokens,
        "accuracy": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
    }
