"""The distinctive rule: copies in other clothes are found, stock phrases are spared."""

import pytest

from s1.config import DistinctiveRule, NgramRule
from s1.decontamination import Rule, build_rule
from s1.decontamination.tokens import tokens_of
from s1.records import HashedItem, Question, normalize_text
from tests.curation.test_decontamination import hashed
from tests.curation.texts import learned

STOCK = (
    r"The answer can be written as $\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. Find $m+n$."
)
ITEM = Question.create(
    question=r"A frog hops on 17 lily pads numbered from 1, skipping $k \le 5$ pads each time with equal chance. "
    + STOCK,
    solution="3",
    source="exam",
)
VARIANT = ITEM.question.replace("17", "23").replace("5", "9").replace(" 1,", " 4,")
SHORT = Question.create(question=r"Compute $\binom{31}{28} - 407$.", solution="4088", source="exam")
STORIES = (
    "A bag holds {} red marbles, and Ann draws {} of them.",
    "Triangle ABC has sides {}, {} and 21.",
    "A clock loses {} minutes every {} hours.",
    "Two trains leave {} stations at {} o'clock.",
)
POOL = [story.format(number, number + 2) + " " + STOCK for number in range(3, 40) for story in STORIES]


@pytest.fixture(scope="module")
def rule() -> Rule:
    return learned(build_rule(DistinctiveRule(rule="distinctive"), benchmarks=[ITEM, SHORT]), POOL)


def kind_of(rule: Rule, text: str) -> str | None:
    found = rule.find(text)
    return None if found is None else found.kind


def test_a_stock_phrase_is_no_overlap(rule: Rule) -> None:
    assert {kind_of(rule, text) for text in POOL} == {None}
    assert kind_of(rule, f"How many ways are there to tile a 3 by 10 floor? {STOCK}") is None


def test_the_paper_s_rule_removes_them_all() -> None:
    ngram = build_rule(NgramRule(rule="ngram"), benchmarks=[ITEM])
    assert {kind_of(ngram, text) for text in POOL} == {"ngram"}


@pytest.mark.parametrize(
    "text",
    [
        ITEM.question.replace(r"\frac", r"\dfrac").replace(r"\le", r"\leq").replace("$", r"\("),
        ITEM.question.replace("$k", "$r").replace("m}", "p}").replace("{n", "{q"),
        f"Solve this. {ITEM.question} Explain every step.",
        ITEM.question.removesuffix(f" {STOCK}"),
        "On 17 lily pads numbered from 1, a frog hops with equal chance, skipping $k \\le 5$ pads each time. " + STOCK,
        ITEM.question.replace("17", "seventeen").replace("5", "five"),
    ],
    ids=["re-typeset", "renamed", "extended", "shortened", "reordered", "numbers as words"],
)
def test_copies_in_other_clothes_are_found(rule: Rule, text: str) -> None:
    found = rule.find(text)
    assert found is not None and (found.kind, found.item_id) == ("copy", ITEM.id)


def test_the_same_wording_with_other_numbers_is_a_variant(rule: Rule) -> None:
    assert kind_of(rule, VARIANT) == "variant"


def test_variants_may_stay_while_copies_go() -> None:
    params = DistinctiveRule(rule="distinctive", variants="in")
    tolerant = learned(build_rule(params, benchmarks=[ITEM, SHORT]), POOL)
    assert kind_of(tolerant, VARIANT) is None
    assert kind_of(tolerant, f"Solve this. {ITEM.question}") == "copy"


def test_the_same_text_is_exact(rule: Rule) -> None:
    assert kind_of(rule, ITEM.question.upper()) == "exact"


def test_a_short_item_is_found_inside_a_longer_text(rule: Rule) -> None:
    assert kind_of(rule, r"Work this out: compute \(\binom{31}{28}-407\) and explain.") == "copy"
    assert kind_of(rule, r"Compute $\binom{31}{27}$.") is None


def test_the_shared_passages_are_named(rule: Rule) -> None:
    found = rule.find(f"Solve this. {ITEM.question.removesuffix(f' {STOCK}')}")
    assert found is not None
    assert found.shared_text == (
        r"a frog hops on 17 lily pads numbered from 1, skipping $k \le 5$ pads each time with equal chance"
    )


def test_many_copies_of_an_item_in_the_pool_do_not_hide_it() -> None:
    copies = [f"Number {index}: {ITEM.question}" for index in range(300)]
    rule = learned(build_rule(DistinctiveRule(rule="distinctive"), benchmarks=[ITEM]), [*POOL, *copies])
    assert {kind_of(rule, text) for text in copies} == {"copy"}


def test_what_a_rule_was_not_told_to_search_it_would_not_find(rule: Rule) -> None:
    fresh = build_rule(DistinctiveRule(rule="distinctive"), benchmarks=[ITEM, SHORT])
    told = [fresh.observe(text) for text in [*POOL, ITEM.question, "Name the capital of France."]]
    assert told[-2:] == [True, False]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (r"$\dfrac12$", r"\(\frac{1}{2}\)"),
        (r"$x \leq 1{,}000$", "$y ≤ 1000$"),
        ("12,345 primes", "12345 prime"),
        (r"\left( x + y \right)^2", "(a+b)^{2}"),
        (r"find $\alpha \cdot \beta$", "Find $x \\times y$"),
        ("two boxes", "2 boxes"),
    ],
)
def test_typesetting_and_names_make_no_tokens(text: str, other: str) -> None:
    assert tokens_of(text) == tokens_of(other) != []


def test_drawings_are_no_text() -> None:
    assert tokens_of("Find x. [asy] draw((0,0)--(1,1)); [/asy] Now.") == ["find", "v", "now"]


def test_chinese_is_compared_sign_by_sign() -> None:
    assert tokens_of("求 x 的最大值") == ["求", "v", "的", "最", "大", "值"]


def hashed_rule(*items: HashedItem, pool: list[str]) -> Rule:
    return learned(build_rule(DistinctiveRule(rule="distinctive"), benchmarks=[], hashed=items), pool)


def test_of_a_hashed_item_a_stock_phrase_is_spared_and_a_copy_is_found() -> None:
    rule = hashed_rule(hashed(ITEM.question), pool=POOL)
    assert {kind_of(rule, text) for text in POOL} == {None}
    found = rule.find(f"Solve this. {ITEM.question}")
    assert found is not None and (found.kind, found.benchmark, found.item_id) == ("copy", "secret", "h1")
    assert found.shared_text == "a frog hops on 17 lily pads numbered"


def test_one_shared_hash_is_not_enough_unless_it_is_all_there_is() -> None:
    text = "one two three four five six seven eight"
    pool = ["other words that have nothing to do with it at all"]
    assert kind_of(hashed_rule(hashed(text), pool=pool), f"so {text}") == "copy"
    assert kind_of(hashed_rule(hashed(f"{text} nine ten"), pool=pool), f"so {text}") is None
    assert kind_of(hashed_rule(hashed(f"{text} nine ten"), pool=pool), f"so {text} nine") == "copy"


def test_normalised_text_is_what_hashes_are_of() -> None:
    assert hashed("A  B c d e f g H i").ngrams == hashed(normalize_text("a b C d e f g h i")).ngrams
