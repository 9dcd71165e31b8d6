"""The points of a curve by budgets and Wait counts, as the parameters would give them."""

from collections.abc import Sequence

from s1.config import GenerateParams, LocalEngine
from s1.forcing import ForcingSpec, settings_of


def curve_points(
    *, budgets: Sequence[int], wait_counts: Sequence[int], max_thinking_tokens: int, max_answer_tokens: int
) -> list[ForcingSpec]:
    """``max-<budget>`` for every budget, ``wait-<n>`` under ``max_thinking_tokens``."""
    params = GenerateParams(
        engine=LocalEngine(kind="local", dtype="float32", batch_size=1),
        benchmarks=["test"],
        budgets=list(budgets),
        wait_counts=list(wait_counts),
        max_thinking_tokens=max_thinking_tokens,
        max_answer_tokens=max_answer_tokens,
        temperature=0.0,
        num_samples=1,
    )
    return settings_of(params, max_thinking_tokens=max_thinking_tokens)
