"""A point's cost is its tokens at the stage's own price, worked out by hand here."""

from dataclasses import replace

import pytest

from s1.report.content import TokenPrice
from s1.report.costs import alone_tokens, point_costs
from s1.report.results import BenchmarkResult
from tests.report.sample import MORE_POINTS, POINTS, point

PRICE = TokenPrice(dollars=5.0, decoded_tokens=1_000.0)
"""Half a cent a token."""


def test_a_point_costs_its_decoded_tokens_and_a_solved_question_all_the_tries_for_it() -> None:
    cost = point_costs(BenchmarkResult("b", (point("max-16", 0.25, 90.0),)), PRICE)[0]
    assert cost.per_question == pytest.approx(0.5)
    assert cost.total == pytest.approx(200.0)
    assert cost.per_solved_question == pytest.approx(2.0)
    assert cost.per_extra_wait is None


def test_an_extra_wait_costs_the_added_tokens_over_the_waits_really_added() -> None:
    waits = (
        point("wait-0", 0.5, 90.0),
        point("wait-2", 0.5, 170.0, waits=1.6),
        point("wait-10", 0.5, 170.0, waits=1.6),
    )
    costs = point_costs(BenchmarkResult("b", waits), PRICE)
    assert [cost.per_extra_wait for cost in costs] == [None, pytest.approx(80 * 0.005 / 1.6), None]


def test_where_nothing_was_solved_no_solved_question_has_a_price() -> None:
    [cost] = point_costs(BenchmarkResult("b", (point("max-16", 0.0, 90.0),)), PRICE)
    assert cost.per_solved_question is None
    assert cost.per_question == pytest.approx(0.5)


def test_a_point_whose_tokens_are_unknown_has_no_cost() -> None:
    priced = [cost.point.setting for cost in point_costs(BenchmarkResult("b", POINTS), PRICE)]
    assert priced == ["max-16", "max-192", "wait-0", "wait-2"]


def test_decoding_every_point_alone_takes_the_sum_of_their_tokens_without_votes() -> None:
    points = tuple(replace(item, mean_sampled_tokens=item.mean_sampled_tokens or 5.0) for item in MORE_POINTS)
    alone = sum(400 * (item.mean_sampled_tokens or 0) for item in points if item.kind not in ("vote", "reject"))
    assert alone_tokens([BenchmarkResult("b", points)]) == pytest.approx(alone)
    assert alone_tokens([BenchmarkResult("b", POINTS)]) is None
