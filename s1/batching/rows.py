"""Packed rows of every group for one step, and what every rank then carries.

Example::

    rows = plan_rows([900, 500, 400], layout=Layout(2, 1), max_tokens_per_rank=1024)    # [[(0,)], [(1, 2)]]
    count_loads(rows, [900, 500, 400], layout=Layout(2, 1)).max_over_mean               # 1.0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from s1.batching.layout import Layout
from s1.batching.partition import loads_of, partition

Row = tuple[int, ...]
"""Places of examples within their step, rising, packed into one sequence; empty where a group only takes part."""


@dataclass(frozen=True, slots=True)
class Loads:
    """Tokens of one step, as ranks carry them. All ranks wait for the fullest one of a pass."""

    tokens_per_rank: tuple[tuple[int, ...], ...]
    """For each group and pass: tokens of each of the group's ranks, padding to equal shards included."""

    @property
    def longest(self) -> tuple[int, ...]:
        """Tokens of the fullest rank of each pass."""
        return tuple(max(tokens) for tokens in zip(*self.tokens_per_rank, strict=True))

    @property
    def max_over_mean(self) -> float:
        """What waiting costs: the passes' fullest ranks over what each rank would carry if all carried the same."""
        mean = sum(map(sum, self.tokens_per_rank)) / len(self.tokens_per_rank)
        return sum(self.longest) / mean


def count_loads(rows: Sequence[Sequence[Row]], lengths: Sequence[int], *, layout: Layout) -> Loads:
    """Count what every rank carries.

    Args:
        rows: of every group (``plan_rows``).
        lengths: tokens of the step's examples, in the step's order.
    """
    size = layout.sequence_parallel
    # An empty row is one token of padding on each rank.
    return Loads(
        tuple(tuple(max(1, -(-sum(lengths[place] for place in row) // size)) for row in group) for group in rows)
    )


def plan_rows(
    lengths: Sequence[int], *, layout: Layout, max_tokens_per_rank: int, attention_weight: float = 0.0
) -> list[list[Row]]:
    """Rows of every group for one step, the same number for each, in as few passes as fit.

    ZeRO's collectives run once per pass, so all groups make the same number of passes, and where one has nothing left
    it takes part with empty rows. All groups' rows of one pass are computed at the same time, so they are of similar
    cost.

    Args:
        lengths: tokens of the step's examples, in the step's order.
        max_tokens_per_rank: rows hold at most this times ``layout.sequence_parallel``, except for one example that is
            longer by itself and gets a row of its own.
        attention_weight: what attention adds to an example's cost, per squared token: ``L + attention_weight * L**2``.

    Returns:
        For each group its rows, one for each pass.
    """
    costs = [length + attention_weight * length**2 for length in lengths]
    capacity = max_tokens_per_rank * layout.sequence_parallel
    too_long = [length for length in lengths if length > capacity]
    num_rows = len(too_long) + -(-(sum(lengths) - sum(too_long)) // capacity)
    for num_passes in count(max(1, -(-num_rows // layout.num_groups))):
        plans = [
            plan
            for plan in (
                _share_groups_first(costs, num_groups=layout.num_groups, num_passes=num_passes),
                _share_passes_first(costs, num_groups=layout.num_groups, num_passes=num_passes),
            )
            if all(_fits(row, lengths, capacity=capacity) for group in plan for row in group)
        ]
        # With a row for each example everything fits, so this ends.
        if plans:
            return min(plans, key=lambda plan: _waiting_cost(plan, costs))
    raise AssertionError("unreachable")


def _share_groups_first(costs: Sequence[float], *, num_groups: int, num_passes: int) -> list[list[Row]]:
    """Groups carry the same over the whole step; then each spreads its own examples over the passes."""
    plan = []
    for share in partition(costs, num_groups=num_groups):
        passes = partition([costs[place] for place in share], num_groups=num_passes)
        plan.append([tuple(share[index] for index in indices) for indices in passes])
    return plan


def _share_passes_first(costs: Sequence[float], *, num_groups: int, num_passes: int) -> list[list[Row]]:
    """All rows of the step carry the same; then rows of like cost go into the same pass."""
    rows = [tuple(share) for share in partition(costs, num_groups=num_groups * num_passes)]
    return [[rows[index * num_groups + group] for index in range(num_passes)] for group in range(num_groups)]


def _fits(row: Row, lengths: Sequence[int], *, capacity: int) -> bool:
    return len(row) <= 1 or sum(lengths[place] for place in row) <= capacity


def _waiting_cost(plan: Sequence[Sequence[Row]], costs: Sequence[float]) -> float:
    return sum(max(loads_of(rows, costs)) for rows in zip(*plan, strict=True))
