"""The stage ``classify``: which questions, which classifier, what is written."""

from pathlib import Path
from typing import Any

import pytest

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import Classifier, ClassifyParams, LlmClassifier, LocalClassifier, ProceduralClassifier
from s1.decisions import Decision
from s1.records import DomainLabel, Question
from tasks import classify
from tasks.paths import CURATED, DIFFICULTY, DOMAINS
from tasks.stage import StageContext
from tests.chat_server import completion, serving

GEOMETRY = Question.create(question="Find the area of the triangle ABC.", solution="6", source="a")
DICE = Question.create(question="What is the probability that two dice show 9?", solution="1/9", source="a")
NONSENSE = Question.create(question="qqq zzz?", solution="", source="b")
LOCAL = LocalClassifier(kind="local")


@pytest.fixture(autouse=True)
def _curated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three curated questions, of which the first alone is hard."""
    monkeypatch.chdir(tmp_path)
    questions = [GEOMETRY, DICE, NONSENSE]
    decisions = [
        Decision(question_id=question.id, source=question.source, kept=kept, reason=reason)
        for question, kept, reason in zip(
            questions, (True, False, False), ("hard", "too_easy_small", "not_attempted"), strict=True
        )
    ]
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, questions)
    with ArtifactWriter(DIFFICULTY.parent) as artifact:
        artifact.write_jsonl(DIFFICULTY.name, decisions)


def run(classifier: Classifier, *, scope: str = "all") -> tuple[dict[str, Any], list[DomainLabel], StageContext]:
    stage = StageContext(
        "classify",
        Path("work"),
        lambda done, total, note: None,
        lambda name, work: work(),
        lambda step, figures: None,
        archive_folder=Path("archive"),
    )
    params = ClassifyParams.model_validate({"classifier": classifier, "scope": scope})
    metrics = classify.run(stage, classify=params)
    return metrics, read_jsonl(DOMAINS, DomainLabel), stage


def test_every_curated_question_has_a_label_with_its_classifier_and_confidence() -> None:
    metrics, labels, _ = run(LOCAL)
    assert [label.question_id for label in labels] == [GEOMETRY.id, DICE.id, NONSENSE.id]
    assert [label.domain for label in labels] == ["51 Geometry", "60 Probability theory", "unknown"]
    assert [label.state for label in labels] == ["classified", "classified", "no_words"]
    assert {label.classifier for label in labels} == {metrics["classifier"]}
    assert labels[0].confidence is not None and labels[2].confidence is None
    assert metrics["domains"] == {"51 Geometry": 1, "60 Probability theory": 1, "unknown": 1}
    assert (metrics["num_labels"], metrics["num_domains"], metrics["num_unknown"]) == (3, 2, 1)
    assert metrics["states"] == {"classified": 2, "no_words": 1}


def test_scope_hard_labels_the_hard_questions_only() -> None:
    _, labels, _ = run(LOCAL, scope="hard")
    assert [label.question_id for label in labels] == [GEOMETRY.id]


def test_procedural_questions_alone_have_procedural_domains() -> None:
    metrics, _, _ = run(ProceduralClassifier(kind="procedural"))
    assert (metrics["classifier"], metrics["domains"]) == ("procedural", {"unknown": 3})


def test_a_language_models_tokens_count_in_the_ledger_and_its_replies_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def name_a_code(sent: dict[str, Any]) -> tuple[int, object]:
        return 200, completion("?" if "zzz" in sent["messages"][-1]["content"] else '{"code": "51"}')

    with serving(name_a_code) as server:
        for name, value in server.environment("CLASSIFIER").items():
            monkeypatch.setenv(name, value)
        metrics, labels, stage = run(LlmClassifier(kind="openai", model="m"))
    assert metrics["domains"] == {"51 Geometry": 2, "unknown": 1}
    assert (labels[2].state, labels[2].detail, labels[2].classifier) == ("no_code", "?", "openai:m")
    assert stage.quantities == {"model/m/input_tokens": 270, "model/m/output_tokens": 21}
    monkeypatch.delenv("S1_CLASSIFIER_URL")
    again, _, _ = run(LlmClassifier(kind="openai", model="m"))  # nobody answers any more: all replies are kept
    assert again == metrics
