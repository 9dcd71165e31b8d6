"""One reader per kind of source, each row as it is read: nothing is kept.

Knows which kind is read by what, and draws procedural questions itself; formats are in the modules beside it.

Example::

    for item in read_source(ProceduralSource(kind="procedural", name="made", num=100, seed=1), seed=0):
        isinstance(item, Question | Refusal)
"""

from collections.abc import Collection, Iterator

from s1.config import FilesSource, HubSource, JsonlSource, KnownBenchmark, PoolSource, ProceduralSource, Source
from s1.nano.questions import generate_questions
from s1.records import Question
from s1.sources.adapters import ADAPTERS
from s1.sources.adapters.named import named_by
from s1.sources.files import Locate, plain_path, read_files
from s1.sources.hub import read_hub
from s1.sources.known import read_known
from s1.sources.pool import read_pool
from s1.sources.result import Item, SourceError


def read_source(
    source: Source,
    *,
    seed: int,
    exclude: Collection[str] = (),
    for_benchmark: bool = False,
    locate: Locate = plain_path,
) -> Iterator[Item]:
    """Read one source, row by row.

    Args:
        seed: global seed; with a source's own it decides procedural questions, alone the order of options.
        exclude: texts that a procedural source must not produce.
        for_benchmark: draw from the questions that are kept for benchmarks, see ``s1.nano.questions.is_held_out``.
        locate: finds and checks the files that paths in params.yaml name.

    Raises:
        SourceError: a file or data set is missing or cannot be read; while reading, not before.
    """
    match source:
        case ProceduralSource():
            return _read_procedural(source, seed=seed, exclude=exclude, held_out=for_benchmark)
        case JsonlSource():
            return read_files([source.path], named_by(source, seed=seed), name=source.name, locate=locate)
        case FilesSource():
            return _read_files(source, locate=locate)
        case PoolSource():
            return read_pool(source, seed=seed, locate=locate)
        case HubSource():
            return read_hub(source, seed=seed, locate=locate)
        case KnownBenchmark():
            return read_known(source, seed=seed, locate=locate)


def _read_files(source: FilesSource, *, locate: Locate) -> Iterator[Item]:
    if source.adapter not in ADAPTERS:
        raise SourceError(
            f"source {source.name!r}: there is no adapter {source.adapter!r}; there are {sorted(ADAPTERS)}. "
            "A file with one question and solution per line needs none: kind jsonl (docs/data.md)."
        )
    return read_files(source.paths, ADAPTERS[source.adapter], name=source.name, locate=locate)


def _read_procedural(
    source: ProceduralSource, *, seed: int, exclude: Collection[str], held_out: bool
) -> Iterator[Question]:
    drawn = generate_questions(
        num=source.num,
        seed=seed + source.seed,
        exclude=exclude,
        step_weights=source.step_weights,
        held_out=held_out,
    )
    for item in drawn:
        yield Question.create(
            question=item.text,
            solution=item.answer,
            answer=item.answer,
            source=source.name,
            metadata={"domain": item.domain, "num_steps": item.difficulty},
        )
