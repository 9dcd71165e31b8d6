"""Which points are compared, the correction for their number, and the gate."""

import pytest

from s1.records import Score, Verdict
from s1.scoring.comparisons import compare_all, pairs_of
from s1.scoring.figures import Statistics, benchmark_figures
from s1.scoring.gate import check_answered
from s1.scoring.points import Point, measured_points
from tests.scoring.rows import make_score


def scores(setting: str, rights: str, *, thinking: int = 10, model: str = "tuned") -> list[Score]:
    """One score for each digit: 1 is right."""
    return [
        make_score(f"q{i}", "right" if digit == "1" else "wrong", setting=setting, thinking=thinking, model=model)
        for i, digit in enumerate(rights)
    ]


def points(*groups: list[Score]) -> list[Point]:
    return measured_points([row for group in groups for row in group], forcing=[])


def test_the_pairs_are_those_that_the_module_names() -> None:
    names = ["max-64", "max-16", "max-128", "wait-4", "wait-0", "hmm-2", "tokens-64", "class-short"]
    measured = points(*(scores(name, "1") for name in names), scores("direct", "0", model="base"))
    against_base = {f"{name}_minus_base" for name in names}
    assert set(pairs_of(measured)) == against_base | {
        "wait-4_minus_wait-0",
        "max-64_minus_max-16",
        "max-128_minus_max-64",
        "max-128_minus_max-16",
        "hmm-2_minus_wait-0",
        "tokens-64_minus_wait-0",
        "class-short_minus_wait-0",
    }


def test_a_vote_is_compared_with_the_wait_count_of_most_nearly_its_tokens() -> None:
    measured = points(
        scores("wait-0", "1", thinking=100), scores("wait-2", "1", thinking=150), scores("wait-4", "1", thinking=420)
    )
    votes = points(scores("vote-2", "1", thinking=200), scores("vote-4", "1", thinking=400))
    names = set(pairs_of([*measured, *votes]))
    assert names == {
        "wait-2_minus_wait-0",
        "wait-4_minus_wait-0",
        "wait-2_minus_vote-2",
        "wait-4_minus_vote-4",
    }


def test_comparisons_carry_flips_and_are_corrected_for_their_number() -> None:
    measured = points(scores("max-8", "0000000011"), scores("max-16", "0011111101"), scores("max-32", "1111111101"))
    compared = compare_all(measured, num_resamples=200, confidence=0.95, seed=0)
    item = compared["max-16_minus_max-8"].comparison
    assert (item.num_gained, item.num_lost, item.p_value) == (6, 1, 0.125)
    # Flips 8 to 1, 6 to 1 and 2 to 0 have the p-values 0.0391, 0.125 and 0.5: times 3, 2 and 1.
    assert {name: round(pair.comparison.adjusted_p_value or 0, 4) for name, pair in compared.items()} == {
        "max-16_minus_max-8": 0.25,
        "max-32_minus_max-16": 0.5,
        "max-32_minus_max-8": 0.1172,
    }


def test_points_of_other_questions_are_refused_with_what_to_do() -> None:
    measured = points(scores("max-8", "01"), scores("max-16", "0"))
    with pytest.raises(ValueError, match=r"tuned/max-16 and tuned/max-8 were not decoded.*dvc repro"):
        compare_all(measured, num_resamples=10, confidence=0.95, seed=0)


def test_every_kind_of_point_has_a_curve_of_its_own() -> None:
    names = ["max-8", "wait-0", "tokens-16", "tokens-16-forced", "steps-2", "class-short", "vote-2", "reject-8"]
    measured = points(*(scores(name, "01") for name in names), scores("max-8", "00", model="base"))
    statistics = Statistics(num_resamples=10, confidence=0.95, seed=0)
    estimates = [statistics.accuracy(point) for point in measured]
    figures = benchmark_figures(measured, estimates, None, statistics=statistics, vote_counts=[])
    curves = figures["curve"]
    assert isinstance(curves, dict)
    assert list(curves) == [
        "budgets", "waits", "all", "tokens", "tokens_forced", "steps", "class", "votes", "rejection"
    ]  # fmt: skip


def failing(setting: str, *verdicts: Verdict) -> list[Score]:
    return [make_score(f"q{index}", verdict, setting=setting) for index, verdict in enumerate(verdicts)]


def test_a_point_with_too_many_failures_is_named_with_its_shares_and_what_to_do() -> None:
    measured = points(
        failing("max-8", "right", "cut_at_length", "cut_at_length", "no_answer"),
        failing("max-16", "right", "wrong", "looped", "right"),
    )
    with pytest.raises(ValueError, match=r"1 point has more .*max_failed_share = 0\.5") as caught:
        check_answered({"aime24": measured}, max_failed_share=0.5)
    message = str(caught.value)
    assert "aime24 tuned/max-8: 75.0% failed (no_answer 25.0%, cut_at_length 50.0%)" in message
    assert "raise generate.max_answer_tokens" in message
    assert "max-16" not in message
    assert "loops" not in message


def test_a_share_at_the_limit_passes_and_a_limit_of_one_never_fails() -> None:
    check_answered({"a": points(failing("max-8", "right", "looped"))}, max_failed_share=0.5)
    check_answered({"a": points(failing("max-8", "engine_error"))}, max_failed_share=1)


def test_what_is_made_of_samples_is_not_refused_for_what_it_rejects() -> None:
    check_answered({"a": points(failing("reject-8", "cut_at_length"))}, max_failed_share=0.5)
