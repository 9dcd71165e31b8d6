"""Which examples every optimizer step takes, in which order.

Example::

    plan_steps(ids, batch_size=16, num_epochs=5, seed=0)      # 1,000 ids -> 63 steps per epoch, 315 in all
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice


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
