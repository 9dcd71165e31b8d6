"""Statistics against values worked by hand and against the paper's tables."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from s1.metrics import CurvePoint, curve_figures, estimate_difference, estimate_mean, mean_slope


def curve(tokens: Sequence[float], percent: Sequence[float]) -> list[CurvePoint]:
    return [CurvePoint(thinking_tokens=x, accuracy=y / 100) for x, y in zip(tokens, percent, strict=True)]


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
    assert (estimate.low, estimate.high) == (0.2, 0.8)


def test_the_same_seed_gives_the_same_interval_and_chunks_change_nothing_in_size() -> None:
    values = np.random.default_rng(1).random(3000).tolist()
    first = estimate_mean(values, confidence=0.9, num_resamples=4000, seed=0)
    assert first == estimate_mean(values, confidence=0.9, num_resamples=4000, seed=0)
    assert first is not None
    assert first.standard_error is not None
    assert first.high - first.low == pytest.approx(2 * 1.645 * first.standard_error, rel=0.05)


def test_no_question_is_undefined_and_one_has_no_standard_error() -> None:
    assert estimate_mean([], confidence=0.95, num_resamples=4000, seed=0) is None
    single = estimate_mean([1.0], confidence=0.95, num_resamples=4000, seed=0)
    assert single is not None
    assert single.standard_error is None


def test_a_paired_difference_uses_the_pairs() -> None:
    estimate = estimate_difference([1, 1, 0, 1], [0, 1, 0, 0], confidence=0.95, num_resamples=4000, seed=0)
    assert estimate is not None
    assert estimate.value == 0.5
    assert estimate.standard_error == pytest.approx(math.sqrt(1 / 3) / 2)


def test_a_constant_difference_is_certain() -> None:
    estimate = estimate_difference([1, 1, 1], [0, 0, 0], confidence=0.95, num_resamples=4000, seed=0)
    assert estimate is not None
    assert (estimate.low, estimate.value, estimate.high, estimate.standard_error) == (1, 1, 1, 0)


def test_unpaired_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions"):
        estimate_difference([1], [1, 0], confidence=0.95, num_resamples=4000, seed=0)


# Paper, Tables 12 to 14 (AIME24, percent as printed), against the Scaling column of Table 3 (13, 3, 6, 25 points).
TCC = ([7939, 7158, 8263, 7108, 7500], [8 / 0.3, 9 / 0.3, 10 / 0.3, 10 / 0.3, 12 / 0.3])
TCC_FORCED = ([1024, 2048, 4031, 5664, 6330], [3.3, 30.0, 33.3, 33.3, 40.0])
SCC = ([7252, 6277, 5396, 5552, 7551], [33.3, 23.3, 33.3, 36.7, 33.3])
SCC_FORCED = ([1517, 2963, 4636, 5409, 7551], [23.3, 23.3, 33.3, 36.7, 33.3])
CCC = ([8033, 9651], [30.0, 36.7])


@pytest.mark.parametrize(
    ("table", "per_doubling", "per_1000"),
    [
        (TCC, -23.8, -4.8),  # with accuracies as exact n of 30: Table 3's -24; with the printed ones -23.5
        (TCC_FORCED, 13.2, 6.7),
        (SCC, 3.0, 0.6),
        (SCC_FORCED, 6.4, 2.5),
        (CCC, 25.3, 4.1),
    ],
)
def test_scaling_is_the_papers(
    table: tuple[Sequence[float], Sequence[float]], per_doubling: float, per_1000: float
) -> None:
    figures = curve_figures(curve(*table))
    assert figures.scaling_per_doubling is not None
    assert figures.scaling_per_1000_tokens is not None
    assert round(figures.scaling_per_doubling, 1) == per_doubling
    assert round(figures.scaling_per_1000_tokens, 1) == per_1000


def test_control_of_token_conditional_control_is_the_papers() -> None:
    limits = [1024, 2048, 4096, 8192, 16384]
    runs = zip(TCC[0], limits, strict=True)
    points = [CurvePoint(thinking_tokens=tokens, accuracy=0, max_tokens=limit) for tokens, limit in runs]
    assert curve_figures(points).control == 0.4


def test_performance_is_the_best_accuracy() -> None:
    assert curve_figures(curve(*TCC)).performance == pytest.approx(0.4)


def test_figures_of_nothing_are_undefined() -> None:
    figures = curve_figures([])
    assert (figures.control, figures.performance) == (None, None)
    assert (figures.scaling_per_doubling, figures.scaling_per_1000_tokens) == (None, None)


def test_one_point_has_no_slope_and_a_point_without_tokens_no_doubling() -> None:
    assert mean_slope([1.0], [2.0]) is None
    assert mean_slope([1.0, 1.0], [2.0, 3.0]) is None
    figures = curve_figures(curve([0, 100], [10, 20]))
    assert figures.scaling_per_doubling is None
    assert figures.scaling_per_1000_tokens == pytest.approx(100.0)
