"""Curation: one decision per question, with the reference's rules."""

from collections import Counter

import pytest

from s1.curation import count_steps
from s1.records import Question
from tests.curation.texts import RULES, ask, reason_of, reasons_of, run


def test_every_question_gets_a_decision_in_its_order() -> None:
    exam = ask("one two three four five six seven eight", source="exam")
    questions = [
        ask("fine question"),
        ask("so one two three four five six seven eight"),
        ask("Fine  question", source="site"),
        ask("x"),
    ]
    decisions = [curated.decision for curated in run([*questions, exam], [exam])]
    assert [decision.reason for decision in decisions] == [
        "kept",
        "ngram8",
        "duplicate",
        "too_short",
        "exact_benchmark",
    ]
    assert [decision.kept for decision in decisions] == [True, False, False, False, False]
    assert decisions[1].detail == f"exam {exam.id}: one two three four five six seven eight"
    assert decisions[2].detail == "same text as one of book"


def test_funnel_counts_what_is_left_after_each_step() -> None:
    exam = ask("the exam's question", source="exam")
    questions = [ask("fine question"), ask("fine QUESTION"), exam, ask("![Image] of a cat")]
    reasons = Counter(curated.decision.reason for curated in run(questions, [exam]))
    assert count_steps(reasons) == {
        "collected": 4,
        "unique": 3,
        "decontaminated": 2,
        "quality": 1,
    }


def test_questions_come_out_as_they_went_in() -> None:
    copies = [ask("Same text", page="1"), ask("same  text", source="site"), ask("same text", source="old")]
    assert [curated.question for curated in run(copies)] == copies


def test_the_very_same_row_twice_is_a_duplicate() -> None:
    question = ask("same text")
    assert reasons_of([question, question, question]) == ["kept", "duplicate", "duplicate"]


def kept_of(*questions: Question, sources: tuple[str, ...] = ()) -> Question:
    (kept,) = [curated.question for curated in run(questions, sources=sources) if curated.decision.kept]
    return kept


def test_a_copy_with_a_reference_is_preferred_to_an_earlier_one_without() -> None:
    assert kept_of(ask("same text", solution=""), ask("same text", source="site")).source == "site"


def test_of_copies_with_a_reference_the_first_source_counts() -> None:
    copies = [ask("same text"), ask("same text", source="site", solution="a long solution")]
    assert kept_of(*copies).source == "book"
    assert kept_of(*copies, sources=("site", "book")).source == "site"


def test_within_a_source_the_longer_reference_counts() -> None:
    assert kept_of(ask("same text"), ask("same text", solution="1, because")).solution == "1, because"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tiny", "too_short"),
        ("five5", "kept"),
        ("y" * 100, "kept"),
        ("y" * 101, "too_long"),
        ("see [asy] draw(); [/asy]", "image"),
        ("see ![Image](a.png)", "image"),
        ("p1. first part", "numbered_parts"),
        ("in step1. we add", "numbered_parts"),
        ("at p999. we stop", "numbered_parts"),
        ("p01. and p1000. and p. and P1.", "kept"),
        ("**Problem 3** is this", "kept"),
        ("**3** is this", "bold_number"),
        ("**bold** in 2021", "bold_number"),
        ("**bold** of\n2021", "kept"),
        ("compute 2**3**2 now", "bold_number"),
    ],
)
def test_quality_rules_follow_the_reference(text: str, reason: str) -> None:
    assert reason_of(text) == reason


@pytest.mark.parametrize(
    ("switch", "text"),
    [("drop_images", "see [asy]"), ("drop_numbered_parts", "p1. part"), ("drop_bold_numbers", "**3** is")],
)
def test_each_rule_has_a_switch(switch: str, text: str) -> None:
    assert reason_of(text) != "kept"
    assert reason_of(text, rules=RULES.model_copy(update={switch: False})) == "kept"


def test_asy_questions_of_exempt_sources_pass_every_pattern() -> None:
    rules = RULES.model_copy(update={"asy_exempt_sources": ["aime"]})
    assert reason_of("p1. [asy] **3**", rules=rules, source="aime") == "kept"
    assert reason_of("p1. **3** of aime", rules=rules, source="aime") == "numbered_parts"
    assert reason_of("p1. [asy] **3**", rules=rules) == "image"
