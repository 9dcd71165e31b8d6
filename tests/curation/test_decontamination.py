"""Overlaps of questions with benchmarks."""

import pytest

from s1.decontamination import BenchmarkIndex, Overlap, word_ngrams
from s1.records import Question

ITEM = Question.create(question="Find the  Least prime p such that p+2 is\nprime.", solution="3", source="exam")


@pytest.fixture
def index() -> BenchmarkIndex:
    return BenchmarkIndex([ITEM], ngram_size=8)


def test_the_first_shared_ngram_is_named(index: BenchmarkIndex) -> None:
    assert index.find("Please FIND the least prime\tp such that p+2 holds") == Overlap(
        kind="ngram", benchmark="exam", item_id=ITEM.id, shared_text="find the least prime p such that p+2"
    )


def test_seven_shared_words_are_no_overlap(index: BenchmarkIndex) -> None:
    assert index.find("Please find the least prime p such that q divides p") is None


def test_punctuation_is_part_of_a_word(index: BenchmarkIndex) -> None:
    assert index.find("Find the least prime, p such that p+2 is prime!") is None


def test_equal_normalised_text_is_exact_at_any_length() -> None:
    item = Question.create(question="What is 2+2?", solution="4", source="exam")
    found = BenchmarkIndex([item], ngram_size=8).find(" what  IS 2+2?")
    assert found == Overlap(kind="exact", benchmark="exam", item_id=item.id, shared_text="what is 2+2?")


def test_exact_wins_over_ngram(index: BenchmarkIndex) -> None:
    found = index.find(ITEM.question.upper())
    assert found is not None and found.kind == "exact"


def test_a_text_shorter_than_the_ngram_has_none() -> None:
    assert word_ngrams("a b c", size=4) == []
    assert word_ngrams("a b c", size=3) == ["a b c"]
    assert word_ngrams("a b c", size=2) == ["a b", "b c"]
