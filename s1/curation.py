"""From collected to curated: exact dedupe, decontamination, quality rules on the question's text.

Every question gets one ``Decision``. Rules on the trace belong to ``s1.selection``; rules on the question's text, which
need no model, stand here (paper section 2.2 and appendix C).

Example::

    curation = curate(questions, benchmarks, rules=params.curate)
    [decision.reason for decision in curation.decisions]      # ['kept', 'duplicate', 'ngram8', 'image', ...]
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from s1.config import CurateParams
from s1.decontamination import BenchmarkIndex, Overlap
from s1.records import Decision, Question

KEPT = "kept"
DUPLICATE = "duplicate"
EXACT_BENCHMARK = "exact_benchmark"
QUALITY_REASONS = ("too_short", "too_long", "image", "numbered_parts", "bold_number")

# The reference asks for each of the strings "p1." to "p999." anywhere, so "step1." matches and "p01." does not.
_NUMBERED_PART = re.compile(r"p[1-9][0-9]{0,2}\.")
# The reference's pattern as it is: the lookahead runs to the end of the line, so "**bold** in 2021" matches too.
_BOLD_NUMBER = re.compile(r"\*\*(?=.*\d)[^\s\]]*\*\*")


@dataclass(frozen=True, slots=True)
class Curation:
    """What is left, and one decision per question that came in, in its order."""

    kept: list[Question]
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class _Objection:
    reason: str
    detail: str


def curate(questions: Sequence[Question], benchmarks: Iterable[Question], *, rules: CurateParams) -> Curation:
    """Apply dedupe, decontamination and quality rules, in this order.

    Of equal texts the first with a reference is kept; its ``metadata["copies"]`` lists where the others came from.
    """
    index = BenchmarkIndex(benchmarks, ngram_size=rules.decontamination.size)
    groups: dict[str, list[int]] = {}
    for position, question in enumerate(questions):
        groups.setdefault(question.id, []).append(position)
    chosen_of = {identity: _choose_copy(questions, copies) for identity, copies in groups.items()}
    kept: list[Question] = []
    decisions: list[Decision] = []
    for position, question in enumerate(questions):
        chosen = chosen_of[question.id]
        if position != chosen:
            objection: _Objection | None = _Objection(DUPLICATE, f"same text as one of {questions[chosen].source}")
        else:
            objection = _contamination(question, index) or _quality_objection(question, rules)
        decisions.append(_decide(question, objection))
        if objection is None:
            others = [questions[other] for other in groups[question.id] if other != position]
            kept.append(_with_copies(question, others))
    return Curation(kept=kept, decisions=decisions)


def _decide(question: Question, objection: _Objection | None) -> Decision:
    return Decision(
        question_id=question.id,
        source=question.source,
        kept=objection is None,
        reason=KEPT if objection is None else objection.reason,
        detail="" if objection is None else objection.detail,
    )


def _choose_copy(questions: Sequence[Question], positions: Sequence[int]) -> int:
    """Position of the copy to keep: the first with a reference, else the first."""
    with_reference = (place for place in positions if questions[place].solution or questions[place].answer)
    return next(with_reference, positions[0])


def _with_copies(question: Question, others: Sequence[Question]) -> Question:
    """The question with the provenance of its other copies; a solution is repeated only where it differs."""
    if not others:
        return question
    entries: list[JsonValue] = []
    for copy in others:
        entry: dict[str, JsonValue] = {"source": copy.source, "metadata": copy.metadata}
        if copy.solution != question.solution:
            entry["solution"] = copy.solution
        entries.append(entry)
    return question.model_copy(update={"metadata": {**question.metadata, "copies": entries}})


def _contamination(question: Question, index: BenchmarkIndex) -> _Objection | None:
    overlap = index.find(question.question)
    if overlap is None:
        return None
    reason = EXACT_BENCHMARK if overlap.kind == "exact" else ngram_reason(index.ngram_size)
    return _Objection(reason, _describe(overlap))


def ngram_reason(ngram_size: int) -> str:
    """Reason code of a question removed for a shared n-gram, for example ``ngram8``."""
    return f"ngram{ngram_size}"


def _describe(overlap: Overlap) -> str:
    return f"{overlap.benchmark} {overlap.item_id}: {overlap.shared_text}"


def _quality_objection(question: Question, rules: CurateParams) -> _Objection | None:
    """The first quality rule that the text breaks. Length comes first: it bounds what the patterns must search."""
    text = question.question
    num_characters = len(text)
    if num_characters < rules.min_characters:
        return _Objection("too_short", f"{num_characters} characters, fewer than {rules.min_characters}")
    if num_characters > rules.max_characters:
        return _Objection("too_long", f"{num_characters} characters, more than {rules.max_characters}")
    if "[asy]" in text and question.source in rules.asy_exempt_sources:
        return None
    if rules.drop_images:
        for mark in ("[asy]", "![Image]"):
            if mark in text:
                return _Objection("image", f"contains {mark}")
    for switch, reason, pattern in (
        (rules.drop_numbered_parts, "numbered_parts", _NUMBERED_PART),
        (rules.drop_bold_numbers, "bold_number", _BOLD_NUMBER),
    ):
        match = pattern.search(text) if switch else None
        if match is not None:
            return _Objection(reason, f"contains {match.group()[:80]!r}")
    return None


def count_steps(decisions: Iterable[Decision]) -> dict[str, int]:
    """How many questions were left after each step: ``collected``, ``unique``, ``decontaminated``, ``quality``."""
    counts = Counter(decision.reason for decision in decisions)
    collected = counts.total()
    unique = collected - counts[DUPLICATE]
    quality = counts[KEPT]
    objections = sum(counts[reason] for reason in QUALITY_REASONS)
    return {"collected": collected, "unique": unique, "decontaminated": quality + objections, "quality": quality}
