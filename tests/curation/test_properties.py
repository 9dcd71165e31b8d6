"""What holds for whatever is collected: nothing vanishes, order changes nothing, a planted copy never survives."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1.config import CurateParams, Decontamination, DistinctiveRule, NgramRule
from s1.curation import DUPLICATE
from s1.records import Question
from tests.curation.texts import RULES, ask, run, run_in_parts

NAMES = ("math", "agieval", "aime")
VOCABULARY = "find the sum of all primes p q 7 12 below angle triangle box [asy] p3. **2** red circle"
WORDS = st.sampled_from(VOCABULARY.split())
TEXTS = st.lists(WORDS, min_size=1, max_size=14).map(" ".join)
QUESTIONS = st.builds(
    lambda text, source, solution: ask(text, source=source, solution=solution),
    TEXTS,
    st.sampled_from(NAMES),
    st.sampled_from(["", "1", "since 1 = 1"]),
)
POOLS = st.lists(QUESTIONS, max_size=25)
DECONTAMINATIONS: list[Decontamination] = [NgramRule(rule="ngram", size=4), DistinctiveRule(rule="distinctive")]
NOUNS = "frog marble clock train ladder garden wheel bridge candle ribbon engine basket"
SUBJECTS = NOUNS.split()


def rules_with(decontamination: Decontamination) -> CurateParams:
    return RULES.model_copy(update={"decontamination": decontamination, "asy_exempt_sources": ["aime"]})


@pytest.mark.parametrize("decontamination", DECONTAMINATIONS, ids=lambda rule: rule.rule)
@given(pool=POOLS, benchmark=st.lists(TEXTS, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_row_gets_one_decision_and_every_text_at_most_one_place(
    decontamination: Decontamination, pool: list[Question], benchmark: list[str]
) -> None:
    curated = run(pool, [ask(text, source="exam") for text in benchmark], rules=rules_with(decontamination))
    assert [row.question for row in curated] == pool
    assert [row.decision.question_id for row in curated] == [question.id for question in pool]
    chosen = Counter(row.question.id for row in curated if row.decision.reason != DUPLICATE)
    assert chosen == Counter({question.id for question in pool})
    assert all(row.decision.kept == (row.decision.reason == "kept") for row in curated)


@pytest.mark.parametrize("decontamination", DECONTAMINATIONS, ids=lambda rule: rule.rule)
@given(pool=POOLS, benchmark=st.lists(TEXTS, max_size=4), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_rows_changes_nothing(
    decontamination: Decontamination, pool: list[Question], benchmark: list[str], seed: int
) -> None:
    items = [ask(text, source="exam") for text in benchmark]
    shuffled = random.Random(seed).sample(pool, len(pool))
    rules = rules_with(decontamination)

    def outcome(questions: list[Question]) -> Counter[tuple[str, str, str, str]]:
        return Counter(
            (row.question.id, row.question.source, row.question.solution, row.decision.reason)
            for row in run(questions, items, rules=rules, sources=NAMES)
        )

    assert outcome(pool) == outcome(shuffled)


@pytest.mark.parametrize("decontamination", DECONTAMINATIONS, ids=lambda rule: rule.rule)
@given(pool=POOLS, benchmark=st.lists(TEXTS, max_size=4), num_parts=st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_a_pool_in_parts_is_curated_like_the_whole(
    decontamination: Decontamination, pool: list[Question], benchmark: list[str], num_parts: int
) -> None:
    items = [ask(text, source="exam") for text in benchmark]
    rules = rules_with(decontamination)
    assert run_in_parts(pool, items, rules=rules, num_parts=num_parts) == run(pool, items, rules=rules)


@st.composite
def items(draw: st.DrawFn) -> str:
    subjects = draw(st.lists(st.sampled_from(SUBJECTS), min_size=3, max_size=6, unique=True))
    numbers = draw(st.lists(st.integers(2, 999), min_size=len(subjects), max_size=len(subjects)))
    parts = [f"the {subject} has ${number}$ parts" for subject, number in zip(subjects, numbers, strict=True)]
    return rf"Suppose that {', '.join(parts)} and $\frac{{x}}{{y}} \le {numbers[0]}$. How many are left?"


def retypeset(text: str) -> str:
    return text.replace(r"\frac", r"\dfrac").replace(r"\le", "≤").replace("$ ", r" \) ").replace(" $", r" \( ")


@given(item=items(), others=st.lists(items(), max_size=8), copies=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_a_planted_copy_never_survives(item: str, others: list[str], copies: int) -> None:
    planted = [item.upper(), retypeset(item), f"Please answer: {item} Show your work.", item.replace("x", "u")]
    numbered = [f"Problem {number + 1} of this set is as follows. {item}" for number in range(copies)]
    pool = [ask(text) for text in [*planted, *numbered, *others]]
    rules = RULES.model_copy(update={"decontamination": DistinctiveRule(rule="distinctive"), "max_characters": 9999})
    curated = run(pool, [ask(item, source="exam")], rules=rules)
    assert [row.decision.kept for row in curated[: len(planted) + copies]] == [False] * (len(planted) + copies)
