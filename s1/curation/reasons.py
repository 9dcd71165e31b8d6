"""Reason codes of curation's decisions, and how many questions are left after each step.

Example::

    count_steps(decisions)      # {'collected': 6060, 'unique': 6060, 'decontaminated': 6000, 'quality': 6000}
"""

from collections import Counter
from collections.abc import Iterable

from s1.decisions import Decision

KEPT = "kept"
DUPLICATE = "duplicate"
EXACT_BENCHMARK = "exact_benchmark"
QUALITY_REASONS = (
    "too_short",
    "too_long",
    "image",
    "numbered_parts",
    "bold_number",
    "picture_needed",
    "wrong_language",
)


def count_steps(decisions: Iterable[Decision]) -> dict[str, int]:
    """How many questions were left after each step: ``collected``, ``unique``, ``decontaminated``, ``quality``."""
    return count_steps_of_reasons(Counter(decision.reason for decision in decisions))


def count_steps_of_reasons(counts: Counter[str]) -> dict[str, int]:
    """The same from how often each reason was given."""
    collected = counts.total()
    unique = collected - counts[DUPLICATE]
    quality = counts[KEPT]
    objections = sum(counts[reason] for reason in QUALITY_REASONS)
    return {"collected": collected, "unique": unique, "decontaminated": quality + objections, "quality": quality}
