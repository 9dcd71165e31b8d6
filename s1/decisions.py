"""What became of rows and questions: refused rows, a stage's decision, and the ledger's last word.

Knows names and meanings of fields, as ``s1.records`` does for the rows that stages compute with.

Example::

    Decision(question_id="1f0c…", source="math", kept=False, reason="ngram8", detail="math500 ab12…: find the …")
"""

from s1.records import Record


class Refusal(Record):
    """One row of a source that could not be read as a question."""

    source: str
    file: str
    line: int
    """Counted from 1."""
    reason: str
    """Such as ``corrupt_json`` (docs/data.md); ``blank_line`` and ``left_out`` are counted only."""
    detail: str


class Decision(Record):
    """Why one question is in or out after a stage."""

    question_id: str
    source: str
    kept: bool
    reason: str
    """Reason code, for example ``duplicate``, ``ngram8``, ``too_easy``, ``prepick``, ``diversity``."""
    detail: str = ""
    """What a reader needs to check it: the shared text, the benchmark item, the rank."""


class LedgerRow(Record):
    """The fate of one collected question: one row for each, duplicates included, in the order of collection."""

    question_id: str
    source: str
    file: str
    """Where it was read; empty for questions that were made."""
    line: int
    """Counted from 1; 0 for questions that were made."""
    taken: bool
    stage: str
    """The stage that decided: ``curate``, ``attempt``, ``distill``, ``classify`` or ``select``."""
    reason: str
    detail: str
    """The evidence: the shared text, the models' answers, the rank."""
