"""Domains of procedural questions."""

from s1.classification.procedural import ProceduralClassifier
from s1.nano.questions import generate_questions


def test_procedural_domains_are_read_from_the_text_alone() -> None:
    questions = generate_questions(num=50, seed=0)
    found = ProceduralClassifier().classify([question.text for question in questions])
    assert [verdict.domain for verdict in found.verdicts] == [question.domain for question in questions]
    assert {verdict.state for verdict in found.verdicts} == {"classified"}


def test_other_texts_are_of_no_known_domain() -> None:
    (verdict,) = ProceduralClassifier().classify(["Prove Fermat's theorem."]).verdicts
    assert (verdict.domain, verdict.state) == ("unknown", "no_words")
