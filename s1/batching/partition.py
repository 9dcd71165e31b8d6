"""Sharing out a step's examples so that every group carries nearly the same.

Example::

    partition([8, 7, 6, 5, 4], num_groups=2)       # [[1, 3, 4], [0, 2]]: 16 and 14; longest first gives 17 and 13
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace

Shares = list[list[int]]
"""For each group the places of its items, rising."""


def partition(costs: Sequence[float], *, num_groups: int) -> Shares:
    """Share items out over groups of nearly equal cost.

    The better of largest differencing and of giving the longest to the least loaded group; the same on every machine.

    Returns:
        A share for each group, the most costly first. Groups may get different numbers of items, or none.
    """
    shares = min(
        (largest_differencing(costs, num_groups=num_groups), longest_first(costs, num_groups=num_groups)),
        key=lambda candidate: max(loads_of(candidate, costs)),
    )
    return sorted(shares, key=lambda share: (-sum(costs[place] for place in share), share))


def largest_differencing(costs: Sequence[float], *, num_groups: int) -> Shares:
    """The multi-way method of Karmarkar and Karp (1982), as in Michiels et al. (2003).

    Every item starts as a partial solution of its own: itself in one group, the others empty. Again and again the two
    solutions whose groups differ most are laid over each other, the fullest group of one on the emptiest of the other.
    """
    # Of each partial solution: minus its largest difference, its age (so that ties break alike everywhere), and its
    # groups from the fullest to the emptiest as (load, places).
    heap: list[tuple[float, int, list[tuple[float, list[int]]]]] = [
        (-cost if num_groups > 1 else 0.0, place, [(cost, [place]), *[(0.0, [])] * (num_groups - 1)])
        for place, cost in enumerate(costs)
    ]
    heapify(heap)
    for age in range(len(costs), 2 * len(costs) - 1):
        _, _, first = heappop(heap)
        _, _, second = heap[0]
        joined = [
            (load + other, places + others)
            for (load, places), (other, others) in zip(first, reversed(second), strict=True)
        ]
        joined.sort(key=lambda group: (-group[0], group[1]))
        heapreplace(heap, (joined[-1][0] - joined[0][0], age, joined))
    return [sorted(places) for _, places in heap[0][2]] if heap else [[] for _ in range(num_groups)]


def longest_first(costs: Sequence[float], *, num_groups: int) -> Shares:
    """Give items, from the most costly on, each to the least loaded group (LPT; Graham 1969)."""
    groups: list[tuple[float, int]] = [(0.0, group) for group in range(num_groups)]
    shares: Shares = [[] for _ in range(num_groups)]
    for place in sorted(range(len(costs)), key=lambda place: (-costs[place], place)):
        load, group = heappop(groups)
        shares[group].append(place)
        heappush(groups, (load + costs[place], group))
    return [sorted(share) for share in shares]


def loads_of(shares: Sequence[Sequence[int]], costs: Sequence[float]) -> list[float]:
    """The cost of each share."""
    return [sum(costs[place] for place in share) for share in shares]
