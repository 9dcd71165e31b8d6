"""From collected to curated: exact dedupe, decontamination, quality rules on the question's text, in two passes.

Every question gets one ``Decision``. Rules on the trace belong to ``s1.selection``; rules on the question's text, which
need no model, stand here (paper section 2.2 and appendix C). Nothing but ids and what the rule counts stays in memory.

Example::

    for curated in curate(lambda: iterate_jsonl(path, Question), rules=params.curate, rule=rule):
        curated.decision.reason     # 'kept', 'duplicate', 'ngram8', 'image', ...
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from s1.config import CurateParams
from s1.curation.copies import CopyIndex
from s1.curation.quality import Objection, QualityRules
from s1.curation.reasons import DUPLICATE, EXACT_BENCHMARK, KEPT
from s1.decisions import Decision
from s1.decontamination import Overlap, Rule
from s1.records import Question


@dataclass(frozen=True, slots=True)
class Curated:
    """One collected question and what became of it."""

    question: Question
    decision: Decision
    benchmark: str | None = None
    """The benchmark whose text it has, where that took it out."""


def curate(
    read: Callable[[], Iterable[Question]], *, rules: CurateParams, rule: Rule, sources: Sequence[str] = ()
) -> Iterator[Curated]:
    """Apply dedupe, decontamination and quality rules, in this order.

    Args:
        read: gives the collected questions, called twice; both times the same ones.
        rule: not yet used; it learns in the first pass which phrases are common.
        sources: of equal texts with a reference, those of the source that stands first here are kept; without it, of
            the source that is read first.

    Yields:
        Every question, in the order of the second reading.
    """
    quality = QualityRules(rules)
    copies = CopyIndex(sources=sources)
    shares_something: set[int] = set()
    for question in read():
        if copies.add(question) and rule.observe(question.question):
            shares_something.add(int(question.id, 16))
    for question in read():
        overlap: Overlap | None = None
        if not copies.take(question):
            objection: Objection | None = Objection(DUPLICATE, f"same text as one of {copies.source_of(question)}")
        else:
            overlap = rule.find(question.question) if int(question.id, 16) in shares_something else None
            objection = quality.object_to(question) if overlap is None else _contamination(overlap, rules)
        yield Curated(question, _decide(question, objection), None if overlap is None else overlap.benchmark)


def _decide(question: Question, objection: Objection | None) -> Decision:
    return Decision(
        question_id=question.id,
        source=question.source,
        kept=objection is None,
        reason=KEPT if objection is None else objection.reason,
        detail="" if objection is None else objection.detail,
    )


def _contamination(overlap: Overlap, rules: CurateParams) -> Objection:
    detail = f"{overlap.benchmark} {overlap.item_id}: {overlap.shared_text}"
    if overlap.kind in ("copy", "variant"):
        detail = f"{detail} (score {overlap.score:.2f})"
    return Objection(_reason(overlap, rules), detail)


def _reason(overlap: Overlap, rules: CurateParams) -> str:
    match overlap.kind:
        case "exact":
            return EXACT_BENCHMARK
        case "ngram":
            rule = rules.decontamination
            return f"ngram{rule.size}" if rule.rule == "ngram" else "ngram"
        case "copy":
            return "benchmark_copy"
        case "variant":
            return "benchmark_variant"
