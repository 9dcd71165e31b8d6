"""Distinct questions per folder of the data folder, beside the numbers that its MANIFEST.md gives: ``collect``'s count.

Reads every question file of profile ``open`` through its adapter, and the four MMLU-Pro files that the profile leaves
out. Knows adapters and the manifest's table; writes nothing.

Example::

    S1_DATA=/data python -m bench.question_files
"""

import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infra.settings import data_folder
from s1.config import FilesSource, Params, load_params
from s1.records import normalize_text, question_id
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import BLANK_LINE, RawRow, read_raw
from s1.sources.manifest import DATA_PREFIX, resolve
from s1.sources.rows import BadRowError

PROFILE = Path("profiles/open.yaml")
_TABLE_ROW = re.compile(r"\| `(\w+)/` \| ([\d,]+) \|")
_UNION_ROW = re.compile(r"\| \*\*union of all question sources\*\* \| \*\*([\d,]+)\*\* \|")
OTHER_ATTEMPTS = ("mmlu_pro", "mmlu-pro", "*.zip")
"""Folder, adapter and pattern of files that hold the same questions as one that the profile names."""


@dataclass(slots=True)
class Folder:
    """What one folder holds. Texts are kept as 8-byte hashes."""

    rows: int = 0
    refused: int = 0
    stems: set[int] = field(default_factory=set)
    """Passage and question without options, as the manifest counts."""
    ids: set[str] = field(default_factory=set)
    """Questions as collected: with their options."""


def question_files(params: Params, data: Path) -> Iterator[tuple[str, str]]:
    """Adapter and path of every question file, those of the profile first."""
    named = [
        (source.adapter, path)
        for source in params.collect.sources
        if isinstance(source, FilesSource)
        for path in source.paths
    ]
    yield from named
    folder, adapter, pattern = OTHER_ATTEMPTS
    for file in sorted((data / folder).glob(pattern)):
        path = f"{DATA_PREFIX}{folder}/{file.name}"
        if (adapter, path) not in named:
            yield adapter, path


def count(adapter_name: str, path: str, data: Path, folder: Folder) -> None:
    """Add one file to its folder's figures."""
    adapter = ADAPTERS[adapter_name]
    for row in read_raw(resolve(path, data_folder=data), shown=path, layout=adapter.layout):
        if not isinstance(row, RawRow):
            folder.refused += row.reason != BLANK_LINE
            continue
        folder.rows += 1
        try:
            parts = adapter.read(row.values)
        except BadRowError as bad:
            folder.refused += 1
            print(f"refused: {row.file}, line {row.line}: {bad.reason}: {bad.detail}", file=sys.stderr)
            continue
        folder.stems.add(hash(normalize_text(f"{parts.above} {parts.question}")))
        folder.ids.add(question_id(parts.text))


def stated(manifest: str) -> dict[str, int]:
    """Folder -> distinct questions, as MANIFEST.md says; the union under ``union``."""
    numbers = {match[1]: int(match[2].replace(",", "")) for match in _TABLE_ROW.finditer(manifest)}
    union = _UNION_ROW.search(manifest)
    return {**numbers, "union": int(union[1].replace(",", ""))} if union else numbers


def main() -> None:
    """Print the table."""
    data = data_folder()
    if data is None:
        sys.exit("S1_DATA has to name the folder with the question files (docs/data.md).")
    wanted = stated((data / "MANIFEST.md").read_text(encoding="utf-8"))
    folders: defaultdict[str, Folder] = defaultdict(Folder)
    started = time.perf_counter()
    for adapter, path in question_files(load_params(PROFILE), data):
        count(adapter, path, data, folders[path.removeprefix(DATA_PREFIX).split("/")[0]])
    seconds = time.perf_counter() - started
    print("| folder | rows | refused | distinct questions | stated | with options |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, folder in folders.items():
        print(_line(name, folder, wanted.get(name)))
    every = Folder(sum(folder.rows for folder in folders.values()), sum(folder.refused for folder in folders.values()))
    every.stems.update(*(folder.stems for folder in folders.values()))
    every.ids.update(*(folder.ids for folder in folders.values()))
    print(_line("union", every, wanted.get("union")))
    print(f"\n{seconds:.1f} s on one core of {os.cpu_count()}")


def _line(name: str, folder: Folder, wanted: int | None) -> str:
    told = f"{wanted:,}" if wanted is not None else "-"
    return f"| {name} | {folder.rows:,} | {folder.refused} | {len(folder.stems):,} | {told} | {len(folder.ids):,} |"


if __name__ == "__main__":
    main()
