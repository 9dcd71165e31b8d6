"""Verdicts of a reader on questions that a decontamination rule removes, or might.

``bench/labels/decontamination.jsonl`` has one line per question of the pool that was read beside a benchmark question,
``bench/labels/audit.jsonl`` one per pair of ``contamination_audit/csem_annotation.csv`` without a human verdict. Both
hold ids and verdicts, no texts. Knows the files; what they say about a rule is ``bench.decontamination_evidence``.

Example::

    labels = read_labels(Path("bench/labels/decontamination.jsonl"), Label)
    Counter(label.verdict for label in labels)
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from s1.records import Record

Verdict = Literal["copy", "variant", "related", "boilerplate"]
"""The same problem, whatever its wording; the same with other numbers, names or another part of the solution asked, so
that solving one gives the other; the same topic only; nothing in common but stock phrases."""

VERDICTS: tuple[Verdict, ...] = ("copy", "variant", "related", "boilerplate")
FoundBy = Literal["ngram8", "near", "distinctive"]
"""The rule that removes it (``ngram8`` first), or the search for what is similar and not removed."""


class LabelError(ValueError):
    """A file of verdicts cannot be used; the message names file and line."""


class Label(Record):
    """One question beside one benchmark question."""

    question_id: str
    source: str
    """Source of the pool that has it first."""
    benchmark: str
    item_id: str
    """Id of the benchmark question that was read beside it; of a hashed benchmark, its own name for it."""
    verdict: Verdict
    reason: str
    """In a few words, and none of the benchmark's."""
    stratum: str
    """What was drawn from together, see ``docs/decontamination-evidence.md``."""
    weight: float = Field(ge=1)
    """How many questions of its stratum it stands for: 1 where all of them were read."""
    found_by: FoundBy

    @property
    def key(self) -> str:
        """What no two lines share."""
        return self.question_id


class PairLabel(Record):
    """One pair of ``csem_annotation.csv`` that its authors left without a verdict."""

    pair: int
    """Row of the file, counted from 1 behind its header."""
    dataset: str
    math500_id: str
    question_id: str
    """Id of the training question, so that a changed file is noticed."""
    verdict: Verdict
    reason: str

    @property
    def key(self) -> str:
        """What no two lines share."""
        return str(self.pair)


_LabelT = TypeVar("_LabelT", Label, PairLabel)


def read_labels(path: Path, kind: type[_LabelT]) -> list[_LabelT]:
    """All verdicts of a file, in its order.

    Raises:
        LabelError: a line is no verdict, or two lines are about the same.
    """
    labels: list[_LabelT] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            label = kind.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            raise LabelError(f"{path}, line {number}: {place}: {first['msg']}. Correct it or take it out.") from error
        if label.key in seen:
            raise LabelError(
                f"{path}, line {number}: {label.key} was judged in line {seen[label.key]} already. Keep one of the two."
            )
        seen[label.key] = number
        labels.append(label)
    return labels
