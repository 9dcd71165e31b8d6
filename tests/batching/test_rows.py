"""Rows of every group, and what ranks carry."""

import random

import pytest

from s1.batching import Layout, count_loads, plan_rows


def test_every_group_gets_the_same_number_of_rows_and_every_example_is_computed_once() -> None:
    rows = plan_rows([100, 20, 20, 20, 20], layout=Layout(2, 1), max_tokens_per_rank=40)
    assert [[len(row) for row in group] for group in rows] == [[1, 1], [2, 1]]
    assert rows[0][0] == (0,)
    assert sorted(place for group in rows for row in group for place in row) == [0, 1, 2, 3, 4]


def test_more_groups_than_examples_leave_groups_that_only_take_part() -> None:
    assert plan_rows([7], layout=Layout(2, 1), max_tokens_per_rank=64) == [[(0,)], [()]]


def test_one_row_for_each_group_is_enough_where_memory_allows() -> None:
    rows = plan_rows([900, 500, 400], layout=Layout(2, 1), max_tokens_per_rank=1024)
    assert rows == [[(0,)], [(1, 2)]]


def test_ranks_that_share_a_row_hold_as_many_times_its_tokens() -> None:
    lengths = [600, 500, 400, 300]
    assert plan_rows(lengths, layout=Layout(1, 2), max_tokens_per_rank=900) == [[(0, 1, 2, 3)]]
    assert plan_rows(lengths, layout=Layout(1, 1), max_tokens_per_rank=900) == [[(0, 3), (1, 2)]]


def test_rows_of_one_pass_are_alike_because_groups_wait_for_each_other() -> None:
    lengths = [60, 60, 30, 40, 30]
    rows = plan_rows(lengths, layout=Layout(2, 1), max_tokens_per_rank=100)
    # One group as 60 + 60, the other as one row of 100, would wait for 160.
    assert sum(count_loads(rows, lengths, layout=Layout(2, 1)).longest) <= 130


@pytest.mark.parametrize("attention_weight", [0.0, 1e-4])
def test_rows_never_exceed_their_limit_unless_one_example_does(attention_weight: float) -> None:
    source = random.Random(0)
    for _ in range(100):
        lengths = [source.randint(10, 500) for _ in range(source.randint(1, 24))]
        layout = Layout(source.choice((1, 2, 4)), source.choice((1, 2)))
        limit = source.choice((100, 200, 400))
        rows = plan_rows(lengths, layout=layout, max_tokens_per_rank=limit, attention_weight=attention_weight)
        assert len(rows) == layout.num_groups
        assert len({len(group) for group in rows}) == 1
        assert sorted(place for group in rows for row in group for place in row) == list(range(len(lengths)))
        for row in (row for group in rows for row in group):
            assert len(row) <= 1 or sum(lengths[place] for place in row) <= limit * layout.sequence_parallel


def test_long_examples_weigh_more_where_attention_counts() -> None:
    lengths = [100, 60, 60, 60]
    by_tokens = plan_rows(lengths, layout=Layout(2, 1), max_tokens_per_rank=500)
    assert sorted(len(row) for (row,) in by_tokens) == [2, 2]
    by_cost = plan_rows(lengths, layout=Layout(2, 1), max_tokens_per_rank=500, attention_weight=1.0)
    assert sorted(by_cost) == [[(0,)], [(1, 2, 3)]]


def test_loads_count_a_ranks_shard_with_its_padding_and_what_all_wait_for() -> None:
    lengths = [9, 4, 3]
    loads = count_loads([[(0,), ()], [(1,), (2,)]], lengths, layout=Layout(2, 2))
    assert loads.tokens_per_rank == ((5, 1), (2, 2))
    assert loads.longest == (5, 2)
    assert loads.max_over_mean == 7 / 5
