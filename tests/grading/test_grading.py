"""One response, one extracted answer, one verdict."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from s1.grading import extract_answer, grade, reference_answer
from s1.records import AnswerKind, Question


def ask(answer: str | None, *, kind: AnswerKind = "expression", solution: str = "") -> Question:
    return Question.create(question="?", solution=solution, source="test", answer=answer, answer_kind=kind)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{\frac{1}{2}} holds", r"\frac{1}{2}"),
        (r"\boxed{1}, no, \boxed{2}", "2"),
        (r"\boxed{1}, cut: \boxed{\frac{1}{2", "1"),
        (r"\boxed{7} Answer: 8", "7"),
        (r"\fbox{a}", "a"),
        ("Answer: 3\nAnswer: 42", "42"),
        ("<|im_start|>answer\nFinal Answer: 42", "42"),
        ("**Answer:** 42.\nBecause", "42"),
        ("Final Answer:\n\n  x+1", "x+1"),
        ("Answer: 5<|im_end|>\n", "5"),
        ("Answer: $0.5$", "$0.5$"),
    ],
)
def test_the_last_box_or_answer_line_is_the_answer(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize("text", ["", "It is 42", "A", "Answer:", r"\boxed{}", "MyAnswer: 4", r"\boxed{1"])
def test_without_box_and_answer_line_there_is_no_answer(text: str) -> None:
    assert extract_answer(text) is None


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("42", "42"),
        ("42.0", "42"),
        ("1,000", "1000"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        ("$5$", "5"),
        (r"\text{even}", "even"),
        ("0.5", r"\frac{1}{2}"),
        (r"\frac{2}{4}", r"\frac12"),
        ("x(x+1)", "x^2+x"),
        (r"2\sqrt{2}", r"\sqrt{8}"),
    ],
)
def test_equivalent_expressions_are_right(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is True


@pytest.mark.parametrize(
    ("answer", "reference"),
    [("41", "42"), ("(1,234)", "1234"), ("x+1", "x+2"), ("@@", "5"), (r"\frac{1}{3}", "0.5"), ("7" * 2000, "x")],
)
def test_other_expressions_are_wrong(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is False


@pytest.mark.parametrize("answer", ["C", "c", "(C)", "C.", "C) 4 metres", r"\text{(C)}", "**C**"])
def test_a_choice_is_read_as_its_letter(answer: str) -> None:
    assert grade(answer, ask("C", kind="choice")) is True


@pytest.mark.parametrize("answer", ["A", "Carbon", "", "AC", "4"])
def test_what_is_not_the_letter_is_a_wrong_choice(answer: str) -> None:
    assert grade(answer, ask("C", kind="choice")) is False


def test_no_answer_is_wrong_and_never_a_letter() -> None:
    assert grade(None, ask("A", kind="choice")) is False


def test_without_a_reference_nothing_can_be_said() -> None:
    assert grade("4", ask(None, solution="A long proof.\nOver two lines.")) is None


def test_prose_is_not_graded_here() -> None:
    assert grade("because", ask("because", kind="prose")) is None


def test_the_reference_comes_from_answer_then_marks_then_a_short_solution() -> None:
    assert reference_answer(ask("1", solution=r"\boxed{2}")) == "1"
    assert reference_answer(ask(None, solution=r"hence \boxed{2}")) == "2"
    assert reference_answer(ask(None, solution="3")) == "3"
    assert reference_answer(ask(None, solution="")) is None


def test_equivalence_works_off_the_main_thread() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(grade, "x(x+1)", ask("x^2+x")).result() is True


@pytest.mark.parametrize("answer", ["try 3 k+3", "try 3 k+3 6 l-7 9 m=4 no 4"])
def test_a_line_of_working_is_no_number(answer: str) -> None:
    question = Question.create(question="q", solution=answer.split()[-1][-1], source="s")
    assert grade(answer, question) is False


@pytest.mark.parametrize("answer", [r"\frac{10}{2}", "10/2", "x = 5", r"5\text{ cm}"])
def test_another_way_to_write_a_number_is_right(answer: str) -> None:
    assert grade(answer, Question.create(question="q", solution="5", source="s")) is True


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("10000", "10{,}000"),
        (r"21\ \text{cm}^2", "21"),
        ("15", r"15\mbox{ cm}^2"),
        ("18 dollars per day", "18"),
        ("1.16 kJ/mol", "1.16"),
        ("Yes", "True"),
        (r"\text{(C) Sphere}", r"\text{(C)}"),
        (r"\[x^2\]", "x^2"),
        ("033", "33"),
        ("(3, 3)", r"\left( 3, 3 \right)"),
    ],
)
def test_spelling_of_real_answers_makes_no_difference(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is True


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (r"\text{(E) Cylinder}", r"\text{(C)}"),
        ("5.1", r"5.4 \text{ cents}"),
        ("106.12", "106"),
        ("54 dollars", "50"),
        ("No", "True"),
    ],
)
def test_other_values_stay_wrong_however_they_are_spelt(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is False


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("12_5", "12_7"),
        ("12_{5}", "12_{7}"),
        ("5 kg", "5 g"),
        (r"5\text{ km}", r"5\text{ m}"),
        (r"5\text{ cm}^2", r"5\text{ cubic centimeters}"),
        (r"\leq 5", "5"),
        ("x ≤ 5", "5"),
        (r"\text{at most }5", "5"),
        (r"5 \text{ or less}", "5"),
        ("greater than 12", "12"),
        ("not 5", "5"),
        (r"\neg 5", "5"),
        ("Therefore, we cannot get 5", "5"),
        ("(1,2)", r"\{1,2\}"),
        ("1 1/2", "11/2"),
        ("1 2", "12"),
        ("50%", "0.5%"),
        (r"0.1\overline{6}", "0.1"),
    ],
)
def test_what_says_something_else_is_wrong_though_its_number_is_the_same(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is False
    assert grade(reference, ask(answer)) is False


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("1e3", "1000"),
        ("2.5e-3", "0.0025"),
        ("½", "1/2"),
        ("1½", "1.5"),
        ("1 1/2", "3/2"),
        ("-1 1/2", r"-\frac{3}{2}"),
        (r"50\%", "0.5"),
        ("50%", "50"),
        (r"50\%", r"\frac12"),
        (r"0.1\overline{6}", "1/6"),
        ("x²", "x^2"),
        ("−5", "-5"),
        ("12 000", "12000"),
        ("12_5", "12_{5}"),
        ("5 kg", r"5\text{ kilograms}"),
        (r"21\text{ cm}^2", r"21\text{ square centimeters}"),
        ("5 m", "5"),
    ],
)
def test_another_spelling_of_the_same_number_is_right(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is True
    assert grade(reference, ask(answer)) is True


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (r"(5,\infty)", "x > 5"),
        ("[0,5]", r"0 \leq x \leq 5"),
        ("26 guests did not get one", "26"),
        ("Kelly paid $1 more than Becky", "1"),
    ],
)
def test_a_relation_or_denial_that_is_not_about_the_number_keeps_the_answer_right(answer: str, reference: str) -> None:
    assert grade(answer, ask(reference)) is True


def test_a_choice_whose_reference_names_no_option_has_no_reference() -> None:
    def cities(answer: str) -> Question:
        return ask(answer, kind="choice").model_copy(update={"metadata": {"options": ["Rome", "Paris"]}})

    assert (reference_answer(cities("2")), grade("B", cities("2"))) == (None, None)
    assert grade("B", ask("Paris", kind="choice")) is None
    assert reference_answer(cities("Paris")) == "Paris"
    assert (grade("B", cities("Paris")), grade("Paris", cities("B")), grade("A", cities("Paris"))) == (
        True,
        True,
        False,
    )


def test_several_letters_must_all_be_there() -> None:
    assert grade("A, C", ask("AC", kind="choice")) is True
    assert grade("A", ask("AC", kind="choice")) is False


def test_the_text_of_the_one_right_option_is_as_good_as_its_letter() -> None:
    question = Question.create(
        question="?", solution="", source="test", answer="B", answer_kind="choice", metadata={"options": ["4 m", "5 m"]}
    )
    assert grade("5 m", question) is True
    assert grade("4 m", question) is False
    assert grade("6 m", question) is False


def test_prose_is_compared_with_the_whole_solution() -> None:
    assert reference_answer(ask(None, kind="prose", solution="Light\nbends.")) == "Light\nbends."
