"""Nano questions have one exact answer, differ from each other, and show their subject."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from s1.nano.questions import DOMAINS, classify_text, generate_questions, is_held_out, parse_question


def brute_force(text: str) -> list[str]:
    """Every digit that fits, by arithmetic written independently of the generator's."""
    words = re.findall(r"[a-z]([-+*|=])(\d)", text)
    fitting = []
    for start in range(10):
        value = start
        for operator, digit in words[:-1]:
            value = {
                "+": value + int(digit),
                "-": value - int(digit),
                "*": value * int(digit),
                "|": int(digit) - value,
            }[operator]
        if value % 10 == int(words[-1][1]):
            fitting.append(str(start))
    return fitting


def test_exactly_one_digit_fits_and_it_is_the_answer() -> None:
    for question in generate_questions(num=1000, seed=3):
        assert brute_force(question.text) == [question.answer]


def test_same_seed_same_questions_and_no_duplicates() -> None:
    questions = generate_questions(num=2000, seed=5)
    assert questions == generate_questions(num=2000, seed=5)
    assert questions != generate_questions(num=2000, seed=6)
    assert len({question.text for question in questions}) == 2000


def test_excluded_questions_are_not_drawn_again() -> None:
    first = generate_questions(num=500, seed=5)
    texts = {question.text for question in first}
    assert not texts & {question.text for question in generate_questions(num=500, seed=5, exclude=texts)}


def test_difficulty_is_the_number_of_steps_and_follows_the_weights() -> None:
    for question in generate_questions(num=200, seed=1, step_weights=(0, 1, 0, 1)):
        assert question.difficulty in (2, 4)
        assert question.difficulty == len(parse_question(question.text).steps)


def test_classifier_finds_every_domain_from_the_text() -> None:
    questions = generate_questions(num=1000, seed=2)
    assert all(classify_text(question.text) == question.domain for question in questions)
    counts = Counter(question.domain for question in questions)
    assert set(counts) == {domain.name for domain in DOMAINS}
    assert min(counts.values()) > 50
    assert classify_text("What is the capital of France?") == "unknown"


@pytest.mark.parametrize("text", ["", "Which dial?", "k=4 l+3", "k+3 l+4"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a nano question"):
        parse_question(text)


def test_honest_questions_rarely_share_an_eight_gram() -> None:
    benchmark = generate_questions(num=400, seed=1000)
    pool = generate_questions(num=6000, seed=0, exclude={question.text for question in benchmark})
    seen = set().union(*(_eight_grams(question.text) for question in benchmark))
    hit = sum(1 for question in pool if _eight_grams(question.text) & seen)
    assert hit / len(pool) < 0.02
    assert any(_eight_grams(question.text) for question in pool), "long questions must be open to the rule"


def _eight_grams(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[start : start + 8]) for start in range(len(words) - 7)}


def test_asking_for_more_questions_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="ask for fewer"):
        generate_questions(num=100_000, seed=0, step_weights=(1,))


def test_benchmark_questions_are_kept_apart_by_their_text_alone() -> None:
    pool = {question.text for question in generate_questions(num=3000, seed=7)}
    benchmark = {question.text for question in generate_questions(num=400, seed=7, held_out=True)}
    assert not pool & benchmark
    assert all(is_held_out(text) for text in benchmark)
