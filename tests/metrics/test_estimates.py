"""Means and differences with their intervals, against values worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1.metrics.estimates import MetricError, estimate_difference, estimate_mean, wilson_interval


def test_mean_and_standard_error_of_three_right_of_four() -> None:
    estimate = estimate_mean([1, 0, 1, 1], confidence=0.95, num_resamples=4000, seed=0)
    assert estimate is not None
    assert estimate.value == 0.75
    assert estimate.standard_error == pytest.approx(0.25)  # sd = 0.5 with n - 1, over the root of 4
    assert estimate.num_questions == 4


def test_the_bootstrap_interval_has_the_quantiles_of_the_binomial() -> None:
    estimate = estimate_mean([1.0] * 5 + [0.0] * 5, confidence=0.95, num_resamples=4000, seed=0)
    assert estimate is not None
    # Binomial(10, 1/2): P(X <= 1) = 1.07%, P(X <= 2) = 5.5%, so the 2.5% quantile is 2.
    assert (estimate.low, estimate.high, estimate.interval_kind) == (0.2, 0.8, "bootstrap")


def test_the_same_seed_gives_the_same_interval_and_chunks_change_nothing_in_size() -> None:
    values = np.random.default_rng(1).random(3000).tolist()
    first = estimate_mean(values, confidence=0.9, num_resamples=4000, seed=0)
    assert first == estimate_mean(values, confidence=0.9, num_resamples=4000, seed=0)
    assert first is not None
    assert first.standard_error is not None
    assert first.high - first.low == pytest.approx(2 * 1.645 * first.standard_error, rel=0.05)


def test_no_question_is_undefined_and_one_has_no_standard_error() -> None:
    assert estimate_mean([], confidence=0.95, num_resamples=10, seed=0) is None
    assert estimate_difference([], [], confidence=0.95, num_resamples=10, seed=0) is None
    single = estimate_mean([1.0], confidence=0.95, num_resamples=10, seed=0)
    assert single is not None
    assert single.standard_error is None


@pytest.mark.parametrize(("right", "low", "high"), [(0.0, 0.0, 0.1135), (1.0, 0.8865, 1.0)])
def test_none_or_all_of_thirty_leave_room_for_doubt(right: float, low: float, high: float) -> None:
    estimate = estimate_mean([right] * 30, confidence=0.95, num_resamples=100, seed=0)
    assert estimate is not None
    # Wilson at 0 of n is z^2 / (n + z^2) = 3.8415 / 33.8415.
    assert (round(estimate.low, 4), round(estimate.high, 4), estimate.interval_kind) == (low, high, "widened")


def test_the_wilson_interval_of_a_half_is_the_textbooks() -> None:
    low, high = wilson_interval(5, 10, confidence=0.95)
    assert (round(low, 4), round(high, 4)) == (0.2366, 0.7634)


def test_a_paired_difference_uses_the_pairs() -> None:
    estimate = estimate_difference([1, 1, 0, 1], [0, 1, 0, 0], confidence=0.95, num_resamples=4000, seed=0)
    assert estimate is not None
    assert estimate.value == 0.5
    assert estimate.standard_error == pytest.approx(math.sqrt(1 / 3) / 2)


def test_no_flip_among_thirty_is_no_proof_of_no_difference() -> None:
    estimate = estimate_difference([1.0] * 30, [1.0] * 30, confidence=0.95, num_resamples=100, seed=0)
    assert estimate is not None
    # Agresti and Min: half a question in each cell of the flips, so the root of 1 over 32, times 1.96.
    assert (estimate.value, round(estimate.low, 4), round(estimate.high, 4)) == (0.0, -0.0612, 0.0612)


def test_many_flips_have_the_plain_bootstrap() -> None:
    ones, others = [1.0] * 10 + [0.0] * 10, [0.0] * 10 + [1.0] * 10
    estimate = estimate_difference(ones, others, confidence=0.95, num_resamples=20_000, seed=0)
    assert estimate is not None
    # Twenty coins: P(15 heads or more) = 2.07%, P(14 or more) = 5.77%, so the 97.5% quantile is 14 - 6 of 20.
    assert (estimate.interval_kind, estimate.value) == ("bootstrap", 0)
    assert estimate.low == pytest.approx(-0.4)
    assert estimate.high == pytest.approx(0.4)


def test_unpaired_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions"):
        estimate_difference([1], [1, 0], confidence=0.95, num_resamples=10, seed=0)


def test_a_question_worth_more_than_one_is_refused_with_advice() -> None:
    with pytest.raises(MetricError, match=r"value is 2.0, outside 0 to 1.*dvc repro"):
        estimate_mean([0.5, 2.0], confidence=0.95, num_resamples=10, seed=0)


@pytest.mark.parametrize(("share", "num_samples"), [(0.02, 1), (0.4, 1), (0.4, 4)])
def test_nineteen_of_twenty_intervals_of_thirty_questions_hold_the_truth(share: float, num_samples: int) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        # How hard a question is varies over questions; its samples vary around that.
        hardness = rng.beta(share, 1 - share, size=30)
        values = (rng.binomial(num_samples, hardness) / num_samples).tolist()
        estimate = estimate_mean(values, confidence=0.95, num_resamples=500, seed=0)
        assert estimate is not None
        held += estimate.low <= share <= estimate.high
    assert held >= 0.93 * 400


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_an_interval_holds_its_mean_and_stays_in_range(values: list[float]) -> None:
    estimate = estimate_mean(values, confidence=0.95, num_resamples=200, seed=0)
    assert estimate is not None
    assert -1e-9 <= estimate.low <= estimate.high <= 1 + 1e-9
    assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9
