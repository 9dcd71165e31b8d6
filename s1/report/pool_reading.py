"""Reads what ``collect``, ``curate`` and ``select`` counted into the tables on where questions came from and went.

Knows the form of ``metrics/<stage>.json``; the funnel's own reader is ``s1.report.funnels``.

Example::

    read_files(json.loads(Path("metrics/collect.json").read_text()))[0].num_kept        # 7500
"""

from pydantic import JsonValue

from s1.report.figures import Figures, group, number, text, whole
from s1.report.pool import Counts, FileCount, OtherSelection, PoolContent, Removals, SourceCount
from s1.report.stage_reading import step_of_reason

_BENCHMARK = "decontaminated"
_QUALITY = "quality"
_DUPLICATE = "unique"


def read_pool(collect: Figures | None, curate: Figures | None, select: Figures | None) -> PoolContent:
    """All tables; each is empty where its stage counted nothing.

    Raises:
        ValueError: the figures have another form (names the key).
    """
    return PoolContent(
        files=tuple(read_files(collect)),
        sources=tuple(read_sources(collect, curate, select)),
        removals=tuple(
            Removals(benchmark, _counts(group(group(curate, "benchmarks"), benchmark)))
            for benchmark in group(curate, "benchmarks")
        ),
        others=tuple(_read_other(name, group(group(select, "others"), name)) for name in group(select, "others")),
    )


def read_files(collect: Figures | None) -> list[FileCount]:
    """Every file that was read, in the order of reading.

    Raises:
        ValueError: the figures have another form (names the key).
    """
    files = (collect or {}).get("files")
    return [_read_file(item) for item in files] if isinstance(files, list) else []


def _read_file(item: JsonValue) -> FileCount:
    if not isinstance(item, dict):
        raise ValueError(f"the figure 'files' holds {item!r}, not an object of figures; run its stage again")
    return FileCount(
        source=text(item, "source"),
        file=text(item, "file"),
        num_read=whole(item, "read") or 0,
        num_kept=whole(item, "kept") or 0,
        reasons=_counts(group(item, "reasons")),
    )


def read_sources(collect: Figures | None, curate: Figures | None, select: Figures | None) -> list[SourceCount]:
    """Every source with a curated or a removed question, in the order of its name.

    Raises:
        ValueError: the figures have another form (names the key).
    """
    read, left, taken = group(collect, "sources"), group(curate, "sources"), group(select, "sources")
    return [
        _read_source(name, group(read, name), group(left, name), group(taken, name) if name in taken else None)
        for name in left
    ]


def _read_source(name: str, read: Figures, left: Figures, taken: Figures | None) -> SourceCount:
    by_step: dict[str, int] = {}
    for reason, count in _counts(left):
        step = "kept" if reason == "kept" else step_of_reason(reason)
        by_step[step] = by_step.get(step, 0) + count
    return SourceCount(
        source=name,
        num_read=whole(read, "read"),
        num_refused=whole(read, "refused"),
        num_duplicates=by_step.get(_DUPLICATE, 0),
        num_benchmark=by_step.get(_BENCHMARK, 0),
        num_poor=by_step.get(_QUALITY, 0),
        num_curated=by_step.get("kept", 0),
        num_selected=None if taken is None else whole(taken, "num_selected"),
    )


def _read_other(name: str, figures: Figures) -> OtherSelection:
    return OtherSelection(
        name=name,
        num=whole(figures, "num") or 0,
        num_without_trace=whole(figures, "num_without_trace"),
        num_domains=whole(figures, "num_domains"),
        mean_trace_length=number(figures, "mean_trace_length"),
        num_shared=whole(figures, "num_shared"),
        jaccard=number(figures, "jaccard"),
    )


def _counts(figures: Figures) -> Counts:
    return tuple((reason, whole(figures, reason) or 0) for reason in figures)
