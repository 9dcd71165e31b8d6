"""The paper's benchmarks by name: where each lies on the hub, which columns it has, and how many questions.

A benchmark that does not have its number of questions is refused: its score would stand beside published ones that are
of other questions. Knows the benchmarks; reading is ``s1.sources.hub`` and ``s1.sources.files``.

Example::

    read_known(KnownBenchmark(kind="benchmark", name="math500"), seed=0)
    read_known(KnownBenchmark(kind="benchmark", name="aime24", path="aime24.jsonl"), seed=0)
"""

from dataclasses import dataclass

from s1.config import HubSource, KnownBenchmark
from s1.sources.files import read_table
from s1.sources.hub import read_hub_rows
from s1.sources.result import SourceError, SourceRead
from s1.sources.rows import Fields

_MATHEMATICS = Fields(
    question=("problem", "question", "Problem", "Question"),
    solution=("solution", "reference_solution"),
    answer=("answer", "expected_answer", "Answer"),
)
"""Column names that copies of the mathematical benchmarks use."""


@dataclass(frozen=True, slots=True)
class _Known:
    repo: str
    split: str
    num_questions: int
    fields: Fields
    subset: str | None = None


_KNOWN = {
    "aime24": _Known("HuggingFaceH4/aime_2024", "train", 30, _MATHEMATICS),
    "aime25": _Known("math-ai/aime25", "test", 30, _MATHEMATICS),
    "math500": _Known("HuggingFaceH4/MATH-500", "test", 500, _MATHEMATICS),
    "gpqa-diamond": _Known(
        "Idavidrein/gpqa",
        "train",
        198,
        Fields(
            question=("Question", "question"),
            solution=("Explanation",),
            answer=("Correct Answer",),
            answer_kind="choice",
            wrong_choices=("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"),
        ),
        subset="gpqa_diamond",
    ),
}


def read_known(source: KnownBenchmark, *, seed: int) -> SourceRead:
    """Read a benchmark of the paper, from the hub or from the file that ``path`` names.

    Raises:
        SourceError: it cannot be read, or has another number of questions than the benchmark.
    """
    known = _KNOWN[source.name]
    if source.path is not None:
        read = read_table(source.path, known.fields, name=source.name, seed=seed)
    else:
        hub = HubSource(kind="hub", name=source.name, repo=known.repo, subset=known.subset, split=known.split)
        read = read_hub_rows(hub, known.fields, seed=seed)
    num_questions = len({question.id for question in read.questions})
    if num_questions != known.num_questions:
        raise SourceError(
            f"benchmark {source.name} has {known.num_questions} questions, but {source.path or known.repo} gives "
            f"{num_questions} ({read.num_bad} bad rows). Give a whole copy of it; for a part of it or another "
            f"version use a source of kind jsonl under a name of its own.{read.first_bad}"
        )
    return read
