r"""Prompts that give their own answer away are found, with the words that do it; what only looks so is left alone."""

import pytest

from s1.leaks import find_leak
from s1.records import AnswerKind, Question

SOLUTION = (
    "The first pipe fills a third of the tank in an hour and the second a quarter of it, so that together they fill "
    "seven twelfths of the tank in an hour, which leaves five twelfths for the second hour. That makes 42 pipes."
)


def make(text: str, *, answer: str = "42", kind: AnswerKind = "expression", solution: str = "") -> Question:
    return Question.create(question=text, solution=solution, answer=answer, answer_kind=kind, source="pool")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("How many pipes?\nThe answer is 42.", "The answer is 42."),
        ("How many pipes? The final answer is $42$", "final answer is $42$"),
        ("How many pipes?\n**Answer:** 42", "**Answer:** 42"),
        ("Answer: 42. How many pipes?", "Answer: 42. How many pipes?"),
        (r"How many pipes? $\boxed{42}$", r"\boxed{42}"),
        ("How many pipes? (Correct answer: 42)", "Correct answer: 42)"),
        ("If x is 6, what is 7x? The answer is 42.", "The answer is 42."),
    ],
)
def test_a_prompt_that_states_its_answer_leaks(text: str, shown: str) -> None:
    leak = find_leak(make(text))
    assert leak is not None
    assert (leak.reason, leak.shown) == ("answer_stated", shown)


@pytest.mark.parametrize(
    "text",
    [
        "What is 6 times 7?",
        "There are 42 pipes. Seven of them leak. How many times seven is that? Put your answer in \\boxed{}.",
        "Give the answer: a whole number.",
        "The answer is 421. Which question was asked?",
        "The answer is 4.2 too small. By how much?",
        "If the answer is 42, what was the question?",
        "A student says that the answer is 42. Is he right?",
        "Why is it that the answer is not 42?",
        "The answer is 42 + x. Find x.",
    ],
)
def test_a_prompt_that_only_looks_so_does_not(text: str) -> None:
    assert find_leak(make(text)) is None


def test_options_are_no_leak_and_a_stated_letter_is() -> None:
    options = "Which gas?\nA) neon\nB) argon\nC) xenon"
    assert find_leak(make(options, answer="B", kind="choice")) is None
    leak = find_leak(make(f"{options}\nAnswer: B", answer="B", kind="choice"))
    assert leak is not None and leak.shown == "Answer: B"
    assert find_leak(make(f"{options}\nAnswer: A or B?", answer="B", kind="choice")) is None


def test_the_answer_that_is_trained_on_counts_as_the_reference_does() -> None:
    question = make("How many pipes? The answer is 7.", answer="42")
    assert find_leak(question) is None
    assert find_leak(question, solutions=["So there are seven.\nAnswer: 7"]) is not None


def test_a_prompt_that_holds_its_solution_leaks() -> None:
    leak = find_leak(make(f"How long does it take? {SOLUTION}", solution=SOLUTION, answer="1 5/7"))
    assert leak is not None and leak.reason == "solution_in_prompt"
    assert find_leak(make(f"How long? {SOLUTION}", answer="1 5/7"), solutions=[SOLUTION]) is not None


def test_a_solution_that_begins_by_saying_the_question_again_is_no_leak() -> None:
    told = SOLUTION.replace(" That makes 42 pipes.", "")
    assert find_leak(make(told, solution=SOLUTION)) is None


def test_a_short_solution_says_too_little_to_tell() -> None:
    text = "Show that the sum of two even numbers is even."
    assert find_leak(make(text, solution=text, answer="")) is None
