"""The paper's rule: one shared n-gram with a benchmark question, or the same text."""

import pytest

from s1.config import NgramRule
from s1.decontamination import Overlap, Rule, build_rule
from s1.decontamination.hashed import HashedBenchmarkError, hash_ngrams
from s1.decontamination.words import word_ngrams
from s1.records import HashedItem, Question, normalize_text

ITEM = Question.create(question="Find the  Least prime p such that p+2 is\nprime.", solution="3", source="exam")


def hashed(text: str, *, item_id: str = "h1") -> HashedItem:
    normalized = normalize_text(text)
    return HashedItem(
        benchmark="secret", item_id=item_id, num_words=len(normalized.split()), ngrams=hash_ngrams(normalized)
    )


@pytest.fixture
def rule() -> Rule:
    return build_rule(NgramRule(rule="ngram", size=8), benchmarks=[ITEM])


def test_the_first_shared_ngram_is_named(rule: Rule) -> None:
    assert rule.find("Please FIND the least prime\tp such that p+2 holds") == Overlap(
        kind="ngram", benchmark="exam", item_id=ITEM.id, shared_text="find the least prime p such that p+2"
    )


def test_seven_shared_words_are_no_overlap(rule: Rule) -> None:
    assert rule.find("Please find the least prime p such that q divides p") is None


def test_words_of_a_benchmark_in_another_order_are_no_overlap(rule: Rule) -> None:
    assert rule.find("prime. the find least p such that is prime p+2 that p") is None


def test_punctuation_is_part_of_a_word(rule: Rule) -> None:
    assert rule.find("Find the least prime, p such that p+2 is prime!") is None


def test_equal_normalised_text_is_exact_at_any_length() -> None:
    item = Question.create(question="What is 2+2?", solution="4", source="exam")
    found = build_rule(NgramRule(rule="ngram"), benchmarks=[item]).find(" what  IS 2+2?")
    assert found == Overlap(kind="exact", benchmark="exam", item_id=item.id, shared_text="what is 2+2?")


def test_exact_wins_over_ngram(rule: Rule) -> None:
    found = rule.find(ITEM.question.upper())
    assert found is not None and found.kind == "exact"


def test_the_size_of_the_ngram_is_a_parameter() -> None:
    rule = build_rule(NgramRule(rule="ngram", size=3), benchmarks=[ITEM])
    found = rule.find("the least prime")
    assert found is not None and found.shared_text == "the least prime"


def test_what_shares_nothing_need_not_be_searched(rule: Rule) -> None:
    assert [rule.observe(text) for text in (ITEM.question, "What is 2+2?")] == [True, False]


def test_a_text_shorter_than_the_ngram_has_none() -> None:
    assert word_ngrams("a b c", size=4) == []
    assert word_ngrams("a b c", size=3) == ["a b c"]
    assert word_ngrams("a b c", size=2) == ["a b", "b c"]


def test_hashes_are_those_that_sha256sum_prints() -> None:
    # SHA-256 of "a b c d e f g h" and "b c d e f g h i", first 32 hex digits, computed with sha256sum.
    assert hash_ngrams("a b c d e f g h i") == ["1b6548f6b3c51dba45b79a649dca9145", "e56c274178bde361952350388ee18d84"]


def test_a_benchmark_known_by_hashes_only_is_found_by_one_ngram() -> None:
    rule = build_rule(NgramRule(rule="ngram"), benchmarks=[], hashed=[hashed(ITEM.question)])
    assert rule.find("so find the least prime p such that p+2 exists") == Overlap(
        kind="ngram", benchmark="secret", item_id="h1", shared_text="find the least prime p such that p+2"
    )
    assert rule.find("find the least prime p such that q holds") is None


def test_hashes_of_words_in_other_scripts_are_cut_at_words() -> None:
    text = "für α und β gilt stets α ≤ β also"
    rule = build_rule(NgramRule(rule="ngram"), benchmarks=[], hashed=[hashed(text)])
    found = rule.find(f"nun {text} hier")
    assert found is not None and found.shared_text == "für α und β gilt stets α ≤"


@pytest.mark.parametrize("text", ["xyz", "ab" * 15])
def test_what_is_no_hash_is_refused_with_its_item(text: str) -> None:
    item = HashedItem(benchmark="secret", item_id="h7", num_words=8, ngrams=[text])
    with pytest.raises(HashedBenchmarkError, match=rf"secret h7: '{text}' is not the hash of an n-gram"):
        build_rule(NgramRule(rule="ngram"), benchmarks=[], hashed=[item])
