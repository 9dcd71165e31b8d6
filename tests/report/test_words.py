"""The report says what was measured, and no more."""

from s1.report.results import Difference, Interval, Point
from s1.report.words import (
    amount,
    describe_setting,
    dollars,
    duration,
    exact_dollars,
    figure,
    hours,
    name_run,
    p_value,
    percent,
    points,
    shares_words,
    verdict,
)
from tests.report.sample import POINTS


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


def test_a_price_of_a_token_keeps_two_digits_however_small() -> None:
    assert [exact_dollars(value) for value in (0.00000314, 0.5, 12.345, 0.0)] == [
        "$0.0000031", "$0.50", "$12.35", "$0.00",
    ]  # fmt: skip
    assert exact_dollars(None) == "not measured"


def test_probabilities_say_no_more_than_is_known() -> None:
    assert [p_value(value) for value in (0.0001, 0.0312, 0.5, None)] == ["<0.001", "0.031", "0.50", "not measured"]


def test_without_a_test_a_difference_is_called_one_only_where_its_interval_leaves_out_zero() -> None:
    def judge(low: float, high: float) -> str:
        interval = Interval(low, high)
        return verdict(Difference(first="tuned/wait-2", second="tuned/wait-0", difference=0.0, interval=interval))

    assert judge(0.01, 0.05) == "better: Wait × 2"
    assert judge(-0.05, -0.01) == "worse: Wait × 2"
    assert judge(-0.01, 0.05) == judge(0.0, 0.05) == "no difference shown: the interval contains zero"
    assert verdict(Difference(first="tuned/wait-2", second="base/direct", difference=0.1)) == "not measured"


def test_the_verdict_of_a_test_stands_as_it_is() -> None:
    tested = Difference(first="tuned/a", second="tuned/b", interval=Interval(0.1, 0.2), verdict="unsettled: as many")
    assert verdict(tested) == "unsettled: as many"


def test_how_answers_ended_is_told_where_it_happened() -> None:
    assert shares_words(POINTS[1]) == "answered 98.0%, answer cut (answer limit) 2.0%"
    assert shares_words(Point(setting="max-16", model="tuned")) == "not measured"


def test_runs_are_named_for_readers() -> None:
    assert [name_run(label) for label in ("tuned/wait-2", "tuned/max-64", "base/direct")] == [
        "Wait × 2", "at most 64 tokens", "base model, answers directly",
    ]  # fmt: skip


def test_settings_of_every_kind_are_named_for_readers() -> None:
    names = ("vote-8", "reject-2000", "tokens-1024-forced", "steps-16", "class-short", "parallel", "exact-64")
    assert [describe_setting(name) for name in names] == [
        "majority of 8",
        "first within 2,000 tokens",
        "asked for 1,024 tokens, cut there",
        "asked for 16 steps",
        "asked to think short",
        "plain thinking, parallel samples",
        "exact-64",
    ]
