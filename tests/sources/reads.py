"""A source read to its end, for tests: what was kept, what was refused, and the counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from s1.decisions import Refusal
from s1.records import Question
from s1.sources import Item, Tally, only_gradable, read_source


@dataclass(frozen=True, slots=True)
class Read:
    """Everything that one source gave."""

    questions: list[Question]
    refusals: list[Refusal]
    tally: Tally


def gather(items: Iterable[Item], *, name: str = "book") -> Read:
    """All of it in memory."""
    tally = Tally(name)
    passed = list(tally.follow(items))
    questions = [item for item in passed if isinstance(item, Question)]
    return Read(questions, [item for item in passed if isinstance(item, Refusal)], tally)


def read_all(source: object, *, seed: int = 0, gradable: bool = False, **options: object) -> Read:
    """``read_source`` to its end; ``gradable``: as a benchmark."""
    items = read_source(source, seed=seed, **options)  # type: ignore[arg-type]
    return gather(only_gradable(items) if gradable else items, name=source.name)  # type: ignore[attr-defined]
