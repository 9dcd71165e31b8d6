"""From collected to curated: which questions stay, one decision for each.

Example::

    for curated in curate(lambda: iterate_jsonl(path, Question), rules=params.curate, rule=rule):
        curated.decision.reason     # 'kept', 'duplicate', 'ngram8', 'image', ...
"""

from s1.curation.decisions import Curated, curate
from s1.curation.reasons import (
    DUPLICATE,
    EXACT_BENCHMARK,
    KEPT,
    QUALITY_REASONS,
    count_steps,
    count_steps_of_reasons,
)

__all__ = [
    "DUPLICATE",
    "EXACT_BENCHMARK",
    "KEPT",
    "QUALITY_REASONS",
    "Curated",
    "count_steps",
    "count_steps_of_reasons",
    "curate",
]
