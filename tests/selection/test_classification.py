"""Domains of questions."""

from s1.classification import build_classifier
from s1.config import ClassifyParams, ProceduralClassifier
from s1.nano.questions import generate_questions


def test_procedural_domains_are_read_from_the_text_alone() -> None:
    classifier = build_classifier(ClassifyParams(classifier=ProceduralClassifier(kind="procedural")))
    for question in generate_questions(num=50, seed=0):
        assert classifier.classify(question.text) == question.domain


def test_other_texts_are_of_no_known_domain() -> None:
    assert (
        build_classifier(ClassifyParams(classifier=ProceduralClassifier(kind="procedural"))).classify(
            "Prove Fermat's theorem."
        )
        == "unknown"
    )
