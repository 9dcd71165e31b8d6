"""Who computes what in one optimizer step: order of examples, ranks, micro-batches.

Pure and exact: every rank computes the same plan by itself, without talking. Knows ids and lengths; does not know
tokens, models or devices.

Example::

    steps = plan_steps(ids, batch_size=16, num_epochs=5, seed=0)      # 1,000 ids -> 63 steps per epoch, 315 in all
    lengths = [num_tokens[i] for i in steps[0].example_ids]
    plan_work(lengths, num_ranks=2, max_tokens=4096)[0]               # rank 0: micro-batches of places in the step
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

MicroBatch = tuple[int, ...]
"""Places of examples within their step; empty where a rank only takes part in the collectives."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step."""

    number: int
    """Counted from 1 over the whole run."""
    epoch: int
    """Counted from 0."""
    example_ids: tuple[str, ...]

    @property
    def example_hash(self) -> str:
        """What was trained on in this step, whatever the layout: hash of the ids in order."""
        return hashlib.sha256("\n".join(self.example_ids).encode()).hexdigest()[:16]


def count_steps(num_examples: int, *, batch_size: int, num_epochs: int) -> int:
    """Optimizer steps of a run; the last batch of an epoch counts as a whole one (paper appendix D: 315)."""
    return -(-num_examples // batch_size) * num_epochs


def plan_steps(example_ids: Sequence[str], *, batch_size: int, num_epochs: int, seed: int) -> list[Step]:
    """Shuffle every epoch and cut it into full batches.

    The last batch of an epoch is filled from the start of the epoch's own order, as accelerate's ``even_batches`` does
    at the reference: 1,000 examples make 63 steps of 16, 8 examples being seen twice. The order depends on seed, epoch
    and ids only, not on the order of the file or the version of Python.

    Raises:
        ValueError: there are no examples, or an id comes twice.
    """
    if not example_ids:
        raise ValueError("there are no training examples; is the selection empty?")
    if len(set(example_ids)) != len(example_ids):
        doubles = sorted({name for name in example_ids if example_ids.count(name) > 1})
        raise ValueError(f"training examples share ids: {doubles[:5]}; each question may occur once")
    steps: list[Step] = []
    per_epoch = count_steps(len(example_ids), batch_size=batch_size, num_epochs=1)
    for epoch in range(num_epochs):
        order = sorted(example_ids, key=lambda name: hashlib.sha256(f"{seed}/{epoch}/{name}".encode()).digest())
        filled = list(islice(cycle(order), per_epoch * batch_size))
        for index in range(per_epoch):
            batch = tuple(filled[index * batch_size : (index + 1) * batch_size])
            steps.append(Step(number=len(steps) + 1, epoch=epoch, example_ids=batch))
    return steps


def balance(lengths: Sequence[int], *, num_ranks: int) -> list[list[int]]:
    """Share items out so that ranks carry nearly equal tokens: the longest first, to the least loaded rank.

    Returns:
        For each rank the places of its items, rising. Ranks may get different numbers of items, or none.
    """
    loads = [0] * num_ranks
    shares: list[list[int]] = [[] for _ in range(num_ranks)]
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        rank = min(range(num_ranks), key=lambda rank: (loads[rank], rank))
        loads[rank] += lengths[place]
        shares[rank].append(place)
    return [sorted(share) for share in shares]


def group_by_length(places: Sequence[int], lengths: Sequence[int], *, max_tokens: int) -> list[MicroBatch]:
    """Cut a rank's items into padded micro-batches of similar length, each at most ``max_tokens`` with its padding.

    An item longer than ``max_tokens`` gets a micro-batch of its own.
    """
    groups: list[MicroBatch] = []
    current: list[int] = []
    # Longest first: the first of a group is its width, and the largest group, which decides memory, comes first.
    for place in sorted(places, key=lambda place: (-lengths[place], place)):
        if current and lengths[current[0]] * (len(current) + 1) > max_tokens:
            groups.append(tuple(current))
            current = []
        current.append(place)
    return [*groups, tuple(current)] if current else groups


def plan_work(lengths: Sequence[int], *, num_ranks: int, max_tokens: int) -> list[list[MicroBatch]]:
    """Micro-batches of every rank for one step, the same number for each.

    ZeRO's collectives run once per backward pass, so a rank with fewer micro-batches takes part with empty ones.

    Args:
        lengths: tokens of the step's examples, in the step's order.
        max_tokens: size of a micro-batch, padding included.
    """
    shares = balance(lengths, num_ranks=num_ranks)
    work = [group_by_length(share, lengths, max_tokens=max_tokens) for share in shares]
    num_passes = max(len(groups) for groups in work)
    return [[*groups, *[()] * (num_passes - len(groups))] for groups in work]
