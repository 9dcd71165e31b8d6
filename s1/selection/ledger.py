"""What became of every question: one fate per curated question, one ledger row per collected question.

Knows pools and draws; reads no file. Rows are made one at a time, so that memory does not grow with the texts.

Example::

    fates = fates_of(questions, pool, drawn)
    rows = list(account(zip(collected, curate_decisions), fates, tally=tally))
    rows[0].stage, rows[0].reason           # ('curate', 'ngram8')
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from s1.curation.reasons import DUPLICATE, QUALITY_REASONS
from s1.decisions import Decision, LedgerRow
from s1.records import Question
from s1.selection.pool import Candidate, Pool
from s1.selection.recipes import Draw

NOT_DRAWN = "not_drawn"
"""A candidate that the recipe did not take."""


class LedgerError(ValueError):
    """The stages' files do not fit together, so some question would vanish; the message says which."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How a curated question ended."""

    stage: str
    """The stage that decided."""
    taken: bool
    reason: str
    detail: str


@dataclass(slots=True)
class Tally:
    """Counts of the rows that went by, for the funnel."""

    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By stage and reason."""
    unanswerable: Counter[str] = field(default_factory=Counter)
    """Questions without any reference answer, by the quality rule that dropped them."""

    def add(self, question: Question, row: LedgerRow) -> None:
        """Count one row."""
        self.reasons[(row.stage, row.reason)] += 1
        if row.stage == "curate" and row.reason in QUALITY_REASONS and not has_reference(question):
            self.unanswerable[row.reason] += 1


def has_reference(question: Question) -> bool:
    """Whether the source states a solution or an answer."""
    return bool(question.solution.strip() or (question.answer or "").strip())


def fates_of(questions: Sequence[Question], pool: Pool, drawn: Draw) -> dict[str, Fate]:
    """The fate of every curated question, by id, in the curated order."""
    picks = {pick.candidate.question.id: pick for pick in drawn.picks}
    candidates = {candidate.question.id: candidate for candidate in pool.candidates}
    ranks = _rank(pool.candidates)
    fates: dict[str, Fate] = {}
    for question in questions:
        if question.id in picks:
            pick = picks[question.id]
            fates[question.id] = Fate("select", True, pick.reason, pick.detail)
        elif question.id in candidates:
            fates[question.id] = Fate("select", False, NOT_DRAWN, _standing(candidates[question.id], ranks))
        else:
            rejection = pool.rejections[question.id]
            fates[question.id] = Fate(rejection.stage, False, rejection.reason, rejection.detail)
    return fates


def _rank(candidates: Sequence[Candidate]) -> dict[str, tuple[int, int]]:
    """Of each candidate its rank by trace length in its domain, from 0, and how many its domain has."""
    ordered = sorted(candidates, key=lambda candidate: (-candidate.trace_length, candidate.question.id))
    sizes = Counter(candidate.domain for candidate in candidates)
    seen: Counter[str] = Counter()
    ranks: dict[str, tuple[int, int]] = {}
    for candidate in ordered:
        ranks[candidate.question.id] = (seen[candidate.domain], sizes[candidate.domain])
        seen[candidate.domain] += 1
    return ranks


def _standing(candidate: Candidate, ranks: Mapping[str, tuple[int, int]]) -> str:
    """Where a candidate stood that was not drawn: the s1 recipe draws rank r of a domain with weight 2^-r."""
    if candidate.answer is None:
        return f"domain {candidate.domain}, no trace"
    rank, size = ranks[candidate.question.id]
    return f"domain {candidate.domain}, {candidate.trace_length} thinking tokens, rank {rank} of {size} by length"


def decide(questions: Sequence[Question], fates: Mapping[str, Fate]) -> Iterator[Decision]:
    """One decision per curated question, in the curated order."""
    for question in questions:
        fate = fates[question.id]
        yield Decision(
            question_id=question.id, source=question.source, kept=fate.taken, reason=fate.reason, detail=fate.detail
        )


def account(
    collected: Iterable[tuple[Question, Decision]], fates: Mapping[str, Fate], *, tally: Tally
) -> Iterator[LedgerRow]:
    """One row per collected question, in the order of collection.

    Args:
        collected: every question as it was read, with what ``curate`` decided on it.
        fates: of the curated questions.
        tally: counts what goes by.

    Raises:
        LedgerError: a curated question has no fate, two, or was never collected.
    """
    told: set[str] = set()
    for question, decision in collected:
        if decision.question_id != question.id:
            raise LedgerError(
                f"curate decided on {decision.question_id} where {question.id} was collected: the files are of "
                "different runs. Run the stage `curate` again."
            )
        if decision.kept:
            if question.id in told or question.id not in fates:
                raise LedgerError(
                    f"curate kept question {question.id}, of which there is "
                    f"{'more than one' if question.id in told else 'none'} in its questions. Run `curate` again."
                )
            told.add(question.id)
        row = _row(question, decision, fates)
        tally.add(question, row)
        yield row
    if len(told) != len(fates):
        missing = next(identity for identity in fates if identity not in told)
        raise LedgerError(f"the curated question {missing} was never collected. Run `collect` and `curate` again.")


def _row(question: Question, decision: Decision, fates: Mapping[str, Fate]) -> LedgerRow:
    fate = fates[question.id] if decision.kept else Fate("curate", False, decision.reason, decision.detail)
    file, line = place_of(question)
    return LedgerRow(
        question_id=question.id,
        source=question.source,
        file=file,
        line=line,
        taken=fate.taken,
        stage=fate.stage,
        reason=fate.reason,
        detail=fate.detail,
    )


def place_of(question: Question) -> tuple[str, int]:
    """File and line where a question was read; an empty name and 0 for questions that were made."""
    file, line = question.metadata.get("file"), question.metadata.get("line")
    return (file if isinstance(file, str) else "", line if isinstance(line, int) else 0)


def is_duplicate(row: LedgerRow) -> bool:
    """Whether a row is another copy of a question that has a row of its own."""
    return row.stage == "curate" and row.reason == DUPLICATE
