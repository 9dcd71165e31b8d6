"""Quality rules that real files ask for: pictures that are missing, and other languages."""

import pytest

from s1.curation.languages import UnknownLanguageError, language_of
from tests.curation.texts import RULES, ask, reason_of, run

PICTURES = RULES.model_copy(update={"drop_missing_pictures": True})
ENGLISH = RULES.model_copy(update={"languages": ["en"]})


@pytest.mark.parametrize(
    "text",
    [
        "Find angle x in the figure below.",
        "As shown in the diagram, AB = 3.",
        "The graph below shows sales. What is the mean?",
        "What is the area of the figure shown?",
        "The blocks are stacked as shown below.",
        "A gear is drawn at the right: as shown at right, it turns.",
    ],
)
def test_a_question_about_a_picture_that_is_not_there_is_dropped(text: str) -> None:
    assert reason_of(text, rules=PICTURES) == "picture_needed"
    assert reason_of(text) == "kept"


@pytest.mark.parametrize(
    "text",
    [
        "Find the area of the figure below. ![](a.png)",
        r"As shown below: \begin{array}{c} 1 \\ 2 \end{array}",
        "Find the slope of the graph of the function f.",
        "How many figures of a number are odd?",
        "Describe a map of the plane onto itself.",
    ],
)
def test_a_picture_that_is_there_or_not_needed_is_no_objection(text: str) -> None:
    assert reason_of(text, rules=PICTURES) == "kept"


def test_a_source_may_say_that_its_row_had_a_picture() -> None:
    assert reason_of("What is this?", rules=PICTURES, picture="cell.png") == "picture_needed"
    assert reason_of("What is this?", rules=PICTURES, picture="") == "kept"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the sum of the digits?", "en"),
        ("下列说法正确的是", "zh"),
        ("已知 $x^2 + y^2 = 1$, 求 $x + y$ 的最大值", "zh"),
        ("次の数のうち素数はどれか", "ja"),
        ("다음 중 옳은 것은", "ko"),
        ("Найдите сумму чисел", "ru"),
        ("Wie groß ist die Summe der Zahlen, die durch 3 teilbar sind und nicht gerade?", "de"),
        ("Quelle est la somme des nombres qui sont divisibles par 3 et les autres?", "fr"),
        ("¿Cuál es la suma de los números que son divisibles por 3 y se dividen al menos una vez?", "es"),
        ("$x^2 = 4$", None),
        ("Schrödinger α β γ", None),
        ("The angle α of the Müller cell is what?", "en"),
    ],
)
def test_languages_are_told_by_script_and_function_words(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_question_in_another_language_is_dropped_where_that_is_asked_for() -> None:
    assert reason_of("下列说法正确的是什么", rules=ENGLISH) == "wrong_language"
    assert reason_of("下列说法正确的是什么") == "kept"
    assert reason_of("$x^2 + y = 4$", rules=ENGLISH) == "kept"


def test_the_decision_names_the_language() -> None:
    (curated,) = run([ask("下列说法正确的是什么")], rules=ENGLISH)
    assert curated.decision.detail == "seems to be zh, not en"


def test_a_language_that_cannot_be_told_is_refused_with_those_that_can() -> None:
    with pytest.raises(UnknownLanguageError, match=r"curate\.languages: tlh cannot be told from others; use ar, de"):
        run([], rules=RULES.model_copy(update={"languages": ["tlh"]}))
