"""Published results of the paper's models, as labelled references beside results of one's own.

Knows benchmarks by their names in ``collect.benchmarks``. These are others' figures under their settings and graders:
references, never measurements of this project, and 30 questions of AIME leave each of them about 9 points of
standard error.

Example::

    [result.accuracy for result in published_results("aime24") if result.model == "o1-preview"]     # [0.446]
"""

from dataclasses import dataclass
from typing import Literal

PublishedBenchmark = Literal["aime24", "aime25", "math500", "gpqa-diamond"]

_PAPER = "arXiv 2501.19393"
_OUTSIDE = "open-thoughts README (mean of 5 runs, temperature 0.7)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """One number that somebody published."""

    model: str
    benchmark: PublishedBenchmark
    accuracy: float
    """0 to 1."""
    setting: str
    """How thinking was controlled, in words."""
    num_waits: int | None = None
    """Ends of thinking that were suppressed; None where the setting is no point of a Wait curve."""
    mean_thinking_tokens: float | None = None
    """Where the source says how much was thought; None where it does not."""
    source: str


_TABLE_1 = f"{_PAPER}, Table 1"
_TABLE_5 = f"{_PAPER}, Table 5"
_COLUMNS: tuple[PublishedBenchmark, ...] = ("aime24", "aime25", "math500", "gpqa-diamond")
_Percent = tuple[float | None, float | None, float | None, float | None]

_ROWS: tuple[tuple[str, str, int | None, str, _Percent], ...] = (
    ("Qwen2.5-32B-Instruct", "direct", None, _TABLE_1, (26.7, None, 84.0, 49.0)),
    ("o1-preview", "as it comes", None, _TABLE_1, (44.6, None, 85.5, 73.3)),
    ("s1-32B", "budget forcing", None, _TABLE_1, (56.7, None, 93.0, 59.6)),
    ("s1-32B", "no forcing", 0, _TABLE_5, (50.0, 26.7, 92.6, 56.6)),
    ("s1-32B", "Wait x 1", 1, _TABLE_5, (53.3, 30.0, 92.8, 59.6)),
    ("s1-32B", "Wait x 2", 2, _TABLE_5, (53.3, 33.3, 93.0, 59.6)),
    ("s1-32B", "Wait x 4", 4, _TABLE_5, (56.7, 36.7, 92.2, 58.6)),
    ("s1.1-32B", "no forcing", 0, _TABLE_5, (56.7, 50.0, 94.4, 60.6)),
    ("s1.1-32B", "Wait x 1", 1, _TABLE_5, (56.7, 50.0, 95.4, 62.6)),
    ("s1.1-32B", "Wait x 2", 2, _TABLE_5, (56.7, 50.0, 95.4, 63.6)),
    ("s1-32B", "no forcing, run by others", None, _OUTSIDE, (36.0, None, 84.8, 50.5)),
    ("s1.1-32B", "no forcing, run by others", None, _OUTSIDE, (64.7, None, 89.0, 60.1)),
)
"""Model, setting, Waits, source, and percent by ``_COLUMNS``."""

_THINKING_TOKENS: dict[tuple[str, str, str], float] = {("s1-32B", "no forcing", "aime24"): 6109.0}
"""Mean thinking tokens where the paper has them (Table 14)."""


def published_results(benchmark: str) -> list[PublishedResult]:
    """What was published on a benchmark; empty for a name that is none of the paper's."""
    return [
        PublishedResult(
            model=model,
            benchmark=column,
            accuracy=round(percent / 100, 3),
            setting=setting,
            num_waits=num_waits,
            mean_thinking_tokens=_THINKING_TOKENS.get((model, setting, column)),
            source=source,
        )
        for model, setting, num_waits, source, percents in _ROWS
        for column, percent in zip(_COLUMNS, percents, strict=True)
        if column == benchmark and percent is not None
    ]
