"""Time and memory of ``curate`` by number of questions, and of the n-gram rule beside the reference's way of doing it.

Questions are those that ``collect`` wrote, repeated with other numbers and other names until there are enough, so that
every row is a text of its own. Every size has a program of its own, which starts the stage's processes
(``S1_PROCESSES``); memory is the sum of their peaks. The reference's way is written down plainly here: an n-gram table
of the whole pool, one of the benchmarks, and their intersection.

Example::

    python -m bench.curation --collect data/collect --sizes 10000 100000 1000000 --out curve.json
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path

from bench.decontamination import RULES, print_table
from infra.settings import num_processes
from s1.artifacts import ArtifactWriter, iterate_jsonl
from s1.config import CurateParams, NgramRule
from s1.decontamination import build_rule
from s1.decontamination.words import word_ngrams
from s1.records import Question, normalize_text
from tasks import curate
from tasks.paths import QUESTIONS
from tasks.stage import StageContext

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\b[A-Z][a-z]{3,}\b")
_KEPT_FILES = ("benchmarks.jsonl", "held_out.jsonl", "hashed.jsonl")
_NGRAM = 8


@dataclass(frozen=True, slots=True)
class Point:
    """One run."""

    rule: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    result: dict[str, int]
    """Questions by reason, or the number of removals."""


class _Clock:
    """Wall and processor time since it was made, of ended children too; when others work, the second one is the cost.

    On cores that are two threads of one, processor time grows when both are busy.
    """

    def __init__(self) -> None:
        self._begin = self._now()

    def read(self) -> tuple[float, float]:
        return self._now()[0] - self._begin[0], self._now()[1] - self._begin[1]

    @staticmethod
    def _now() -> tuple[float, float]:
        usages = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages)


def perturb(question: Question, *, copy: int) -> Question:
    """The question with other numbers and names, another for every copy; the first copy is the question itself."""
    if copy == 0:
        return question
    text = _NUMBER.sub(lambda match: str(int(match.group()[:9]) + copy), question.question)
    text = _WORD.sub(lambda match: match.group() + chr(ord("a") + copy % 26), text, count=2)
    return Question.create(
        question=f"{text} ({copy})", solution=question.solution, source=question.source, metadata=question.metadata
    )


def repeat(pool: Path, *, num_rows: int) -> Iterator[Question]:
    """So many questions: rounds over the pool, or an even sample of it."""
    size = sum(1 for _ in iterate_jsonl(pool, Question))
    if num_rows < size:
        rows = iterate_jsonl(pool, Question)
        return (row for place, row in enumerate(rows) if place * num_rows // size != (place + 1) * num_rows // size)
    rounds = (perturb(question, copy=copy) for copy in count() for question in iterate_jsonl(pool, Question))
    return islice(rounds, num_rows)


def run_curate(rule: str, folder: Path) -> Point:
    """The stage as it is, in a folder with ``data/collect``."""
    params = CurateParams(
        decontamination=RULES[rule],
        min_characters=8,
        max_characters=20_000,
        drop_images=True,
        drop_numbered_parts=True,
        drop_bold_numbers=True,
        drop_missing_pictures=True,
        languages=["en"],
    )
    stage = StageContext(
        name="curate",
        work_folder=folder / "work",
        progress=lambda _done, _total, _note: None,
        run_shard=lambda _name, work: work(),
        track_step=lambda _step, _figures: None,
    )
    with chdir(folder):
        clock = _Clock()
        metrics = curate.run(stage, curate=params)
        seconds, cpu_seconds = clock.read()
    reasons = metrics["reasons"]
    assert isinstance(reasons, dict)
    result = {reason: number for reason, number in reasons.items() if isinstance(number, int)}
    peak = _peak_megabytes() + num_processes() * _peak_megabytes(resource.RUSAGE_CHILDREN)
    return Point(rule, sum(result.values()), seconds, cpu_seconds, peak, result)


def run_removals(way: Callable[[Sequence[str], Sequence[Question]], set[int]], name: str, folder: Path) -> Point:
    """One way of finding n-gram overlaps, over texts that are in memory already, which counts for both ways."""
    texts = list({q.id: q.question for q in iterate_jsonl(folder / QUESTIONS, Question)}.values())
    benchmarks = list(iterate_jsonl(folder / QUESTIONS.with_name("benchmarks.jsonl"), Question))
    clock = _Clock()
    removed = way(texts, benchmarks)
    seconds, cpu_seconds = clock.read()
    result = {"removed": len(removed), "sum": sum(removed)}
    return Point(name, len(texts), seconds, cpu_seconds, _peak_megabytes(), result)


def remove_by_stream(texts: Sequence[str], benchmarks: Sequence[Question]) -> set[int]:
    """Ours: the benchmarks' n-grams are kept, the pool's never; equal texts too short for an n-gram are left aside."""
    rule = build_rule(NgramRule(rule="ngram", size=_NGRAM), benchmarks=benchmarks)
    return {index for index, text in enumerate(texts) if rule.find(text) is not None and len(text.split()) >= _NGRAM}


def remove_by_tables(texts: Sequence[str], benchmarks: Sequence[Question]) -> set[int]:
    """The reference's approach: both tables, then their intersection."""
    pool: dict[str, set[int]] = defaultdict(set)
    for index, text in enumerate(texts):
        for ngram in word_ngrams(normalize_text(text), size=_NGRAM):
            pool[ngram].add(index)
    benchmark: dict[str, set[int]] = defaultdict(set)
    for index, question in enumerate(benchmarks):
        for ngram in word_ngrams(normalize_text(question.question), size=_NGRAM):
            benchmark[ngram].add(index)
    removed: set[int] = set()
    for ngram in set(pool) & set(benchmark):
        removed |= pool[ngram]
    return removed


def _peak_megabytes(whose: int = resource.RUSAGE_SELF) -> float:
    """The peak of this process, or the largest of its children's."""
    peak = resource.getrusage(whose).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


RUNS: dict[str, Callable[[Path], Point]] = {
    **{rule: partial(run_curate, rule) for rule in RULES},
    "stream": partial(run_removals, remove_by_stream, "stream"),
    "tables": partial(run_removals, remove_by_tables, "tables"),
}


def measure(run: str, folder: Path) -> Point:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "bench.curation", "--run", run, "--folder", str(folder.resolve())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Point(**json.loads(done.stdout))


def print_curve(points: Sequence[Point]) -> None:
    """Rows, seconds, microseconds of processor a row, peak memory."""
    rows = [
        [
            point.rule,
            f"{point.rows:,}",
            f"{point.seconds:.1f}",
            f"{point.cpu_seconds:.1f}",
            f"{1e6 * point.cpu_seconds / point.rows:.0f}",
            f"{point.peak_megabytes:.0f}",
            f"{point.result.get('kept', 0):,}",
        ]
        for point in points
    ]
    head = ["rule", "rows", "seconds", "of processor", "microseconds a row", "peak memory, MB", "kept"]
    print_table("The stage curate by number of collected questions", head, rows)


def print_comparison(stream: Point, tables: Point) -> None:
    """Both ways of the n-gram rule; fails unless they remove the same questions."""
    if stream.result != tables.result:
        raise SystemExit(f"the two ways remove different questions: {stream.result} and {tables.result}")
    rows = [
        [
            name,
            f"{point.seconds:.2f}",
            f"{point.cpu_seconds:.2f}",
            f"{point.peak_megabytes:.0f}",
            point.result["removed"],
        ]
        for name, point in (("both tables, then intersect", tables), ("ngram", stream))
    ]
    print_table(
        f"The n-gram rule over {stream.rows:,} distinct texts",
        ["way", "seconds", "of processor", "peak memory, MB", "removed"],
        rows,
    )
    faster = tables.cpu_seconds / stream.cpu_seconds
    smaller = tables.peak_megabytes / stream.peak_megabytes
    print(f"\n{faster:.1f} times faster with 1/{smaller:.1f} of the memory, the texts themselves included")


def main() -> None:
    """Print the curve and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--collect", type=Path, default=Path("data/collect"), help="folder that collect wrote")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="rows of the curve")
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=["distinctive"])
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--run", choices=list(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run is not None:
        print(json.dumps(asdict(RUNS[arguments.run](arguments.folder))))
        return
    points: list[Point] = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.collect.resolve().parent) as folder:
            _write_collected(Path(folder), arguments.collect, num_rows=size)
            points += [measure(rule, Path(folder)) for rule in arguments.rules]
    print_curve(points)
    with tempfile.TemporaryDirectory(dir=arguments.collect.resolve().parent) as folder:
        collected = Path(folder) / QUESTIONS.parent
        collected.parent.mkdir(parents=True)
        collected.symlink_to(arguments.collect.resolve())
        stream, tables = (measure(run, Path(folder)) for run in ("stream", "tables"))
    print_comparison(stream, tables)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps([asdict(point) for point in [*points, stream, tables]], indent=1) + "\n")


def _write_collected(folder: Path, collect: Path, *, num_rows: int) -> None:
    with ArtifactWriter(folder / QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, repeat(collect / QUESTIONS.name, num_rows=num_rows))
        for name in _KEPT_FILES:
            shutil.copyfile(collect / name, artifact.path(name))


if __name__ == "__main__":
    main()
