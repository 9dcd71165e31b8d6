"""Questions and rules that curation's tests share."""

from collections.abc import Sequence

from s1.config import CurateParams, Decontamination, NgramRule
from s1.curation import Curated
from s1.curation import curate as curate_stream
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


def run(
    questions: Sequence[Question],
    benchmarks: Sequence[Question] = (),
    *,
    rules: CurateParams = RULES,
    sources: Sequence[str] = (),
) -> list[Curated]:
    rule = build_rule(rules.decontamination, benchmarks=benchmarks)
    return list(curate_stream(lambda: questions, rules=rules, rule=rule, sources=sources))


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
