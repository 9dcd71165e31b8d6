r"""Extraction on the ways real models end their answers; short forms of what recorded outputs hold."""

import pytest

from s1.grading import answer_part, extract_answer
from s1.grading.choices import read_choice
from s1.records import AnswerKind


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>\\boxed{5}? no</think>\n\\boxed{42}", "42"),
        ("so 5 </think> The answer is 42.", "42"),
        ("roots \\boxed{2} and \\boxed{3}.", "2, 3"),
        ("first \\boxed{2}. Then, later, \\boxed{3}.", "3"),
        ("\\boxed{18}\n\n\\boxed{18}", "18"),
        ("#### 320", "320"),
        ("ANSWER: 7", "7"),
        ("Therefore, the answer is January 5. The answer is 12.", "12"),
        ("the answer to the question is $0.25$.", "$0.25$"),
        ("So, the final answer is:\n\\[\nx = \\frac{2}{5}\n\\]", "x = \\frac{2}{5}"),
        ("Final Answer: The weight of lead that one kilogram of oxygen makes is 4.31 kg.", "4.31 kg"),
        ("Therefore, the value of $x$ is $0.125$ m (correct up to 2 decimal places).", "0.125"),
        ("Step 7: Therefore, Mikka could order 28 different pizzas.", "28"),
        ("Therefore, she paid $27,000. This includes the artist.", "27,000"),
        ("2 trucks / 2 = 3\n\nSo, 3 trucks will be needed to carry 80 stones.", "3"),
        ("So, she makes 9 * $2 = $18 per day at the market.", "18"),
        ("The order costs Mrs. Cruz 9500 dollars.", "9500"),
        ("The answer is 4.\n\nQuestion: What is 5+5?\nThe answer is 10.", "4"),
        ("The answer is 59.\nThis answer is correct.\nThis answer is wrong.\nThis answer is", "59"),
        ("The answer is 4.\nYou are an AI assistant that helps people.", "4"),
    ],
)
def test_the_answer_is_what_was_last_marked_or_concluded(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "<think>\\boxed{5}, but wait",
        "8! / (5! 3!) = 8! / (5! 3!) = 8! / (5! 3!) = 8!",
        "Therefore, there is no such number.",
        "4 + 4 and then 5 + 5",
        "we get 20 minutes, so in total the oil needs 28 minutes and then",
    ],
)
def test_what_was_cut_or_never_concluded_has_no_answer(text: str) -> None:
    assert extract_answer(text) is None


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("42. This is the only solution.", "42"),
        ("**42**. This is the only solution.", "42"),
        ("42. this is the only solution", "42"),
        ("204 minutes. The walk is 9 km long.", "204 minutes"),
        (r"$\frac{3}{4}$. We can check that this is correct.", r"$\frac{3}{4}$"),
        ("113 because 113 is the only prime left", "113"),
        ("12, where x is the side and y is the base", "12"),
        ("12 is the number of ways to choose them", "12"),
        ("2 and 3 are the roots of it all", "2 and 3"),
        ("120 pounds of carrots will not be used.", "120 pounds of carrots"),
        ("5 apples + 3 apples is equal to 8 apples", "8 apples"),
        ("The cost of both together is 42 dollars. This is the only solution.", "42 dollars"),
        ("The answer is 5 because the other root is 7.", "5"),
    ],
)
def test_a_remark_behind_the_forced_answer_is_no_part_of_it(line: str, answer: str) -> None:
    assert extract_answer(f"The roots are 5 and 2 + 5 = 7.\n\nFinal Answer: {line}") == answer


def test_an_empty_box_does_not_hide_the_one_before_it() -> None:
    assert extract_answer(r"\boxed{5}, that is \boxed{}") == "5"
    assert extract_answer(r"\boxed{2} and \boxed{3}, \boxed{ }") == "2, 3"


def test_thinking_that_did_not_end_leaves_no_answer_part() -> None:
    marks = {"think_start": "<|im_start|>think", "answer_start": "<|im_start|>answer"}
    assert answer_part("<|im_start|>think\nx", **marks) is None
    assert answer_part("<|im_start|>think\nx<|im_start|>answer\n42", **marks) == "\n42"
    assert answer_part("42", **marks) == "42"


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("The answer is (C).", "C"),
        ("The correct answer is **C. Ownership**.", "C"),
        ("Thus, the correct answer is:\n\nC. exist\n\nThe view is common.", "C"),
        ("**Answer: C. Disclosure, Clarity**", "C"),
        ("Final Answer: The tax is commonly labelled a **B. regressive tax**.", "B"),
        ("Final Answer: ... are the ones that result from B. an agreement of some sort.", "B"),
        ("\\boxed{\\text{(D) } 4}", "D"),
        ("are $\\boxed{\\textbf{(A)}}$ and $\\boxed{\\textbf{(B)}}$.", "AB"),
        ("The correct options are (B), (C), and (D).", "BCD"),
        ("The answer is $[\\mathrm{D}]$", "D"),
        ("So option (D) is incorrect.\n\nIn conclusion, the only statement that could be true is (C).", "C"),
        ("statement (D) is TRUE.\n\nHence, the FALSE statement(s) is (are) (A).", "A"),
        ("The closest option is (I) with 0.05.", "I"),
        ("making **A** the correct answer.", "A"),
        ("Thus, **B** is the most appropriate application.", "B"),
        ("that does not fit.\n\n**D. multilineal evolution** explains it.", "D"),
        ("The answer is (F) and (E). The answer is (I).", "I"),
        ("(A) is false.\n\nAnswer: B", "B"),
        ("I think so.\nE", "E"),
        ("The answer is B, not C.", "B"),
        ("The answer is B because A is wrong.", "B"),
        ("The answer is A. No, wait, the answer is B.", "B"),
        ("The answer is E. No, because the sidewalk is a public forum.", "E"),
    ],
)
def test_letters_are_found_where_they_are_marked(text: str, letters: str) -> None:
    assert extract_answer(text, kind="choice") == letters


@pytest.mark.parametrize(
    "text",
    [
        "I would say a person can do both.",
        "A nice day. I am done.",
        "So, option (D) is incorrect.",
        "none of the options (A), (B), (C), (D) are correct.",
        "G. This is not binomial because.\nH. Mitch bought 20 containers.\nJ. The",
        "The answer is (B) or (J).",
        "The options A, B, C and D name revolutions.",
        "The answer is E=mc^2, so B",
        "The answer is option B? No, option C.",
        "The answer is A. So the answer is B. Wait, that is not it.",
        "The answer is (B) and (C) are wrong",
        "",
    ],
)
def test_a_letter_that_is_not_marked_is_no_answer_and_none_is_made_up(text: str) -> None:
    assert extract_answer(text, kind="choice") is None


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("A, B and D", "ABD"),
        ("(A), (C)", "AC"),
        ("BCD", "BCD"),
        ("option C", "C"),
        ("\\text{(E) Cylinder}", "E"),
        ("BAD", None),
        ("Carbon", None),
        ("A cat", None),
        ("12", None),
    ],
)
def test_one_letter_or_several_are_read_as_options(text: str, letters: str | None) -> None:
    assert read_choice(text) == letters


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["\\boxed{", "option (A ", "answer: " + " " * 50, "(", "Answer is ", "1,", " \n", "**A. "]
)
@pytest.mark.parametrize("kind", ["expression", "choice"])
def test_a_loop_of_a_hundred_thousand_characters_is_read_at_once(piece: str, kind: AnswerKind) -> None:
    assert extract_answer(piece * (100_000 // len(piece)) + "\n\nThe answer is (B).", kind=kind) in ("B", "(B)")
