"""Published results of a benchmark, as the report shows them beside ours.

Knows ``s1.published`` and the report's types; which of them are points of a Wait curve is read off their settings.

Example::

    published_references("aime24")[0].model         # 'Qwen2.5-32B-Instruct'
"""

import re

from s1.published import PublishedResult, published_results
from s1.report.results import Reference

_WAITS = re.compile(r"Wait x (\d+)")
_NO_WAITS = "no forcing"


def published_references(benchmark: str) -> tuple[Reference, ...]:
    """What was published on a benchmark; empty for one that is none of the paper's."""
    return tuple(_reference(result) for result in published_results(benchmark))


def _reference(result: PublishedResult) -> Reference:
    waits = _WAITS.fullmatch(result.setting)
    return Reference(
        model=result.model,
        setting=result.setting,
        accuracy=result.accuracy,
        thinking_tokens=result.mean_thinking_tokens,
        num_waits=int(waits[1]) if waits else 0 if result.setting == _NO_WAITS else None,
        source=result.source,
    )
