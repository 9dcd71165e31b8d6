"""What ``bench.equivalence`` compares: layouts, ZeRO stages, kernels, and three mistakes that must not go unseen.

Example::

    [case.name for case in gradient_cases(2) if case.flaw]
"""

from dataclasses import dataclass
from typing import Literal

from s1.training.spec import LossKernel

Flaw = Literal["positions run on", "stock sdpa under Ulysses", "token mean"]
"""``positions run on``: not reset at each example, by which transformers' own attention tells examples apart; ours goes
by boundaries, and rotary positions are relative, so there it would make no difference. ``stock sdpa under Ulysses``:
its mask is dropped on the way. ``token mean``: every token weighs the same."""
FEW_TOKENS = 24
"""Tokens of a pass that make several of them out of every step here."""
NUM_LAYERS = 3
_NUM_EXAMPLES = 16


@dataclass(frozen=True, slots=True)
class Case:
    """One way to compute one step."""

    zero_stage: Literal[1, 2, 3]
    num_groups: int
    sequence_parallel: int
    num_examples: int = _NUM_EXAMPLES
    max_tokens_per_rank: int = 1024
    num_recomputed: int = 0
    loss_kernel: LossKernel = "plain"
    has_lora: bool = False
    flaw: Flaw | None = None

    @property
    def name(self) -> str:
        """All that is special about it, in words."""
        parts = [f"ZeRO {self.zero_stage}, {self.num_groups} x {self.sequence_parallel}"]
        if self.num_examples != _NUM_EXAMPLES:
            parts.append(f"{self.num_examples} example{'s' * (self.num_examples > 1)}")
        if self.max_tokens_per_rank == FEW_TOKENS:
            parts.append("several passes")
        if self.num_recomputed:
            parts.append(f"{self.num_recomputed} of {NUM_LAYERS} layers recomputed")
        if self.loss_kernel != "plain":
            parts.append(f"{self.loss_kernel} loss")
        if self.has_lora:
            parts.append("LoRA")
        return ", ".join([*parts, *filter(None, [self.flaw])])


def gradient_cases(num_ranks: int) -> list[Case]:
    """All cases on so many ranks (2 or 4): every layout at both stages, then what else can go wrong."""
    cases = []
    for stage in (2, 3):
        for size in (size for size in (1, 2, 4) if size <= num_ranks):
            groups = num_ranks // size
            cases.append(Case(stage, groups, size))
            cases.append(Case(stage, groups, size, _NUM_EXAMPLES, FEW_TOKENS, 2, "chunked"))
        # One example on several groups: all but one only take part.
        cases.append(Case(stage, num_ranks, 1, num_examples=1))
    pairs = num_ranks // 2
    cases += [
        Case(3, pairs, 2, num_examples=1, num_recomputed=NUM_LAYERS),
        Case(3, pairs, 2, flaw="stock sdpa under Ulysses"),
    ]
    if num_ranks == 2:  # What does not depend on the number of ranks, once.
        cases += [
            Case(1, 1, 2, max_tokens_per_rank=FEW_TOKENS),
            Case(3, 1, 2, num_examples=5, num_recomputed=1, loss_kernel="chunked"),
            Case(2, 1, 2, has_lora=True),
            Case(3, 1, 2, has_lora=True, num_recomputed=2, loss_kernel="chunked"),
            Case(3, 2, 1, flaw="positions run on"),
            Case(3, 1, 2, flaw="token mean"),
        ]
    return cases


def trajectory_cases(num_ranks: int) -> list[Case]:
    """Layouts whose whole course is compared; the last one is another recipe, to see what a difference looks like."""
    sizes = [size for size in (1, 2, 4) if size <= num_ranks]
    cases = [Case(2, num_ranks // size, size, max_tokens_per_rank=2 * FEW_TOKENS) for size in sizes]
    cases += [Case(3, num_ranks // sizes[-1], sizes[-1], max_tokens_per_rank=2 * FEW_TOKENS, loss_kernel="chunked")]
    return [*cases, Case(2, num_ranks // 2, 2, max_tokens_per_rank=2 * FEW_TOKENS, flaw="token mean")]
