"""The benchmark of curate: both ways of the n-gram rule agree, and repeated rows are texts of their own."""

from itertools import islice
from pathlib import Path

from bench.curation import perturb, remove_by_stream, remove_by_tables, repeat
from bench.decontamination_changes import CHANGES
from s1.artifacts import ArtifactWriter
from s1.records import Question

NUMERALS = "one two three four five six seven eight nine ten"
WORDS = NUMERALS.split(" ")
EXAM = [Question.create(question=" ".join(WORDS), solution="1", source="exam")]


def ask(text: str) -> Question:
    return Question.create(question=text, solution="1", source="book")


def test_both_ways_of_the_ngram_rule_remove_the_same() -> None:
    texts = [
        "Two three  FOUR five six seven eight nine",
        "two three four five",
        " ".join(reversed(WORDS)),
        EXAM[0].question,
    ]
    assert remove_by_stream(texts, EXAM) == remove_by_tables(texts, EXAM) == {0, 3}


def test_every_copy_of_a_question_is_another_text() -> None:
    question = ask("Anna has 12 apples and 3 pears.")
    texts = [perturb(question, copy=copy).question for copy in range(3)]
    assert texts == [
        "Anna has 12 apples and 3 pears.",
        "Annab has 13 apples and 4 pears. (1)",
        "Annac has 14 apples and 5 pears. (2)",
    ]


def test_fewer_rows_than_there_are_are_an_even_sample(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "collect") as artifact:
        artifact.write_jsonl("questions.jsonl", [ask(f"question {number}") for number in range(10)])
    pool = tmp_path / "collect" / "questions.jsonl"
    assert [row.question for row in repeat(pool, num_rows=3)] == ["question 3", "question 6", "question 9"]
    assert len({row.id for row in islice(repeat(pool, num_rows=25), 25)}) == 25


def test_changes_are_what_they_say() -> None:
    text = r"Find $\frac{a}{b} \le 3$."
    assert {
        name: change(text) for name, change in CHANGES.items() if name in ("re-typeset", "renamed", "reworded")
    } == {
        "re-typeset": r"Find \( \dfrac{a}{b} \leq 3 \).",
        "renamed": r"Find $\frac{u}{v} \le 3$.",
        "reworded": r"Determine $\frac{a}{b} \le 3$.",
    }
