r"""Letters of choice questions: what runs on behind the answer, and answers of several letters."""

import pytest

from s1.grading import extract_answer


def letters(response: str) -> str | None:
    return extract_answer(response, kind="choice")


@pytest.mark.parametrize(
    "summary",
    [
        "Now, combining all the answers:\nThe answer is (B).",
        "Now, let's combine all the answers.\nThe answer is (B).",
        "Now, let's summarize all the answers:\nA. 8\nB. 5 mA",
        "Now, let's总结以上答案：\n\nThe answer is:\nB. an internal locus",
        "Now, let's总结以上问题的答案:\nThe answer is A.\nThe answer is B.",
        "Now that I have provided the answers, I can give the final one.\nAnswer: (B)",
    ],
)
def test_a_summary_of_all_answers_is_not_the_answer(summary: str) -> None:
    assert letters(f"It scatters. The answer is (H).\n\n{summary}") == "H"


def test_a_summary_counts_where_nothing_was_answered_before() -> None:
    assert letters("It scatters.\n\nNow, combining all the answers:\nThe answer is (B).") == "B"


def test_a_final_answer_that_contradicts_the_line_before_it_does_not_count() -> None:
    assert letters("By the formula it is 6,300. The answer is (G).\n\nFinal Answer: The answer is (F).") == "G"


def test_a_final_answer_behind_further_reasoning_counts() -> None:
    assert (
        letters("The answer is (G). But (G) forgets the tax, so it is (F).\n\nFinal Answer: The answer is (F).") == "F"
    )


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (r"So $\boxed{\textbf{(A) }-1+\sqrt{y}\text{ and }\textbf{(B) }-1-\sqrt{y}}$.", "AB"),
        (r"Final answer: $\boxed{\text{(A) } -9, \text{(D) } 8}$.", "AD"),
        (r"So it is $\boxed{\textbf{(B)}\ (I) \rightarrow (Q); (II) \rightarrow (R)}$.", "B"),
        ("Final Answer: (A) If $g$ is continuous and (C) If $g$ is differentiable at 1.", "AC"),
        ("Final answer: (A), (B), and (D) are true, but (C) is not necessarily true.", "ABD"),
        ("Final answer: (A) and (B) are correct. (C) and (D) are false.", "AB"),
        ("The final answers are:\n(A) False\n(B) True\n(C) True\n(D) Not given", "BC"),
        ("In conclusion, the final answer is:\n\n(A) TRUE\n(B) FALSE\n(C) TRUE\n(D) FALSE", "AC"),
        ("We find that the correct options are:\n\n(A) The area is 35.\n\n(C) The tangents meet.", "AC"),
    ],
)
def test_several_options_are_all_read(response: str, expected: str) -> None:
    assert letters(response) == expected


def test_a_box_with_what_the_answer_is_not_holds_no_answer() -> None:
    assert letters(r"so the answer is not $\boxed{\textbf{(D) } \frac{3}{5}}$.") is None
