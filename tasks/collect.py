"""Source files, data sets and generators -> questions, benchmarks and held-out sets, every row accounted for.

Knows ``s1.sources`` and where its artifacts lie; reads no other stage's output. Questions are written as they are read;
only benchmarks are kept in memory.

Example::

    metrics = run(stage, collect=params.collect, seed=params.seed)
    metrics["sources"]["procedural"]        # {'read': 6000, 'kept': 6000, 'refused': 0, 'reasons': {}}
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, JsonValue

from s1.artifacts import ArtifactWriter
from s1.config import CollectParams, HashedBenchmark, HeldOut
from s1.decisions import Refusal
from s1.records import HashedItem, Question
from s1.sources import (
    NOT_BAD,
    FileCount,
    Locate,
    Tally,
    only_gradable,
    plant_overlaps,
    read_hashes,
    read_source,
    texts_of,
)
from tasks.paths import BENCHMARKS, HASHED, HELD_OUT, QUESTIONS, REFUSED
from tasks.stage import Metrics, StageContext

PLANTED_SOURCE = "planted"

Write = Callable[[BaseModel], None]
_KeptT = TypeVar("_KeptT", Question, HashedItem)

_logger = logging.getLogger(__name__)


def run(stage: StageContext, *, collect: CollectParams, seed: int) -> Metrics:
    """Read benchmarks, then sources; procedural ones never repeat a benchmark question except the planted ones."""
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        with artifact.stream_jsonl(QUESTIONS.name) as write, artifact.stream_jsonl(REFUSED.name) as write_refusal:
            desk = _Desk(stage, collect, seed, stage.source_files().path, write_refusal)
            benchmarks = desk.read_benchmarks()
            num_planted = desk.read_sources(write, benchmarks)
            held_out, hashed = desk.read_held_out()
        artifact.write_jsonl(BENCHMARKS.name, benchmarks)
        artifact.write_jsonl(HELD_OUT.name, held_out)
        artifact.write_jsonl(HASHED.name, hashed)
    return {
        "num_questions": sum(tally.total.kept for tally in desk.sources) + num_planted,
        "num_benchmark_questions": len(benchmarks),
        "num_held_out_questions": len(held_out) + len(hashed),
        "num_planted_overlaps": num_planted,
        "num_refused": desk.num_refused,
        "sources": {tally.name: _count(tally.total) for tally in desk.sources},
        "benchmarks": {tally.name: _count(tally.total) for tally in desk.benchmarks},
        "held_out": {tally.name: _count(tally.total) for tally in desk.held_out},
        "files": desk.files(),
    }


@dataclass(slots=True)
class _Desk:
    """Where rows pass and are counted: one tally per source, one line in ``refused.jsonl`` per refusal."""

    stage: StageContext
    collect: CollectParams
    seed: int
    locate: Locate
    write_refusal: Write
    benchmarks: list[Tally] = field(default_factory=list)
    sources: list[Tally] = field(default_factory=list)
    held_out: list[Tally] = field(default_factory=list)
    num_refused: int = 0

    def read_benchmarks(self) -> list[Question]:
        """All benchmarks' questions that can be graded, each once per benchmark."""
        questions: list[Question] = []
        for source in self.collect.benchmarks:
            seen = texts_of(questions)
            items = read_source(source, seed=self.seed, exclude=seen, for_benchmark=True, locate=self.locate)
            questions.extend(self._pass(only_gradable(items), self.benchmarks, source.name, Question))
        return questions

    def read_sources(self, write: Write, benchmarks: list[Question]) -> int:
        """Write the pool's questions as they are read; return how many overlaps were planted behind them."""
        excluded = texts_of(benchmarks)
        for source in self.collect.sources:
            items = read_source(source, seed=self.seed, exclude=excluded, locate=self.locate)
            for question in self._pass(items, self.sources, source.name, Question):
                write(question)
        planted = plant_overlaps(
            benchmarks, num=self.collect.num_planted_overlaps, seed=self.seed, source=PLANTED_SOURCE
        )
        for question in planted:
            write(question)
        return len(planted)

    def read_held_out(self) -> tuple[list[Question], list[HashedItem]]:
        """What the pool is kept clear of beside the benchmarks: as text, and as hashes."""
        questions: dict[str, Question] = {}
        hashed: list[HashedItem] = []
        for source in self.collect.held_out:
            if isinstance(source, HashedBenchmark):
                items = read_hashes(source.path, name=source.name, locate=self.locate)
                hashed.extend(self._pass(items, self.held_out, source.name, HashedItem, file=source.path))
            else:
                for question in self._read_text(source):
                    questions.setdefault(question.id, question)
        return [*questions.values()], hashed

    def _read_text(self, source: HeldOut) -> Iterator[Question]:
        if not isinstance(source, HashedBenchmark):
            items = read_source(source, seed=self.seed, for_benchmark=True, locate=self.locate)
            yield from self._pass(items, self.held_out, source.name, Question)

    def _pass(
        self, items: Iterator[_KeptT | Refusal], tallies: list[Tally], name: str, kind: type[_KeptT], *, file: str = ""
    ) -> Iterator[_KeptT]:
        """What was kept of one source; at its end the source is checked and its bad rows are told."""
        tally = Tally(name)
        tallies.append(tally)
        for item in tally.follow(items, file=file):
            if isinstance(item, kind):
                yield item
            elif isinstance(item, Refusal) and item.reason not in NOT_BAD:
                self.write_refusal(item)
                self.num_refused += 1
        tally.check(max_bad_share=self.collect.max_bad_share)
        if tally.first_bad:
            _logger.warning("source %r: %d bad rows; the first:%s", name, tally.total.refused, tally.bad_rows)
        num_all = len(self.collect.benchmarks) + len(self.collect.sources) + len(self.collect.held_out)
        num_done = len(self.benchmarks) + len(self.sources) + len(self.held_out)
        self.stage.progress(num_done, num_all, name)

    def files(self) -> list[JsonValue]:
        """Counts of every file that was read, in order."""
        return [
            {"source": tally.name, "file": file, **_count(count)}
            for tally in [*self.benchmarks, *self.sources, *self.held_out]
            for file, count in tally.files.items()
            if file
        ]


def _count(count: FileCount) -> Metrics:
    reasons: Metrics = dict(sorted(count.reasons.items()))
    left_out: Metrics = {"left_out": count.left_out} if count.left_out else {}
    return {"read": count.read, "kept": count.kept, "refused": count.refused, **left_out, "reasons": reasons}
