"""`score`: verdicts and figures of a handful of generations worked by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import ForcingParams, GenerateParams, ScoreParams, load_params
from s1.records import Generation, GenerationState, Question, Score, Segment, ThinkingEnd
from s1.report.reading import read_results
from tasks import score
from tasks.paths import BENCHMARKS, GENERATIONS, SCORES
from tasks.stage import StageContext

PARAMS = ScoreParams(num_resamples=500, confidence=0.95)
GENERATE = load_params(Path(__file__).parents[2] / "profiles/nano.yaml").generate
QUESTIONS = [Question.create(question=f"q{index}", solution="5", answer="5", source="test") for index in range(4)]


def make_stage(folder: Path) -> StageContext:
    return StageContext(
        "score", folder, lambda done, total, note: None, lambda name, work: work(), lambda step, figures: None
    )


def make_generation(
    index: int,
    setting: str,
    answer: str,
    *,
    thinking_tokens: int = 0,
    model: str = "tuned",
    state: GenerationState = "answered",
    sample: int = 0,
    thinking_end: ThinkingEnd = "natural",
    num_waits: int = 0,
) -> Generation:
    return Generation(
        benchmark="test",
        question_id=QUESTIONS[index].id,
        model=model,
        setting=setting,
        sample=sample,
        segments=[Segment(text=answer, token_ids=[1], forced=False, phase="answer")],
        thinking_end=thinking_end,
        num_waits=num_waits,
        state=state,
        num_thinking_tokens=thinking_tokens,
        num_sampled_tokens=thinking_tokens + 1,
    )


def curve_generations() -> list[Generation]:
    """max-8: 1 of 4 right at 8 tokens; max-32: 3 of 4 at 32; base: 1 of 4."""
    answers = {"max-8": ["5", "1", "2", "3"], "max-32": ["5", "5", "5", "3"]}
    rows = [
        make_generation(index, setting, f"Answer: {answer}", thinking_tokens=int(setting.removeprefix("max-")))
        for setting, of_setting in answers.items()
        for index, answer in enumerate(of_setting)
    ]
    return rows + [make_generation(index, "direct", f"Answer: {index + 2}", model="base") for index in range(4)]


def run(
    folder: Path,
    generations: list[Generation],
    monkeypatch: pytest.MonkeyPatch,
    *,
    params: ScoreParams = PARAMS,
    generate: GenerateParams = GENERATE,
) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    with ArtifactWriter(BENCHMARKS.parent) as artifact:
        artifact.write_jsonl(BENCHMARKS.name, QUESTIONS)
    with ArtifactWriter(GENERATIONS.parent) as artifact:
        artifact.write_jsonl(GENERATIONS.name, generations)
    return dict(score.run(make_stage(folder), generate=generate, score=params, seed=0))


def test_accuracy_and_tokens_stand_by_model_and_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = run(tmp_path, curve_generations(), monkeypatch)["test"]
    small, large = figures["tuned"]["max-8"], figures["tuned"]["max-32"]
    assert (small["accuracy"], large["accuracy"], figures["base"]["direct"]["accuracy"]) == (0.25, 0.75, 0.25)
    assert (small["mean_thinking_tokens"], large["mean_thinking_tokens"]) == (8, 32)
    assert (small["kind"], small["amount"], large["num_questions"]) == ("budget", 8, 4)
    assert large["standard_error"] == pytest.approx(0.25)
    assert large["low"] < 0.75 < large["high"]


def test_differences_are_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    differences = run(tmp_path, curve_generations(), monkeypatch)["test"]["differences"]
    assert set(differences) == {"max-32_minus_max-8", "max-8_minus_base", "max-32_minus_base"}
    entry = differences["max-32_minus_max-8"]
    assert (entry["first"], entry["second"], entry["difference"]) == ("tuned/max-32", "tuned/max-8", 0.5)
    assert entry["standard_error"] == pytest.approx((1 / 3) ** 0.5 / 2)  # differences 0, 1, 1, 0
    assert (entry["num_gained"], entry["num_lost"], entry["p_value"], entry["p_value_holm"]) == (2, 0, 0.5, 1.0)
    assert entry["verdict"] == "unsettled: about 14 questions would be needed"


def test_the_curve_has_control_scaling_and_performance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = run(tmp_path, curve_generations(), monkeypatch)["test"]["curve"]
    assert curve["budgets"] == {
        "control": 1.0,
        "scaling_per_doubling": pytest.approx(25.0),  # 50 points over two doublings
        "scaling_per_1000_tokens": pytest.approx(50 / 24 * 1000),
        "performance": 0.75,
        "fitted_per_doubling": pytest.approx(25.0),
        "median_per_doubling": pytest.approx(25.0),
    }
    assert curve["waits"]["performance"] is None


def test_wait_settings_are_compared_with_the_smallest_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        make_generation(index, setting, f"Answer: {5 if right else 4}", thinking_tokens=10)
        for setting, rights in {"wait-0": [0, 0, 1, 1], "wait-2": [1, 0, 1, 1]}.items()
        for index, right in enumerate(rights)
    ]
    differences = run(tmp_path, rows, monkeypatch)["test"]["differences"]
    assert differences["wait-2_minus_wait-0"]["difference"] == 0.25


def test_what_was_cut_is_wrong_whatever_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        make_generation(0, "direct", "Answer: 5"),
        make_generation(1, "direct", "Answer: 4"),
        make_generation(2, "direct", "five"),
        make_generation(3, "direct", "Answer: 5", state="cut_at_length"),
    ]
    figures = run(tmp_path, rows, monkeypatch)["test"]["tuned"]["direct"]
    scores = read_jsonl(SCORES, Score)
    assert [(row.verdict, row.answer, row.correct) for row in scores] == [
        ("right", "5", True),
        ("wrong", "4", False),
        ("no_answer", None, False),
        ("cut_at_length", None, False),
    ]
    shares = figures["shares"]
    assert (figures["accuracy"], shares["cut_at_length"], shares["no_answer"], shares["answered"]) == (
        0.25,
        0.25,
        0.25,
        0.5,
    )


def test_the_plot_has_one_point_per_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, curve_generations(), monkeypatch)
    points = json.loads(score.CURVE_PLOT.read_text())
    assert [(point["model"], point["setting"], point["amount"], point["accuracy"]) for point in points] == [
        ("tuned", "max-8", 8, 0.25),
        ("tuned", "max-32", 32, 0.75),
        ("base", "direct", None, 0.25),
    ]


def test_an_unknown_question_is_refused_with_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stray = make_generation(0, "direct", "Answer: 5").model_copy(update={"question_id": "feed"})
    with pytest.raises(ValueError, match="question feed of test is not in"):
        run(tmp_path, [stray], monkeypatch)


def test_settings_on_different_questions_are_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="same questions"):
        run(tmp_path, curve_generations()[1:], monkeypatch)


def test_a_question_without_reference_cannot_be_scored() -> None:
    question = Question.create(question="why?", solution="", source="test")
    generation = make_generation(0, "direct", "Answer: 5").model_copy(update={"question_id": question.id})
    with pytest.raises(ValueError, match="no reference answer"):
        score.score_generation(generation, {("test", question.id): question})


def sampled_generations() -> list[Generation]:
    """Four parallel samples of each question: 3, 2, 1 and none of them right; the last sample thinks too long."""
    return [
        make_generation(
            index,
            "parallel",
            f"Answer: {5 if sample < 3 - index else 10 + sample}",
            thinking_tokens=10 * (sample + 1),
            sample=sample,
            thinking_end="budget" if sample == 3 else "natural",
        )
        for index in range(4)
        for sample in range(4)
    ]


def test_parallel_samples_give_votes_rejection_and_the_metrics_by_k(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = PARAMS.model_copy(update={"vote_counts": [4], "rejection_budgets": [20]})
    figures = run(tmp_path, sampled_generations(), monkeypatch, params=params)["test"]
    assert figures["parallel"]["avg_at_k"] == {key: pytest.approx(6 / 16) for key in ("1", "2", "4")}
    assert figures["parallel"]["pass_at_k"]["4"] == pytest.approx(0.75)
    vote, reject = figures["tuned"]["vote-4"], figures["tuned"]["reject-20"]
    # Votes 3:1, 2:1:1, then four answers of one vote each (a quarter right), then none right.
    assert vote["accuracy"] == pytest.approx((1 + 1 + 1 / 4 + 0) / 4)
    assert figures["parallel"]["maj_at_k"]["4"] == pytest.approx(vote["accuracy"])
    assert (vote["kind"], vote["amount"], vote["mean_thinking_tokens"]) == ("vote", 4, 100)
    # Samples 0 and 1 fit: both right, both, one, none. The two others cost 20 each, 2/3 of them come first.
    assert reject["accuracy"] == pytest.approx((1 + 1 + 1 / 2 + 0) / 4)
    assert (reject["mean_tries"], reject["mean_thinking_tokens"]) == (pytest.approx(5 / 3), pytest.approx(15 + 40 / 3))
    assert set(figures["curve"]) == {"budgets", "waits", "all", "votes", "rejection"}


def test_without_parallel_samples_there_are_no_such_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, curve_generations(), monkeypatch)["test"]["parallel"] is None


def test_votes_over_more_samples_than_there_are_say_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = PARAMS.model_copy(update={"vote_counts": [2, 8]})
    with pytest.raises(
        ValueError, match=r"need 8 parallel samples of each question, test has 4: set generate\.num_par"
    ):
        run(tmp_path, sampled_generations(), monkeypatch, params=params)


def test_too_many_failures_fail_the_stage_and_leave_the_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_generation(index, "max-8", "Answer: 5", state="looped" if index else "answered") for index in range(4)]
    with pytest.raises(ValueError, match=r"test tuned/max-8: 75\.0% failed \(looped 75\.0%\)"):
        run(tmp_path, rows, monkeypatch)
    assert [row.verdict for row in read_jsonl(SCORES, Score)] == ["right", "looped", "looped", "looped"]
    allowed = PARAMS.model_copy(update={"max_failed_share": 1.0})
    assert run(tmp_path, rows, monkeypatch, params=allowed)["test"]["tuned"]["max-8"]["accuracy"] == 0.25


def test_a_setting_of_ones_own_is_held_to_its_own_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = ForcingParams(name="exact-16", min_thinking_tokens=16, max_thinking_tokens=16)
    rows = [make_generation(index, "exact-16", "Answer: 5", thinking_tokens=16 + (index == 3)) for index in range(4)]
    generate = GENERATE.model_copy(update={"settings": [exact]})
    entry = run(tmp_path, rows, monkeypatch, generate=generate)["test"]["tuned"]["exact-16"]
    assert (entry["kind"], entry["amount"], entry["control_per_question"]) == ("other", None, 0.75)


def test_a_score_keeps_what_the_figures_are_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, [make_generation(0, "wait-2", "Answer: 5", thinking_tokens=7, num_waits=2)], monkeypatch)
    [row] = read_jsonl(SCORES, Score)
    assert (row.num_thinking_tokens, row.num_sampled_tokens, row.num_waits, row.thinking_end) == (7, 8, 2, "natural")


def test_the_report_reads_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [result] = read_results(run(tmp_path, curve_generations(), monkeypatch))
    assert [(point.setting, point.accuracy) for point in result.of_kind("budget")] == [
        ("max-8", 0.25),
        ("max-32", 0.75),
    ]
    assert result.base is not None
    assert result.base.accuracy == 0.25
    assert len(result.differences) == 3
