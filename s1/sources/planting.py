"""Benchmark questions copied into the pool, to show decontamination at work.

Knows how copies are hidden; does not find them again (``s1.decontamination``).

Example::

    plant_overlaps(benchmarks, num=6, seed=0, source="planted")
"""

import random
from collections.abc import Sequence

from pydantic import JsonValue

from s1.records import Question
from s1.sources.result import SourceError

_MIN_EXTENDED_WORDS = 8
"""Words that a benchmark question needs for the paper's 8-gram rule to find it inside a longer text."""
_EXTENSIONS = (
    ("Here is one more from the same sheet.", "Write every step down."),
    ("Take this one slowly:", "Then say how sure you are."),
    ("A friend asked me today:", "Can you help?"),
)


def plant_overlaps(benchmarks: Sequence[Question], *, num: int, seed: int, source: str) -> list[Question]:
    """Copies of benchmark questions for the pool, to show decontamination at work.

    Half are verbatim; half (rounded down) stand inside a longer text, so that only a shared 8-gram gives them away.
    ``metadata["planted"]`` says ``verbatim`` or ``extended``, beside ``benchmark`` and ``benchmark_id``.

    Raises:
        SourceError: there are fewer benchmark questions (or fewer of at least 8 words) than wanted.
    """
    items = list({question.id: question for question in benchmarks}.values())
    rng = random.Random(f"plant-{seed}")
    rng.shuffle(items)
    long = [question for question in items if len(question.question.split()) >= _MIN_EXTENDED_WORDS]
    num_extended = num // 2
    if len(items) < num or len(long) < num_extended:
        raise SourceError(
            f"collect.num_planted_overlaps is {num}, but the benchmarks hold {len(items)} different questions, "
            f"{len(long)} of them with at least {_MIN_EXTENDED_WORDS} words. Lower num_planted_overlaps."
        )
    extended = long[:num_extended]
    used = {question.id for question in extended}
    verbatim = [question for question in items if question.id not in used][: num - num_extended]
    planted = [_plant(question, source=source, text=question.question, how="verbatim") for question in verbatim]
    for question in extended:
        before, after = rng.choice(_EXTENSIONS)
        planted.append(_plant(question, source=source, text=f"{before} {question.question} {after}", how="extended"))
    return planted


def _plant(question: Question, *, source: str, text: str, how: str) -> Question:
    marks: dict[str, JsonValue] = {"planted": how, "benchmark": question.source, "benchmark_id": question.id}
    return Question.create(
        question=text,
        solution=question.solution,
        answer=question.answer,
        answer_kind=question.answer_kind,
        source=source,
        metadata=marks,
    )
