"""Where questions and benchmarks come from, with every row that is read accounted for.

One reader per kind of source, one adapter per format. A row becomes a question or a ``Refusal`` that names file, line
and reason; nothing is dropped in silence. Knows source formats; does not judge the questions (``s1.curation``).

Example::

    tally = Tally("aime")
    for item in tally.follow(read_source(JsonlSource(kind="jsonl", name="aime", path="aime.jsonl"), seed=0)):
        isinstance(item, Question | Refusal)
    tally.total.read, tally.total.kept, tally.total.reasons
"""

from s1.sources.files import Locate, plain_path, read_hashes
from s1.sources.planting import plant_overlaps
from s1.sources.reading import read_source
from s1.sources.result import LEFT_OUT, NOT_BAD, FileCount, Item, SourceError, Tally, only_gradable, texts_of

__all__ = [
    "LEFT_OUT",
    "NOT_BAD",
    "FileCount",
    "Item",
    "Locate",
    "SourceError",
    "Tally",
    "only_gradable",
    "plain_path",
    "plant_overlaps",
    "read_hashes",
    "read_source",
    "texts_of",
]
