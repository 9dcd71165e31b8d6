"""Questions -> curated questions, and a decision for each: dedupe, decontamination, quality.

Knows ``s1.curation`` and where its artifacts lie.

Example::

    metrics = run(stage, curate=params.curate)
    metrics["reasons"]        # {'kept': 5903, 'exact_benchmark': 30, 'ngram8': 30, ...}
"""

from collections import Counter
from collections.abc import Sequence

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import CurateParams
from s1.curation import Curation, count_steps
from s1.curation import curate as apply_rules
from s1.records import Question
from tasks.paths import BENCHMARKS, CURATE_DECISIONS, CURATED, QUESTIONS
from tasks.stage import Metrics, StageContext


def run(stage: StageContext, *, curate: CurateParams) -> Metrics:
    """Apply the rules; fails when nothing is left, because every later stage would be empty."""
    questions = read_jsonl(QUESTIONS, Question)
    curation = apply_rules(questions, read_jsonl(BENCHMARKS, Question), rules=curate)
    stage.progress(len(questions), len(questions), "curate")
    reasons = Counter(decision.reason for decision in curation.decisions)
    if not curation.kept:
        raise ValueError(
            f"no question is left after curation: {dict(reasons)}. Loosen curate or collect other sources."
        )
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, curation.kept)
        artifact.write_jsonl(CURATE_DECISIONS.name, curation.decisions)
    funnel: Metrics = dict(count_steps(curation.decisions))
    by_reason: Metrics = dict(sorted(reasons.items()))
    return {"funnel": funnel, "reasons": by_reason, "planted": _count_planted(questions, curation)}


def _count_planted(questions: Sequence[Question], curation: Curation) -> Metrics:
    """How many of the overlaps that ``collect`` planted were found, by how they were planted."""
    pairs = list(zip(questions, curation.decisions, strict=True))
    counts: Metrics = {}
    for how in ("verbatim", "extended"):
        removed = [not decision.kept for question, decision in pairs if question.metadata.get("planted") == how]
        counts[how] = {"num": len(removed), "removed": sum(removed)}
    return counts
