"""Where questions and benchmarks come from, with every row that is read accounted for.

One reader per kind of source. A row becomes a question or a ``Refusal`` that names file, line and reason; nothing is
dropped in silence. Knows source formats; does not judge the questions (``s1.curation``).

Example::

    read = read_source(JsonlSource(kind="jsonl", name="aime", path="aime.jsonl"), seed=0)
    read.num_read, len(read.questions), read.refusals[0].reason
"""

from s1.sources.planting import plant_overlaps
from s1.sources.reading import read_source
from s1.sources.result import SourceError, SourceRead, check_source, only_gradable, texts_of

__all__ = [
    "SourceError",
    "SourceRead",
    "check_source",
    "only_gradable",
    "plant_overlaps",
    "read_source",
    "texts_of",
]
