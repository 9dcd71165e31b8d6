"""Whether two decodings of one model differ only where its two best tokens are as good as equal.

Numbers on a computer depend on the order of sums: other batches, other engines. Where two tokens are that close, either
is right and the rest of the text may differ; anywhere else a difference is an error. Knows tokens and one model, which
it evaluates in float64.

Example::

    judge = NearTies.load(Path("models/train/tuned"))
    judge.margin(prompt + common)               # 0.00003: the two best logits behind it are as good as equal
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from s1.model_loading import load_causal_model

TOLERANCE = 1e-4
"""Logits closer than this are as good as equal."""


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences share from their beginning."""
    pairs = zip(first, second, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


@dataclass(frozen=True, slots=True)
class NearTies:
    """Tells near ties of one model."""

    model: Any
    num_token_ids: int | None = None
    """Ids from here on are never sampled."""

    @classmethod
    def load(cls, folder: Path, *, num_token_ids: int | None = None) -> Self:
        """Load a model folder in float64."""
        return cls(load_causal_model(folder, dtype=torch.float64), num_token_ids)

    @torch.inference_mode()
    def margin(self, token_ids: Sequence[int], *, banned: Sequence[int] = ()) -> float:
        """Distance of the two best logits behind a sequence; ``banned`` ids may not follow."""
        logits = self.model(input_ids=torch.tensor([list(token_ids)]), use_cache=False).logits[0, -1]
        logits = logits[: self.num_token_ids].clone()
        logits[list(banned)] = float("-inf")
        best = torch.topk(logits, 2).values
        return float(best[0] - best[1])
