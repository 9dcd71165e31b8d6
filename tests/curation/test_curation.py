"""Curation: one decision per question, with the reference's rules."""

import pytest

from s1.config import CurateParams, NgramRule
from s1.curation import count_steps, curate
from s1.records import Question

RULES = CurateParams(
    decontamination=NgramRule(rule="ngram", size=8),
    min_characters=5,
    max_characters=100,
    drop_images=True,
    drop_numbered_parts=True,
    drop_bold_numbers=True,
)


def ask(text: str, *, source: str = "book", solution: str = "1") -> Question:
    return Question.create(question=text, solution=solution, source=source, metadata={"from": source})


def reason_of(text: str, *, rules: CurateParams = RULES, source: str = "book") -> str:
    return curate([ask(text, source=source)], [], rules=rules).decisions[0].reason


def test_every_question_gets_a_decision_in_its_order() -> None:
    exam = ask("one two three four five six seven eight", source="exam")
    questions = [
        ask("fine question"),
        ask("so one two three four five six seven eight"),
        ask("Fine  question"),
        ask("x"),
    ]
    curation = curate([*questions, exam], [exam], rules=RULES)
    reasons = [decision.reason for decision in curation.decisions]
    assert reasons == ["kept", "ngram8", "duplicate", "too_short", "exact_benchmark"]
    assert [decision.kept for decision in curation.decisions] == [True, False, False, False, False]
    assert curation.decisions[1].detail == f"exam {exam.id}: one two three four five six seven eight"


def test_funnel_counts_what_is_left_after_each_step() -> None:
    exam = ask("the exam's question", source="exam")
    questions = [ask("fine question"), ask("fine QUESTION"), exam, ask("![Image] of a cat")]
    decisions = curate(questions, [exam], rules=RULES).decisions
    assert count_steps(decisions) == {"collected": 4, "unique": 3, "decontaminated": 2, "quality": 1}


def test_the_kept_copy_remembers_where_the_others_came_from() -> None:
    copies = [ask("Same text"), ask("same  text", source="site"), ask("same text", source="old", solution="2")]
    (kept,) = curate(copies, [], rules=RULES).kept
    assert kept.metadata == {
        "from": "book",
        "copies": [
            {"source": "site", "metadata": {"from": "site"}},
            {"source": "old", "metadata": {"from": "old"}, "solution": "2"},
        ],
    }


def test_the_very_same_row_twice_is_a_duplicate() -> None:
    question = ask("same text")
    assert [decision.reason for decision in curate([question, question], [], rules=RULES).decisions] == [
        "kept",
        "duplicate",
    ]


def test_a_copy_with_a_reference_is_preferred_to_an_earlier_one_without() -> None:
    curation = curate([ask("same text", solution=""), ask("same text", source="site")], [], rules=RULES)
    assert [question.source for question in curation.kept] == ["site"]
    assert [decision.reason for decision in curation.decisions] == ["duplicate", "kept"]


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
