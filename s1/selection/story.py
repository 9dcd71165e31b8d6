"""Everything that a run knows about one question, from where it was read to whether it was taken.

Knows records; reads no file (``flows.why`` does) and draws no text.

Example::

    story = Story(question_id="1f0c2a…", copies=copies, difficulty=decision, attempts=attempts, trace=trace, …)
    story.verdict.reason            # 'too_easy_small'
"""

from collections.abc import Sequence
from dataclasses import dataclass

from s1.decisions import Decision, LedgerRow
from s1.records import Attempt, DomainLabel, Question, SelectedQuestion, Trace
from s1.selection.ledger import Fate, is_duplicate


@dataclass(frozen=True, slots=True)
class Copy:
    """The question as it was read in one place, with what ``curate`` decided on this copy."""

    question: Question
    decision: Decision | None
    """None before ``curate`` has run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One question through all stages; what a stage did not write yet, or did not ask, is None or empty."""

    question_id: str
    copies: Sequence[Copy]
    """In the order of collection; at least one."""
    ran: frozenset[str]
    """Stages that left their files."""
    difficulty: Decision | None = None
    attempts: Sequence[Attempt] = ()
    trace: Trace | None = None
    label: DomainLabel | None = None
    rows: Sequence[LedgerRow] = ()
    """Of the ledger: one per copy."""
    selected: SelectedQuestion | None = None
    others: Sequence[str] = ()
    """Names of the other selections that took it."""

    @property
    def main_copy(self) -> Copy:
        """The copy whose decision holds for the text: the kept one, else the one that is no duplicate."""
        kept = [copy for copy in self.copies if copy.decision is not None and copy.decision.kept]
        judged = [copy for copy in self.copies if copy.decision is not None and copy.decision.reason != "duplicate"]
        return next(iter([*kept, *judged, *self.copies]))

    @property
    def verdict(self) -> Fate | None:
        """What became of the question; None while the stage that will decide has not run."""
        curated = self.main_copy.decision
        if curated is None:
            return None
        if not curated.kept:
            return Fate("curate", False, curated.reason, curated.detail)
        row = next((row for row in self.rows if not is_duplicate(row)), None)
        return None if row is None else Fate(row.stage, row.taken, row.reason, row.detail)
