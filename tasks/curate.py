"""Questions -> curated questions, and a decision for each: dedupe, decontamination, quality.

Knows ``s1.curation`` and where its artifacts lie. Questions are read twice and written as they are read, so memory
grows with the benchmarks and with one id per question, not with their text.

Example::

    metrics = run(stage, curate=params.curate)
    metrics["reasons"]        # {'kept': 5903, 'exact_benchmark': 30, 'ngram8': 30, ...}
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

from s1.artifacts import ArtifactWriter, iterate_jsonl
from s1.config import CurateParams
from s1.curation import DUPLICATE, KEPT, Curated, count_steps_of_reasons
from s1.curation import curate as apply_rules
from s1.decontamination import Rule, build_rule
from s1.records import HashedItem, Question
from tasks.paths import BENCHMARKS, COPIES, CURATE_DECISIONS, CURATED, HASHED, HELD_OUT, QUESTIONS
from tasks.stage import Metrics, StageContext

_PROGRESS_EVERY = 5000


def run(stage: StageContext, *, curate: CurateParams) -> Metrics:
    """Apply the rules; fails when nothing is left, because every later stage would be empty."""
    tally = _Tally()
    with ExitStack() as files:
        artifact = files.enter_context(ArtifactWriter(CURATED.parent))
        keep = files.enter_context(artifact.stream_jsonl(CURATED.name))
        decide = files.enter_context(artifact.stream_jsonl(CURATE_DECISIONS.name))
        put_aside = files.enter_context(artifact.stream_jsonl(COPIES.name))
        reader = _Reader(stage)
        for curated in apply_rules(reader.read, rules=curate, rule=_build_rule(curate)):
            tally.add(curated)
            decide(curated.decision)
            if curated.decision.kept:
                keep(curated.question)
            elif curated.decision.reason == DUPLICATE:
                put_aside(curated.question)
        if not tally.reasons[KEPT]:
            raise ValueError(
                f"no question is left after curation: {dict(tally.reasons)}. Loosen curate or collect other sources."
            )
    return tally.metrics()


def _build_rule(curate: CurateParams) -> Rule:
    benchmarks = chain(iterate_jsonl(BENCHMARKS, Question), iterate_jsonl(HELD_OUT, Question))
    return build_rule(curate.decontamination, benchmarks=benchmarks, hashed=iterate_jsonl(HASHED, HashedItem))


class _Reader:
    """Reads the collected questions, telling how far it is; twice, so the end is at twice their number."""

    def __init__(self, stage: StageContext) -> None:
        self._stage = stage
        self._num_read = 0
        self._total = 0

    def read(self) -> Iterator[Question]:
        is_second = self._num_read > 0
        for question in iterate_jsonl(QUESTIONS, Question):
            yield question
            self._num_read += 1
            if is_second and self._num_read % _PROGRESS_EVERY == 0:
                self._stage.progress(self._num_read - self._total, self._total, "curate")
        if is_second:
            self._stage.progress(self._total, self._total, "curate")
        self._total = self._num_read


class _Tally:
    """Counts what became of the questions, without keeping them."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self._of_source: dict[str, Counter[str]] = {}
        self._of_benchmark: dict[str, Counter[str]] = {}
        self._planted: dict[str, Counter[bool]] = {"verbatim": Counter(), "extended": Counter()}

    def add(self, curated: Curated) -> None:
        decision = curated.decision
        self.reasons[decision.reason] += 1
        self._of_source.setdefault(decision.source, Counter())[decision.reason] += 1
        if curated.benchmark is not None:
            self._of_benchmark.setdefault(curated.benchmark, Counter())[decision.reason] += 1
        how = curated.question.metadata.get("planted")
        if isinstance(how, str) and how in self._planted:
            self._planted[how][decision.kept] += 1

    def metrics(self) -> Metrics:
        """The funnel, the reasons in all, by source and by benchmark, and how many planted overlaps were found."""
        by_source: Metrics = {source: dict(sorted(counts.items())) for source, counts in self._of_source.items()}
        planted: Metrics = {
            how: {"num": counts.total(), "removed": counts[False]} for how, counts in self._planted.items()
        }
        return {
            "funnel": dict(count_steps_of_reasons(self.reasons)),
            "reasons": dict(sorted(self.reasons.items())),
            "sources": by_source,
            "benchmarks": {name: dict(sorted(counts.items())) for name, counts in sorted(self._of_benchmark.items())},
            "planted": planted,
        }
