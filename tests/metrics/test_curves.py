"""Control, Scaling and Performance against the paper's Table 3, from the points of its Tables 12 to 14.

The rows of budget forcing (Scaling 15) and of rejection sampling (-35) are of points that the paper shows as figures
only, so nothing can be worked out for them.
"""

from collections.abc import Sequence

import pytest

from s1.metrics.curves import CurvePoint, Limits, curve_figures, fitted_slope, mean_slope, median_slope

LIMITS = [1024, 2048, 4096, 8192, 16384]
STEPS = [16, 32, 64, 128, 256]
DEFAULT_TOKENS = 6109
"""Thinking tokens without control (Table 14)."""


def curve(tokens: Sequence[float], right: Sequence[float], limits: Sequence[Limits]) -> list[CurvePoint]:
    """Points of AIME24, whose accuracies are exact numbers of 30 questions."""
    return [
        CurvePoint(thinking_tokens=x, accuracy=count / 30, limits=limit)
        for x, count, limit in zip(tokens, right, limits, strict=True)
    ]


UPPER = [Limits(high=limit) for limit in LIMITS]
UPPER_OF_STEPS = [Limits(high=100 * steps) for steps in STEPS]
SHORTER_LONGER = [Limits(high=DEFAULT_TOKENS, is_strict=True), Limits(low=DEFAULT_TOKENS, is_strict=True)]
TCC = curve([7939, 7158, 8263, 7108, 7500], [8, 9, 10, 10, 12], UPPER)
TCC_FORCED = curve([1024, 2048, 4031, 5664, 6330], [1, 9, 10, 10, 12], UPPER)
SCC = curve([7252, 6277, 5396, 5552, 7551], [10, 7, 10, 11, 10], UPPER_OF_STEPS)
SCC_FORCED = curve([1517, 2963, 4636, 5409, 7551], [7, 7, 10, 11, 10], UPPER_OF_STEPS)
CCC = curve([8033, 9651], [9, 11], SHORTER_LONGER)


@pytest.mark.parametrize(
    ("points", "control", "scaling", "performance", "per_1000"),
    [
        (TCC, 40, -24, 40.0, -4.8),
        (TCC_FORCED, 100, 13, 40.0, 6.7),
        (SCC, 60, 3, 36.7, 0.6),
        (SCC_FORCED, 100, 6, 36.7, 2.5),
        (CCC, 50, 25, 36.7, 4.1),
    ],
    ids=["TCC", "TCC+BF", "SCC", "SCC+BF", "CCC"],
)
def test_a_row_of_table_3_comes_out_of_its_own_points(
    points: list[CurvePoint], control: int, scaling: int, performance: float, per_1000: float
) -> None:
    figures = curve_figures(points)
    assert figures.control is not None
    assert figures.scaling_per_doubling is not None
    assert figures.scaling_per_1000_tokens is not None
    assert figures.performance is not None
    assert round(100 * figures.control) == control
    assert round(figures.scaling_per_doubling) == scaling
    assert round(100 * figures.performance, 1) == performance
    assert round(figures.scaling_per_1000_tokens, 1) == per_1000


def test_one_pair_of_close_points_turns_plus_10_into_the_papers_minus_24_and_hardly_moves_a_fit() -> None:
    figures = curve_figures(TCC)
    assert figures.scaling_per_doubling is not None
    close = curve_figures([point for point in TCC if point.thinking_tokens in (7158, 7108)]).scaling_per_doubling
    assert close is not None
    assert close == pytest.approx(-329.6, abs=0.1)
    assert (10 * figures.scaling_per_doubling - close) / 9 == pytest.approx(10.2, abs=0.1)
    assert figures.fitted_per_doubling == pytest.approx(-7.6, abs=0.1)
    assert figures.median_per_doubling == pytest.approx(-11.2, abs=0.1)  # between -22.31 and -0.00


def test_the_least_squares_slope_is_that_of_the_normal_equations() -> None:
    x, y = [1.0, 2.0, 4.0, 7.0], [3.0, 1.0, 6.0, 8.0]
    # Means 3.5 and 4.5; sum of (x - mean)(y - mean) = 22, of (x - mean)^2 = 21.
    assert fitted_slope(x, y) == pytest.approx(22 / 21)


def test_the_median_slope_does_not_follow_one_wild_pair() -> None:
    assert median_slope([0, 1, 2, 2.001], [0, 1, 2, 9]) == pytest.approx((1 + 9 / 2.001) / 2)
    assert mean_slope([0, 1, 2, 2.001], [0, 1, 2, 9]) == pytest.approx(1169, rel=0.01)


def test_figures_of_nothing_are_undefined() -> None:
    figures = curve_figures([])
    assert (figures.control, figures.performance) == (None, None)
    assert (figures.scaling_per_doubling, figures.scaling_per_1000_tokens) == (None, None)
    assert (figures.fitted_per_doubling, figures.median_per_doubling) == (None, None)


def test_one_point_has_no_slope_and_a_point_without_tokens_no_doubling() -> None:
    assert mean_slope([1.0], [2.0]) is None
    assert mean_slope([1.0, 1.0], [2.0, 3.0]) is None
    assert fitted_slope([1.0, 1.0], [2.0, 3.0]) is None
    assert median_slope([1.0, 1.0], [2.0, 3.0]) is None
    figures = curve_figures(
        [CurvePoint(thinking_tokens=0, accuracy=0.1), CurvePoint(thinking_tokens=100, accuracy=0.2)]
    )
    assert figures.scaling_per_doubling is None
    assert figures.scaling_per_1000_tokens == pytest.approx(100.0)


def test_what_asked_for_nothing_does_not_count_into_control() -> None:
    assert curve_figures([CurvePoint(thinking_tokens=5, accuracy=0)]).control is None


def test_a_point_may_be_held_to_its_limit_by_other_tokens_than_those_it_cost() -> None:
    point = CurvePoint(thinking_tokens=900, accuracy=0.5, limits=Limits(high=100), controlled_tokens=80)
    assert (point.keeps, curve_figures([point]).control) == (True, 1.0)


@pytest.mark.parametrize(
    ("limits", "tokens", "holds"),
    [
        (Limits(high=8), 8, True),
        (Limits(high=8), 9, False),
        (Limits(low=8), 7, False),
        (Limits(low=8, high=8), 8, True),
        (Limits(high=8, is_strict=True), 8, False),
        (Limits(low=8, is_strict=True), 9, True),
        (Limits(), 9, True),
    ],
)
def test_limits_include_their_ends_unless_strict(limits: Limits, tokens: int, holds: bool) -> None:
    assert limits.hold(tokens) is holds
