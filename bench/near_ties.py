"""Whether two decodings of one model differ only where its two best tokens are as good as equal.

Numbers on a computer depend on the order of sums: other batches, other engines. Where two tokens are that close, either
is right and the rest of the text may differ; anywhere else a difference is an error. Knows tokens and one model, which
it evaluates in float64.

Example::

    judge = NearTies.load(Path("models/train/tuned"))
    judge.is_tie(prompt, first, second, stops=stops)    # True: where they part, either token is right
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from s1.comparing.divergence import num_shared
from s1.model_loading import load_causal_model

TOLERANCE = 1e-4
"""Logits closer than this are as good as equal."""


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

    def is_tie(
        self, prompt: Sequence[int], first: Sequence[int], second: Sequence[int], *, stops: Collection[int]
    ) -> bool:
        """Whether two decodings behind a prompt part at a near tie.

        Args:
            stops: ids that end thinking; they may have been forbidden where the two part.
        """
        shared = [*prompt, *first[: num_shared(first, second)]]
        return min(self.margin(shared), self.margin(shared, banned=sorted(stops))) < TOLERANCE

    @torch.inference_mode()
    def margin(self, token_ids: Sequence[int], *, banned: Sequence[int] = ()) -> float:
        """Distance of the two best logits behind a sequence; ``banned`` ids may not follow."""
        logits = self.model(input_ids=torch.tensor([list(token_ids)]), use_cache=False).logits[0, -1]
        logits = logits[: self.num_token_ids].clone()
        logits[list(banned)] = float("-inf")
        best = torch.topk(logits, 2).values
        return float(best[0] - best[1])
