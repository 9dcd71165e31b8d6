"""One reader per kind of source.

Knows which kind is read by what, and draws procedural questions itself; formats are in the modules beside it.

Example::

    read_source(ProceduralSource(kind="procedural", name="made", num=100, seed=1), seed=0)
"""

from collections.abc import Collection

from s1.config import HubSource, JsonlSource, KnownBenchmark, ProceduralSource, Source
from s1.nano.questions import generate_questions
from s1.records import Question
from s1.sources.files import read_jsonl
from s1.sources.hub import read_hub
from s1.sources.known import read_known
from s1.sources.result import SourceRead


def read_source(source: Source, *, seed: int, exclude: Collection[str] = (), for_benchmark: bool = False) -> SourceRead:
    """Read one source.

    Args:
        seed: global seed; with a source's own it decides procedural questions, alone the order of options.
        exclude: texts that a procedural source must not produce.
        for_benchmark: draw from the questions that are kept for benchmarks, see ``s1.nano.questions.is_held_out``.

    Raises:
        SourceError: a file or data set is missing or cannot be read.
    """
    match source:
        case ProceduralSource():
            return _read_procedural(source, seed=seed, exclude=exclude, held_out=for_benchmark)
        case JsonlSource():
            return read_jsonl(source, seed=seed)
        case HubSource():
            return read_hub(source, seed=seed)
        case KnownBenchmark():
            return read_known(source, seed=seed)


def _read_procedural(source: ProceduralSource, *, seed: int, exclude: Collection[str], held_out: bool) -> SourceRead:
    drawn = generate_questions(
        num=source.num,
        seed=seed + source.seed,
        exclude=exclude,
        step_weights=source.step_weights,
        held_out=held_out,
    )
    questions = [
        Question.create(
            question=item.text,
            solution=item.answer,
            answer=item.answer,
            source=source.name,
            metadata={"domain": item.domain, "num_steps": item.difficulty},
        )
        for item in drawn
    ]
    return SourceRead(name=source.name, questions=questions)
