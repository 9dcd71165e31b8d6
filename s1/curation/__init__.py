"""From collected to curated: which questions stay, one decision for each.

Example::

    curation = Curation(params.curate, rule=rule, read=read)
    curation.note(lines)
    for curated in curation.decide(lines):
        curated.decision.reason     # 'kept', 'duplicate', 'ngram8', 'image', ...
"""

from s1.curation.decisions import Curated, Curation, Reader
from s1.curation.reasons import (
    DUPLICATE,
    EXACT_BENCHMARK,
    KEPT,
    QUALITY_REASONS,
    count_steps,
)

__all__ = [
    "DUPLICATE",
    "EXACT_BENCHMARK",
    "KEPT",
    "QUALITY_REASONS",
    "Curated",
    "Curation",
    "Reader",
    "count_steps",
]
