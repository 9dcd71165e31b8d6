"""Curated questions -> domains.

Knows ``s1.classification`` and where artifacts lie. A paid classifier is asked only for what the archive of responses
does not hold.

Example::

    metrics = run(stage, classify=params.classify)
    metrics["domains"]        # {'05 Combinatorics': 312, ...}
"""

from collections import Counter
from collections.abc import Sequence

from infra.prices import tokens_of_model
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.classification.building import build_classifier
from s1.classification.taxonomy import UNKNOWN_DOMAIN
from s1.config import ClassifyParams, LlmClassifier
from s1.decisions import Decision
from s1.difficulty import questions_in_scope
from s1.records import DomainLabel, Question
from tasks.paths import CURATED, DIFFICULTY, DOMAINS
from tasks.stage import Metrics, StageContext


def run(stage: StageContext, *, classify: ClassifyParams) -> Metrics:
    """Label the questions in scope from their text.

    Raises:
        ValueError: no question is in scope, or the classifier cannot be asked; replies received so far are kept.
    """
    curated = read_jsonl(CURATED, Question)
    questions = questions_in_scope(curated, read_jsonl(DIFFICULTY, Decision), scope=classify.scope)
    classifier = build_classifier(classify.classifier, archive_folder=stage.archive_folder)

    def tell(done: int, total: int) -> None:
        stage.progress(done, total, f"questions classified by {classifier.name}")

    found = classifier.classify([question.question for question in questions], progress=tell)
    labels = [
        DomainLabel(
            question_id=question.id,
            domain=verdict.domain,
            classifier=classifier.name,
            confidence=verdict.confidence,
            state=verdict.state,
            detail=verdict.detail,
        )
        for question, verdict in zip(questions, found.verdicts, strict=True)
    ]
    with ArtifactWriter(DOMAINS.parent) as artifact:
        artifact.write_jsonl(DOMAINS.name, labels)
    if isinstance(classify.classifier, LlmClassifier):
        tokens = tokens_of_model(
            classify.classifier.model, prompt_tokens=found.prompt_tokens, output_tokens=found.output_tokens
        )
        for name, amount in tokens.items():
            stage.add_quantity(name, amount)
    return _measure(labels, classifier=classifier.name)


def _measure(labels: Sequence[DomainLabel], *, classifier: str) -> Metrics:
    counts = Counter(label.domain for label in labels)
    domains: Metrics = dict(sorted(counts.items()))
    states: Metrics = dict(sorted(Counter(label.state for label in labels).items()))
    return {
        "classifier": classifier,
        "num_labels": len(labels),
        "num_domains": len(counts.keys() - {UNKNOWN_DOMAIN}),
        "num_unknown": counts[UNKNOWN_DOMAIN],
        "states": states,
        "domains": domains,
    }
