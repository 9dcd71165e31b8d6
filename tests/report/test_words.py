"""The report says what was measured, and no more."""

from dataclasses import replace

from s1.report.content import BenchmarkResult, Difference, Interval, Point, ReportContent
from s1.report.words import amount, dollars, duration, figure, hours, name_run, percent, points, summarize, verdict
from tests.report.sample import POINTS, RESULT


def test_what_was_not_measured_is_never_written_as_zero() -> None:
    assert percent(None) == points(None) == amount(None) == dollars(None) == duration(None) == "not measured"
    assert figure(None) == "not measured"


def test_zero_that_was_measured_is_written_as_zero() -> None:
    assert (percent(0.0), points(0.0), amount(0.0), dollars(0.0), duration(0.0)) == (
        "0.0%", "+0.0", "0", "$0.00", "0.0 s",
    )  # fmt: skip


def test_durations_carry_units() -> None:
    assert [duration(seconds) for seconds in (41.4, 185.0, 7800.0)] == ["41 s", "3 min 05 s", "2 h 10 min"]


def test_small_amounts_of_money_keep_digits_that_say_something() -> None:
    assert [dollars(value) for value in (0.0123, 12.5, 1234.5)] == ["$0.0123", "$12.50", "$1,234.50"]
    assert [hours(value) for value in (0.0, 0.0123, 394.0)] == ["0", "0.0123", "394.0"]


def test_little_is_not_written_as_nothing() -> None:
    assert (dollars(0.00001), hours(0.00001)) == ("<$0.0001", "<0.0001")


def test_a_difference_is_called_one_only_where_its_interval_leaves_out_zero() -> None:
    def judge(low: float, high: float) -> str:
        return verdict(Difference("tuned/wait-2", "tuned/wait-0", (low + high) / 2, 0.01, Interval(low, high)))

    assert judge(0.01, 0.05) == "better: Wait × 2"
    assert judge(-0.05, -0.01) == "worse: Wait × 2"
    assert judge(-0.01, 0.05) == judge(0.0, 0.05) == "no difference shown: the interval contains zero"
    assert verdict(Difference("tuned/wait-2", "base/direct", 0.1, None, None)) == "not measured"


def test_runs_are_named_for_readers() -> None:
    assert [name_run(label) for label in ("tuned/wait-2", "tuned/max-64", "base/direct")] == [
        "Wait × 2", "at most 64 tokens", "base model, answers directly",
    ]  # fmt: skip


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
    lucky = Point("wait-4", "wait", 4, "tuned", 0.9)
    [text] = summarize(ReportContent("t", (replace(RESULT, points=(*POINTS, lucky)),)))
    assert "twice" in text
    assert "90.0%" not in text


def test_a_benchmark_without_figures_says_so() -> None:
    assert summarize(ReportContent("t", (BenchmarkResult("b", ()),))) == ["Nothing was measured on b."]
