"""How long selecting 1,000 out of 60,000 questions takes, part by part: ``python -m bench.selection``.

The questions are made up: 16 sources of unequal size, 51 domains, trace lengths as long-tailed as real ones; the right
answers of the two smallest sources, and the longest traces of the largest, are pre-picked. Printed are the pool and the
draw for every recipe, then the rows of decisions and ledger. Counting tokens is not part of it: traces' lengths are
known beforehand.

Example::

    python -m bench.selection
    python -m bench.selection --num 240000
"""

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time
from typing import TypeVar

from s1.config import SelectParams
from s1.decisions import Decision
from s1.records import DomainLabel, Question
from s1.selection.ledger import Tally, account, decide, fates_of
from s1.selection.pool import Candidate, Entry, Material, TraceFacts, build_pool
from s1.selection.recipes import draw

RECIPES = ("s1", "random", "diverse", "longest", "full")
NUM_SOURCES, NUM_DOMAINS = 16, 51
SELECT = SelectParams(
    recipe="s1",
    num_examples=1000,
    num_uniform=700,
    prepick_sources=["source-14", "source-15"],
    prepick_long_sources={"source-0": 12_000},
    weight_sources={"source-15": 1.0, "source-14": 0.5},
)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Timing:
    """One part: seconds on the clock, and of this process's work."""

    name: str
    wall_seconds: float
    cpu_seconds: float


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.selection")
    parser.add_argument("--num", type=int, default=60_000, help="questions (60,000)")
    num: int = parser.parse_args(argv).num
    print(f"selecting {SELECT.num_examples:,} out of {num:,} questions")
    for timing in measure(num):
        print(f"  {timing.name:<34} {timing.wall_seconds:6.2f} s   {timing.cpu_seconds:6.2f} s of work")
    return 0


def measure(num: int, *, recipes: Sequence[str] = RECIPES) -> list[Timing]:
    """The recipes' pool and draw; then, for ``s1``, the rows that account for every question."""
    material = make_material(num)
    decisions = [
        Decision(question_id=item.id, source=item.source, kept=True, reason="kept") for item in material.questions
    ]
    timings: list[Timing] = []

    def time(name: str, work: Callable[[], ResultT]) -> ResultT:
        wall, cpu = perf_counter(), process_time()
        result = work()
        timings.append(Timing(name, perf_counter() - wall, process_time() - cpu))
        return result

    for recipe in recipes:
        time(f"{recipe}: pool and draw", partial(_select, material, recipe))
    pool = build_pool(material, Entry.of("s1"))
    drawn = draw(pool.candidates, params=SELECT, seed=0, judge=_judge)
    fates = time("fates of all", lambda: fates_of(material.questions, pool, drawn))
    time("decisions, one per question", lambda: sum(1 for _ in decide(material.questions, fates)))
    collected = zip(material.questions, decisions, strict=True)
    time("ledger, one row per question", lambda: sum(1 for _ in account(collected, fates, tally=Tally())))
    return timings


def _select(material: Material, recipe: str) -> None:
    pool = build_pool(material, Entry.of(recipe))
    draw(pool.candidates, params=SELECT.model_copy(update={"recipe": recipe}), seed=0, judge=_judge)


def _judge(candidate: Candidate) -> bool:
    """Right or wrong at once: grading is not what is measured."""
    return candidate.trace_length % 2 == 0


def make_material(num: int) -> Material:
    """Hard questions with a trace and a domain each."""
    rng = random.Random(0)
    sources = rng.choices(range(NUM_SOURCES), weights=[0.7**rank for rank in range(NUM_SOURCES)], k=num)
    questions = [
        Question.create(question=f"question {place}", solution="1", source=f"source-{source}")
        for place, source in enumerate(sources)
    ]
    difficulty = {
        item.id: Decision(question_id=item.id, source=item.source, kept=True, reason="hard") for item in questions
    }
    traces = {
        item.id: TraceFacts("made up", "answered", "1", has_thinking=True, length=int(rng.lognormvariate(8.2, 0.7)))
        for item in questions
    }
    labels = {
        item.id: DomainLabel(
            question_id=item.id, domain=f"domain {int(rng.paretovariate(0.7)) % NUM_DOMAINS}", classifier="made up"
        )
        for item in questions
    }
    return Material(questions, difficulty, traces, labels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
