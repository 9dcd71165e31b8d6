"""Where questions came from and where they went: by file, by source, by benchmark, by selection.

Knows types only (``s1.report.pool_reading`` reads them); a figure that no stage counted is None, never zero.

Example::

    FileCount(source="math", file="math/train.jsonl.gz", num_read=7500, num_kept=7500, reasons=())
"""

from dataclasses import dataclass

Counts = tuple[tuple[str, int], ...]
"""Reason codes with how often."""


@dataclass(frozen=True, slots=True)
class FileCount:
    """What was read from one file."""

    source: str
    file: str
    num_read: int
    num_kept: int
    reasons: Counts
    """Why the other rows were refused."""


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What became of one source's questions."""

    source: str
    num_read: int | None
    num_refused: int | None
    num_duplicates: int
    num_benchmark: int
    """Taken out because they share text with a benchmark."""
    num_poor: int
    """Taken out by a quality rule."""
    num_curated: int
    num_selected: int | None


@dataclass(frozen=True, slots=True)
class Removals:
    """Questions that one benchmark took out of the pool."""

    benchmark: str
    reasons: Counts

    @property
    def total(self) -> int:
        """All of them."""
        return sum(count for _, count in self.reasons)


@dataclass(frozen=True, slots=True)
class OtherSelection:
    """One more selection out of the same questions."""

    name: str
    num: int
    num_without_trace: int | None
    num_domains: int | None
    mean_trace_length: float | None
    num_shared: int | None
    """Questions that the selection to train on has too."""
    jaccard: float | None


@dataclass(frozen=True, slots=True)
class PoolContent:
    """All tables on where questions came from and went."""

    files: tuple[FileCount, ...] = ()
    sources: tuple[SourceCount, ...] = ()
    removals: tuple[Removals, ...] = ()
    others: tuple[OtherSelection, ...] = ()

    @property
    def num_refused(self) -> int:
        """Rows that are no questions."""
        return sum(file.num_read - file.num_kept for file in self.files)

    @property
    def is_collected(self) -> bool:
        """Whether anything was read from a file; a program's questions come from none."""
        return any(file.file for file in self.files)
