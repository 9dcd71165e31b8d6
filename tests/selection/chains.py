"""Made-up runs for the tests of the ledger: collected questions and what every stage found out about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from s1.decisions import Decision, LedgerRow
from s1.records import DomainLabel, Question, TraceState
from s1.selection.ledger import Tally, account, fates_of
from s1.selection.pool import Entry, Material, TraceFacts, build_pool
from s1.selection.recipes import Draw, draw
from tests.selection.builders import S1, judge, make_difficulty, make_label

CURATE_REASONS = ("kept", "kept", "kept", "kept", "duplicate", "ngram8", "image", "too_short")
DIFFICULTIES = ("hard", "hard", "hard", "too_easy_small", "too_easy_both", "not_attempted", "ungraded")
TRACE_STATES: tuple[TraceState | None, ...] = ("answered", "answered", "answered", "truncated", "not_recorded", None)


@dataclass(frozen=True, slots=True)
class Fact:
    """What the stages found out about one collected question."""

    curate: str = "kept"
    difficulty: str = "hard"
    trace: TraceState | None = "answered"
    is_labelled: bool = True
    has_reference: bool = True
    length: int = 5


facts = st.builds(
    Fact,
    curate=st.sampled_from(CURATE_REASONS),
    difficulty=st.sampled_from(DIFFICULTIES),
    trace=st.sampled_from(TRACE_STATES),
    is_labelled=st.booleans(),
    has_reference=st.booleans(),
    length=st.integers(1, 50),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A small run up to the ledger."""

    collected: list[Question]
    decisions: list[Decision]
    material: Material
    drawn: Draw
    rows: list[LedgerRow]
    tally: Tally


def make_run(
    told: Sequence[Fact], *, recipe: str = "s1", num_examples: int = 3, seed: int = 0, needs_trace: bool = True
) -> Run:
    """Questions of these facts in their order, drawn from and accounted for."""
    collected = [_collect(number, fact, told) for number, fact in enumerate(told)]
    decisions = [
        Decision(question_id=question.id, source=question.source, kept=fact.curate == "kept", reason=fact.curate)
        for question, fact in zip(collected, told, strict=True)
    ]
    curated = [(question, fact) for question, fact in zip(collected, told, strict=True) if fact.curate == "kept"]
    material = Material(
        questions=[question for question, _ in curated],
        difficulty={question.id: make_difficulty(question, reason=fact.difficulty) for question, fact in curated},
        traces={
            question.id: TraceFacts("fake", fact.trace, "True", has_thinking=True, length=fact.length)
            for question, fact in curated
            if fact.trace is not None
        },
        labels=_labels(curated),
    )
    pool = build_pool(material, Entry.of(recipe, needs_trace=needs_trace))
    params = S1.model_copy(update={"recipe": recipe, "num_examples": num_examples, "prepick_sources": ["book0"]})
    drawn = draw(pool.candidates, params=params, seed=seed, judge=judge)
    tally = Tally()
    fates = fates_of(material.questions, pool, drawn)
    rows = list(account(zip(collected, decisions, strict=True), fates, tally=tally))
    return Run(collected, decisions, material, drawn, rows, tally)


def _collect(number: int, fact: Fact, told: Sequence[Fact]) -> Question:
    """A duplicate repeats the first kept question, where there is one."""
    original = next((place for place, other in enumerate(told) if other.curate == "kept"), number)
    text = original if fact.curate == "duplicate" else number
    return Question.create(
        question=f"question {text}",
        solution="1" if fact.has_reference else "",
        source=f"book{number % 3}",
        metadata={"file": f"book{number % 3}.jsonl", "line": number + 1},
    )


def _labels(curated: Sequence[tuple[Question, Fact]]) -> dict[str, DomainLabel]:
    return {
        question.id: make_label(question, f"domain{number % 2}")
        for number, (question, fact) in enumerate(curated)
        if fact.is_labelled
    }
