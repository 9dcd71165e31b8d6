"""From collected to curated: exact dedupe, decontamination, quality rules on the question's text, in two passes.

Every question gets one ``Decision``. Rules on the trace belong to ``s1.selection``; rules on the question's text, which
need no model, stand here (paper section 2.2 and appendix C). Nothing but ids and what the rule counts stays in memory.
The first pass reads every question and notes which ones must be looked at again, few of them; the second one reads
only those. A pool may be curated in parts, side by side: see ``s1.curation.rows``.

Example::

    curation = Curation(params.curate, rule=rule, read=read)
    curation.note(lines)
    for curated in curation.decide(lines):
        curated.decision.reason     # 'kept', 'duplicate', 'ngram8', 'image', ...
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from s1.config import CurateParams
from s1.curation.copies import CopyIndex
from s1.curation.quality import Objection, QualityRules
from s1.curation.reasons import DUPLICATE, EXACT_BENCHMARK, KEPT
from s1.curation.rows import id_of, part_of, source_of
from s1.decisions import Decision
from s1.decontamination import Overlap, PoolRule
from s1.records import Question

Reader = Callable[[int, bytes], Question]
"""Reads the line of a row, counted from 0; raises what names the line when it is no question."""


@dataclass(frozen=True, slots=True)
class Curated:
    """What became of one collected question."""

    decision: Decision
    benchmark: str | None = None
    """The benchmark whose text it has, where that took it out."""
    planted: str | None = None
    """How a benchmark question was planted in it (``metadata["planted"]``), where one was."""


class Curation:
    """One part of a pool, or all of it: dedupe, decontamination and quality rules, in this order."""

    def __init__(
        self,
        rules: CurateParams,
        *,
        rule: PoolRule,
        read: Reader,
        part: int = 0,
        num_parts: int = 1,
        sources: Sequence[str] = (),
    ) -> None:
        """With a rule that was not used yet: it learns in the first pass which phrases are common.

        Of equal texts with a reference, those of the source that stands first in ``sources`` are kept; without it, of
        the source that is read first.
        """
        self._rules = rules
        self._rule = rule
        self._read = read
        self._part = part
        self._num_parts = num_parts
        self._quality = QualityRules(rules)
        self._copies = CopyIndex(sources=sources)
        # Texts, by id, that share something with a benchmark; and those that break a quality rule.
        self._sharing: set[int] = set()
        self._objectionable: set[int] = set()
        self._planted: dict[int, str] = {}

    def note(self, lines: Iterable[bytes]) -> None:
        """The first pass, over the lines of the whole pool.

        Where there are other parts, their rules' ``observed()`` goes into this one's before the second pass.
        """
        for row, line in enumerate(lines):
            if not self._has(line):
                self._copies.meet(source_of(line))
                continue
            question = self._read(row, line)
            planted = question.metadata.get("planted")
            if isinstance(planted, str):
                self._planted[row] = planted
            if self._copies.add(row, question):
                if self._rule.observe(question.question):
                    self._sharing.add(int(question.id, 16))
                if self._quality.object_to(question) is not None:
                    self._objectionable.add(int(question.id, 16))

    def decide(self, lines: Iterable[bytes]) -> Iterator[Curated]:
        """The second pass, over the same lines: one decision for every row of this part, in their order."""
        for row, line in enumerate(lines):
            if not self._has(line):
                continue
            question_id = id_of(line)
            objection, benchmark = self._judge(row, line, key=int(question_id, 16))
            decision = Decision(
                question_id=question_id,
                source=source_of(line),
                kept=objection is None,
                reason=KEPT if objection is None else objection.reason,
                detail="" if objection is None else objection.detail,
            )
            yield Curated(decision, benchmark, self._planted.get(row))

    def _has(self, line: bytes) -> bool:
        return part_of(line, num_parts=self._num_parts) == self._part

    def _judge(self, row: int, line: bytes, *, key: int) -> tuple[Objection | None, str | None]:
        """What speaks against a question, and the benchmark that it is of."""
        if not self._copies.is_best(row, key):
            return Objection(DUPLICATE, f"same text as one of {self._copies.source_of(key)}"), None
        is_sharing = key in self._sharing
        if not is_sharing and key not in self._objectionable and not self._copies.is_replaced(key):
            return None, None
        question = self._read(row, line)
        overlap = self._rule.find(question.question) if is_sharing else None
        if overlap is not None:
            return _contamination(overlap, self._rules), overlap.benchmark
        return self._quality.object_to(question), None


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
