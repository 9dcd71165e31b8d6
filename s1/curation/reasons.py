"""Reason codes of curation's decisions, and how many questions are left after each step.

Example::

    count_steps(Counter(reasons))   # {'collected': 6060, 'unique': 6060, 'decontaminated': 6000, 'quality': 6000}
"""

from collections import Counter

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


def count_steps(counts: Counter[str]) -> dict[str, int]:
    """How many questions were left after each step: ``collected``, ``unique``, ``decontaminated``, ``quality``.

    Args:
        counts: how often each reason was given.
    """
    collected = counts.total()
    unique = collected - counts[DUPLICATE]
    quality = counts[KEPT]
    objections = sum(counts[reason] for reason in QUALITY_REASONS)
    return {"collected": collected, "unique": unique, "decontaminated": quality + objections, "quality": quality}
