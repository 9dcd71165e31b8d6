"""One adapter per format of real question files, by name.

Knows every format that files on this machine come in; sources of the hub are declared in ``s1.sources.pool``. To add
one, declare its columns in the module of its kind (docs/data.md).

Example::

    adapter = ADAPTERS["math"]
    for row in read_raw(path, shown="math/train.jsonl.gz", layout=adapter.layout):
        adapter.question_of(row, source="math")
"""

from s1.sources.adapters.adapter import Adapter, Columns, Parts
from s1.sources.adapters.exams import EXAMS
from s1.sources.adapters.mathematics import MATHEMATICS
from s1.sources.adapters.programming import PROGRAMMING
from s1.sources.adapters.science import SCIENCE

ADAPTERS: dict[str, Adapter] = {**MATHEMATICS, **EXAMS, **SCIENCE, **PROGRAMMING}
"""Name -> adapter, as ``adapter`` in params.yaml names it."""

__all__ = ["ADAPTERS", "Adapter", "Columns", "Parts"]
