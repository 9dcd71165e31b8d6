"""The pairs of ``contamination_audit``: training questions of s1K, OpenThoughts and Tulu beside MATH500 questions.

Its authors found some by shared word 8- and 13-grams (``lexical_contamination_confirmed.csv``, all confirmed by hand),
others by the similarity of embeddings (``csem_annotation.csv``, some judged by hand). Knows these files; runs no rule.

Example::

    for pairs in pair_sets(Path("contamination_audit"), []): pairs.about, len(pairs.texts)
"""

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.decontamination_labels import VERDICTS, Label, LabelError, PairLabel
from s1.records import question_id

_CONFIRMED = "lexical_contamination_confirmed.csv"
_SEMANTIC = "csem_annotation.csv"
_HUMAN = {"Y": "contaminated", "N": "not contaminated", "?": "undecided"}
_ASKED_FOR_BOX = "Return your final response within \\boxed{}. "
"""What OpenThoughts puts in front of every question."""


@dataclass(frozen=True, slots=True)
class PairSet:
    """Training questions with one verdict."""

    about: str
    texts: list[str]


def pair_sets(folder: Path, labels: Iterable[PairLabel]) -> list[PairSet]:
    """The pairs by who judged them and how.

    Raises:
        LabelError: a label is about another training question than its row.
    """
    sets: dict[str, list[str]] = defaultdict(list)
    for row in _rows(folder / _CONFIRMED):
        sets[f"shared n-grams, confirmed by hand: {row['contamination_reason']}"].append(_bare(row["train_problem"]))
    semantic = _rows(folder / _SEMANTIC)
    for row in semantic:
        if row["human_verdict"]:
            sets[f"similar embedding, judged by hand: {_HUMAN[row['human_verdict']]}"].append(
                _bare(row["train_problem"])
            )
    for label in sorted(labels, key=lambda label: (VERDICTS.index(label.verdict), label.pair)):
        text = semantic[label.pair - 1]["train_problem"] if label.pair <= len(semantic) else ""
        if question_id(text) != label.question_id:
            raise LabelError(
                f"row {label.pair} of {folder / _SEMANTIC} is not the pair that bench/labels/audit.jsonl is about. "
                "Take the file of the commit that the data's manifest names."
            )
        sets[f"similar embedding, read by us: {label.verdict}"].append(_bare(text))
    return [PairSet(about, texts) for about, texts in sets.items()]


def agreement_rows(folder: Path, labels: Sequence[Label]) -> list[list[str]]:
    """Their verdicts against ours, on training questions that our pool has and that we read."""
    ours = {label.question_id: label.verdict for label in labels}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _rows(folder / _CONFIRMED):
        verdict = ours.get(question_id(_bare(row["train_problem"])))
        if verdict is not None:
            counts[row["contamination_reason"]][verdict] += 1
    for row in _rows(folder / _SEMANTIC):
        verdict = ours.get(question_id(_bare(row["train_problem"])))
        if verdict is not None and row["human_verdict"]:
            counts[_HUMAN[row["human_verdict"]]][verdict] += 1
    return [[theirs, *(str(counter[verdict]) for verdict in VERDICTS)] for theirs, counter in counts.items()]


def _bare(text: str) -> str:
    return text.removeprefix(_ASKED_FOR_BOX)


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(min(sys.maxsize, 1 << 24))
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
