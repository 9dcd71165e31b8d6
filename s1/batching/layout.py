"""Ranks as groups that each compute whole examples together (sequence parallelism inside a group).

Example::

    layouts(16, num_heads=40, num_kv_heads=8)      # 16x1, 8x2, 4x4, 2x8; 16 does not divide 40 heads
    make_layout(16, sequence_parallel=4, num_heads=40, num_kv_heads=8).group_of(7)      # 1
"""

from dataclasses import dataclass


class LayoutError(ValueError):
    """Ranks, heads and sequence parallelism do not go together; the message says what does."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Ranks ``g * sequence_parallel`` to ``(g + 1) * sequence_parallel - 1`` are group ``g``."""

    num_groups: int
    sequence_parallel: int

    @property
    def num_ranks(self) -> int:
        """Ranks of the whole run."""
        return self.num_groups * self.sequence_parallel

    def group_of(self, rank: int) -> int:
        """The group that a rank computes with."""
        return rank // self.sequence_parallel

    def part_of(self, rank: int) -> int:
        """Which shard of its group's row a rank computes."""
        return rank % self.sequence_parallel


def layouts(num_ranks: int, *, num_heads: int, num_kv_heads: int) -> list[Layout]:
    """All layouts that ranks and attention heads allow, most groups first.

    Ulysses gives every rank of a group whole heads, so its size divides the heads; key and value heads are divided or
    repeated, so one of the two divides the other.
    """
    return [
        Layout(num_groups=num_ranks // size, sequence_parallel=size)
        for size in range(1, num_ranks + 1)
        if num_ranks % size == 0 and _goes_with_heads(size, num_heads=num_heads, num_kv_heads=num_kv_heads)
    ]


def make_layout(num_ranks: int, *, sequence_parallel: int, num_heads: int, num_kv_heads: int) -> Layout:
    """The layout with a wanted size of groups.

    Args:
        sequence_parallel: ranks that share one row.
        num_heads: attention heads of the model (``num_attention_heads``).
        num_kv_heads: its key and value heads (``num_key_value_heads``).

    Raises:
        LayoutError: the size does not go with ranks or heads; names the sizes that do.
    """
    possible = {
        layout.sequence_parallel: layout
        for layout in layouts(num_ranks, num_heads=num_heads, num_kv_heads=num_kv_heads)
    }
    if sequence_parallel in possible:
        return possible[sequence_parallel]
    reasons = []
    if num_ranks % sequence_parallel:
        reasons.append(f"it does not divide the {num_ranks} ranks")
    if not _goes_with_heads(sequence_parallel, num_heads=num_heads, num_kv_heads=num_kv_heads):
        reasons.append(
            f"{num_heads} attention heads and {num_kv_heads} key and value heads cannot be shared by so many"
        )
    raise LayoutError(
        f"sequence_parallel {sequence_parallel} is not possible: {', and '.join(reasons)}. Set sequence_parallel in "
        f"the cluster's file to {', '.join(map(str, possible))} or auto, or change the number of ranks"
    )


def _goes_with_heads(size: int, *, num_heads: int, num_kv_heads: int) -> bool:
    return num_heads % size == 0 and (num_kv_heads % size == 0 or size % num_kv_heads == 0)
