"""The paper's benchmarks by name: where each lies on the hub, which columns it has, and how many questions.

A benchmark that does not have its number of questions is refused: its score would stand beside published ones that are
of other questions. Knows the benchmarks; reading is ``s1.sources.hub`` and ``s1.sources.files``.

Example::

    read_known(KnownBenchmark(kind="benchmark", name="math500"), seed=0, locate=plain_path)
    read_known(KnownBenchmark(kind="benchmark", name="aime24", path="aime24.jsonl"), seed=0, locate=plain_path)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from s1.config import KnownBenchmark
from s1.records import Question
from s1.sources.adapters import ADAPTERS, Adapter
from s1.sources.adapters.named import gpqa_adapter
from s1.sources.files import Locate, read_files, read_rows
from s1.sources.hub import GPQA_DIAMOND, HubPart, load_part
from s1.sources.result import Item, SourceError, Tally


def _problems(_seed: int) -> Adapter:
    return ADAPTERS["problems"]


@dataclass(frozen=True, slots=True)
class _Known:
    part: HubPart
    num_questions: int
    adapter: Callable[[int], Adapter] = _problems


_KNOWN = {
    "aime24": _Known(HubPart(repo="HuggingFaceH4/aime_2024", split="train"), 30),
    "aime25": _Known(HubPart(repo="math-ai/aime25", split="test"), 30),
    "math500": _Known(HubPart(repo="HuggingFaceH4/MATH-500", split="test"), 500),
    "gpqa-diamond": _Known(GPQA_DIAMOND, 198, gpqa_adapter),
}


def read_known(source: KnownBenchmark, *, seed: int, locate: Locate) -> Iterator[Item]:
    """Read a benchmark of the paper, from the hub or from the file that ``path`` names.

    Raises:
        SourceError: it cannot be read, or has another number of questions than the benchmark.
    """
    known = _KNOWN[source.name]
    adapter = known.adapter(seed)
    if source.path is not None:
        items = read_files([source.path], adapter, name=source.name, locate=locate)
    else:
        items = read_rows(load_part(known.part, name=source.name), adapter, name=source.name)
    tally = Tally(source.name)
    read = list(tally.follow(items))
    num_questions = len({item.id for item in read if isinstance(item, Question)})
    if num_questions != known.num_questions:
        raise SourceError(
            f"benchmark {source.name} has {known.num_questions} questions, but {source.path or known.part.repo} gives "
            f"{num_questions} ({tally.total.refused} bad rows). Give a whole copy of it; for a part of it or another "
            f"version use a source of kind jsonl under a name of its own.{tally.bad_rows}"
        )
    yield from read
