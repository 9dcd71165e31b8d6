"""The report's first sentences say what was measured, and no more."""

from dataclasses import replace

from s1.report.content import FunnelStep, ReportContent
from s1.report.results import BenchmarkResult, Point
from s1.report.summary import summarize
from tests.report.sample import POINTS, RESULT


def test_the_summary_carries_the_figures_and_their_intervals() -> None:
    [text] = summarize(ReportContent("t", (RESULT,), num_examples=1000))
    assert text == (
        "On nano-test the model fine-tuned on 1,000 examples answers 20.0% of the questions right when its thinking is "
        "cut at 16 tokens, and 60.0% with at most 192 (on average it uses 89): +40.0 points, interval +34.0 to +46.0. "
        "The base model, answering directly, gets 15.0%. Suppressing the end of its thinking twice, with “Wait” "
        "appended, raises accuracy from 61.0% to 70.0%: +9.0 points, interval +5.0 to +13.0."
    )


def test_a_loss_of_accuracy_is_told_as_one() -> None:
    worse = replace(POINTS[3], accuracy=0.5)
    [text] = summarize(ReportContent("t", (BenchmarkResult("b", (POINTS[2], worse)),)))
    assert "lowers accuracy from 61.0% to 50.0%." in text


def test_the_wait_sentence_takes_the_judged_count_not_the_best_one() -> None:
    lucky = Point(setting="wait-4", model="tuned", accuracy=0.9)
    [text] = summarize(ReportContent("t", (replace(RESULT, points=(*POINTS, lucky)),)))
    assert "twice" in text
    assert "90.0%" not in text


def test_a_benchmark_without_figures_says_so() -> None:
    assert summarize(ReportContent("t", (BenchmarkResult("b", ()),))) == ["Nothing was measured on b."]


def test_where_nothing_was_trained_the_selection_is_the_result() -> None:
    left_out = ("train", "generate", "score")
    content = ReportContent(
        "t", (), not_run=left_out, num_examples=1000, funnel=(FunnelStep("collected", 117_000), FunnelStep("unique", 9))
    )
    assert summarize(content) == [
        "Of 117,000 collected questions 1,000 were selected to be trained on. Train, generate and score are not run in "
        "this profile."
    ]
    assert summarize(ReportContent("t", (), not_run=left_out)) == [
        "Train, generate and score are not run in this profile."
    ]
