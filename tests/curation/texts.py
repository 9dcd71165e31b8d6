"""Questions and rules that curation's tests share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s1.artifacts import parse_line
from s1.config import CurateParams, Decontamination, NgramRule
from s1.curation import Curation
from s1.decisions import Decision
from s1.decontamination import Rule, build_rule
from s1.records import Question

NGRAM: Decontamination = NgramRule(rule="ngram", size=8)
RULES = CurateParams(
    decontamination=NGRAM,
    min_characters=5,
    max_characters=100,
    drop_images=True,
    drop_numbered_parts=True,
    drop_bold_numbers=True,
)


def ask(text: str, *, source: str = "book", solution: str = "1", **metadata: str) -> Question:
    return Question.create(question=text, solution=solution, source=source, metadata=dict(metadata))


@dataclass(frozen=True, slots=True)
class Curated:
    """A row and what became of it."""

    question: Question
    decision: Decision


def run(
    questions: Sequence[Question],
    benchmarks: Sequence[Question] = (),
    *,
    rules: CurateParams = RULES,
    sources: Sequence[str] = (),
) -> list[Curated]:
    return run_in_parts(questions, benchmarks, rules=rules, sources=sources, num_parts=1)


def run_in_parts(
    questions: Sequence[Question],
    benchmarks: Sequence[Question] = (),
    *,
    rules: CurateParams = RULES,
    sources: Sequence[str] = (),
    num_parts: int,
) -> list[Curated]:
    """As ``tasks.curate`` does it in as many processes, one after another."""
    lines = [question.model_dump_json().encode() for question in questions]
    decontaminators = [build_rule(rules.decontamination, benchmarks=benchmarks) for _ in range(num_parts)]
    curations = [
        Curation(rules, rule=rule, read=read, part=part, num_parts=num_parts, sources=sources)
        for part, rule in enumerate(decontaminators)
    ]
    for curation in curations:
        curation.note(lines)
    observed = [rule.observed() for rule in decontaminators]
    for own, rule in enumerate(decontaminators):
        for other in range(num_parts):
            if other != own:
                rule.add_observed(observed[other])
    decisions = [curation.decide(lines) for curation in curations]
    return [Curated(question, next(decisions[int(question.id, 16) % num_parts]).decision) for question in questions]


def read(row: int, line: bytes) -> Question:
    return parse_line(line, Question, path=Path("questions.jsonl"), number=row + 1)


def decide(questions: Sequence[Question], benchmarks: Sequence[Question] = (), **options: object) -> list[Decision]:
    return [curated.decision for curated in run(questions, benchmarks, **options)]  # type: ignore[arg-type]


def reasons_of(questions: Sequence[Question], benchmarks: Sequence[Question] = ()) -> list[str]:
    return [curated.decision.reason for curated in run(questions, benchmarks)]


def reason_of(text: str, *, rules: CurateParams = RULES, source: str = "book", **metadata: str) -> str:
    return run([ask(text, source=source, **metadata)], rules=rules)[0].decision.reason


def learned(rule: Rule, pool: Sequence[str]) -> Rule:
    for text in pool:
        rule.observe(text)
    return rule
