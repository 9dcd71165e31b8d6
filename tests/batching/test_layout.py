"""Ranks, groups and heads."""

import pytest

from s1.batching import Layout, LayoutError, layouts, make_layout


def test_layouts_are_those_that_ranks_and_heads_allow() -> None:
    # Qwen2.5-32B on 16 ranks: 16 does not divide its 40 heads.
    found = layouts(16, num_heads=40, num_kv_heads=8)
    assert [(layout.num_groups, layout.sequence_parallel) for layout in found] == [(16, 1), (8, 2), (4, 4), (2, 8)]
    # Qwen2.5-0.5B: 14 heads, 2 of keys and values.
    assert [layout.sequence_parallel for layout in layouts(8, num_heads=14, num_kv_heads=2)] == [1, 2]
    # Keys and values are repeated where there are fewer of them than ranks.
    assert [layout.sequence_parallel for layout in layouts(4, num_heads=8, num_kv_heads=2)] == [1, 2, 4]


def test_ranks_of_a_group_are_neighbours() -> None:
    layout = make_layout(8, sequence_parallel=4, num_heads=8, num_kv_heads=8)
    assert layout == Layout(num_groups=2, sequence_parallel=4)
    assert layout.num_ranks == 8
    assert [(layout.group_of(rank), layout.part_of(rank)) for rank in (0, 3, 4, 7)] == [(0, 0), (0, 3), (1, 0), (1, 3)]


@pytest.mark.parametrize(
    ("num_ranks", "size", "message"),
    [
        (6, 4, "4 is not possible: it does not divide the 6 ranks. Set .* to 1, 2 or auto, or change the number"),
        (16, 16, "16 is not possible: 40 attention heads and 8 key and value .* so many. Set .* to 1, 2, 4, 8 or auto"),
    ],
)
def test_a_size_that_does_not_go_is_refused_with_those_that_do(num_ranks: int, size: int, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        make_layout(num_ranks, sequence_parallel=size, num_heads=40, num_kv_heads=8)
