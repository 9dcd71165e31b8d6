"""Hard questions -> domains.

Knows ``s1.classification`` and where artifacts lie.

Example::

    metrics = run(stage, classify=params.classify)
    metrics["domains"]        # {'dials': 312, ...}
"""

from collections import Counter

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.classification import UNKNOWN_DOMAIN, build_classifier
from s1.config import ClassifyParams
from s1.difficulty import questions_in_scope
from s1.records import Attempt, DomainLabel, Question
from tasks.paths import ATTEMPTS, CURATED, DOMAINS
from tasks.stage import Metrics, StageContext


def run(stage: StageContext, *, classify: ClassifyParams) -> Metrics:
    """Label the questions in scope from their text."""
    curated = read_jsonl(CURATED, Question)
    questions = questions_in_scope(curated, read_jsonl(ATTEMPTS, Attempt), scope=classify.scope)
    classifier = build_classifier(classify)
    labels = [
        DomainLabel(question_id=question.id, domain=classifier.classify(question.question), classifier=classifier.name)
        for question in questions
    ]
    stage.progress(len(labels), len(labels), "classify")
    with ArtifactWriter(DOMAINS.parent) as artifact:
        artifact.write_jsonl(DOMAINS.name, labels)
    counts = Counter(label.domain for label in labels)
    domains: Metrics = dict(sorted(counts.items()))
    return {
        "num_labels": len(labels),
        "num_domains": len(counts.keys() - {UNKNOWN_DOMAIN}),
        "num_unknown": counts[UNKNOWN_DOMAIN],
        "domains": domains,
    }
