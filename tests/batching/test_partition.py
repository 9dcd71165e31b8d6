"""Groups of nearly equal cost."""

import random

import pytest

from s1.batching.partition import largest_differencing, loads_of, longest_first, partition


def draw_lengths(source: random.Random, *, mean: float, num: int = 16) -> list[int]:
    """Token counts like s1K's: most between 2,000 and 9,000, none above 20,000."""
    return [min(20_000, max(500, round(source.lognormvariate(mean, 0.5)))) for _ in range(num)]


def test_largest_differencing_finds_what_karmarkar_and_karp_find() -> None:
    # The textbook's example: longest first is off by 4, differencing by 2.
    assert loads_of(largest_differencing([8, 7, 6, 5, 4], num_groups=2), [8, 7, 6, 5, 4]) == [16, 14]
    assert loads_of(longest_first([8, 7, 6, 5, 4], num_groups=2), [8, 7, 6, 5, 4]) == [17, 13]
    assert largest_differencing([8, 7, 6, 5, 4], num_groups=3) == [[2, 3], [1, 4], [0]]


def test_where_longest_first_is_better_it_is_taken() -> None:
    costs = [12, 9, 8, 7, 5, 5, 3, 2]
    assert max(loads_of(largest_differencing(costs, num_groups=3), costs)) == 18
    assert max(loads_of(partition(costs, num_groups=3), costs)) == 17


def test_every_place_is_in_one_group_and_the_first_group_carries_most() -> None:
    source = random.Random(0)
    for num_groups in (1, 2, 3, 5, 8, 20):
        costs = draw_lengths(source, mean=8.5)
        shares = partition(costs, num_groups=num_groups)
        assert len(shares) == num_groups
        assert sorted(place for share in shares for place in share) == list(range(16))
        assert loads_of(shares, costs) == sorted(loads_of(shares, costs), reverse=True)
        assert all(share == sorted(share) for share in shares)


@pytest.mark.parametrize("num_groups", [2, 3, 4, 6])
def test_no_draw_is_shared_out_worse_than_longest_first_and_many_better(num_groups: int) -> None:
    source = random.Random(num_groups)
    num_better = 0
    for _ in range(200):
        costs = draw_lengths(source, mean=source.choice((8.2, 8.5, 9.0)), num=source.randint(4, 24))
        ours = max(loads_of(partition(costs, num_groups=num_groups), costs))
        theirs = max(loads_of(longest_first(costs, num_groups=num_groups), costs))
        assert ours <= theirs
        num_better += ours < theirs
    assert num_better > 40


@pytest.mark.parametrize(("num_groups", "limit"), [(2, 1.002), (4, 1.02)])
def test_sixteen_examples_like_s1ks_leave_almost_nobody_waiting(num_groups: int, limit: float) -> None:
    source = random.Random(1)
    ratios = []
    for _ in range(315):
        costs = draw_lengths(source, mean=8.4)
        ratios.append(max(loads_of(partition(costs, num_groups=num_groups), costs)) * num_groups / sum(costs))
    assert 1 < sum(ratios) / len(ratios) < limit


def test_equal_costs_are_shared_out_the_same_way_every_time() -> None:
    assert partition([3] * 6, num_groups=3) == partition([3] * 6, num_groups=3) == [[0, 5], [1, 3], [2, 4]]


def test_more_groups_than_items_and_no_items_leave_groups_empty() -> None:
    assert partition([5], num_groups=3) == [[0], [], []]
    assert partition([], num_groups=2) == [[], []]
    assert partition([5, 6], num_groups=1) == [[0, 1]]
