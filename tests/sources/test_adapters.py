"""Adapters: every format's rows become the same kind of question. Rows are made up, in the real formats."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from s1.config import FilesSource
from s1.grading import grade
from s1.records import Question
from s1.sources import SourceError
from s1.sources.adapters import ADAPTERS
from s1.sources.adapters.options import bare_options, letters_of, split_options
from s1.sources.raw import RawRow
from s1.sources.rows import BadRowError
from tests.sources.reads import read_all


def ask(adapter: str, **values: JsonValue) -> Question:
    return ask_of("a.jsonl", adapter, values)


def ask_of(file: str, adapter: str, values: dict[str, JsonValue]) -> Question:
    return ADAPTERS[adapter].question_of(RawRow(file, 7, values), source="s")


def test_a_question_carries_its_place_subject_and_level() -> None:
    question = ask("math", problem=" 1+1? ", level="Level 2", subject="Algebra", unique_id="test/1", answer="2")
    assert (question.question, question.answer, question.solution) == ("1+1?", "2", "")
    assert question.metadata == {
        "file": "a.jsonl",
        "line": 7,
        "subject": "Algebra",
        "level": "Level 2",
        "unique_id": "test/1",
    }


def test_copies_of_math_agree_whatever_their_columns_are_called() -> None:
    questions = [
        ask("math", problem="1+1?", answer="2"),
        ask("math", prompt="1+1?", answer="2", id="x"),
        ask("math", problem="1+1?", solution=r"\boxed{2}", type="Algebra", idx=3),
    ]
    assert len({question.id for question in questions}) == 1
    assert [question.solution for question in questions] == ["", "", r"\boxed{2}"]


def test_a_row_without_any_reference_is_kept_and_ungradable() -> None:
    question = ask("math", problem="1+1?", answer=None)
    assert (question.answer, question.solution) == (None, "")


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_a_row_without_the_question_is_refused_by_every_adapter(adapter: str) -> None:
    with pytest.raises(BadRowError) as refusal:
        ask(adapter, unrelated="1")
    assert (refusal.value.reason, "the row has ['unrelated']" in refusal.value.detail) == ("missing_field", True)


def test_the_same_options_give_the_same_question_from_every_shape() -> None:
    listed = ask("mmlu-pro", question="Which?", options=["one", "two"], answer="B", category="physics")
    pcmb = ask("r1-pcmb", question="Which? ", options=["one", "two"], answer_letter="B", answer_index=1)
    lettered = ask("agieval", passage=None, question="Which?", options=["(A)one", "(B)two"], label="B", answer=None)
    aqua = ask("aqua", question="Which?", options=["A)one", "B)two"], rationale="so", correct="B")
    sat = ask("sat-math", id="0", question="Which?", options="A) one B) two", Answer="B")
    for question in (listed, pcmb, lettered, aqua, sat):
        assert question.question == "Which?\n\nA) one\nB) two"
        assert (question.id, question.answer, question.answer_kind) == (listed.id, "B", "choice")
        assert question.metadata["options"] == ["one", "two"]
        assert grade("two", question) is True


def test_a_passage_stands_above_the_question() -> None:
    question = ask("agieval", passage="Long ago. ", question="When?", options=["(A)then", "(B)now"], label="A")
    assert question.question == "Long ago.\n\nWhen?\n\nA) then\nB) now"


def test_agievals_mathematics_has_an_answer_instead_of_options() -> None:
    other: JsonValue = {"solution": "so 3", "level": 5, "type": "Algebra"}
    question = ask("agieval", passage=None, question="x?", options=None, label=None, answer="3", other=other)
    assert (question.question, question.answer, question.solution) == ("x?", "3", "so 3")
    assert (question.answer_kind, question.metadata["level"]) == ("expression", 5)


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        (["(A)5", "(B)6"], ("5", "6")),
        (["   A. 5", "(B) 6", "C．7"], ("5", "6", "7")),
        (["(A)1", "(C)3", "(B)2"], ("1", "2", "3")),
        (["(A)1", "(B)2", "(C)3", "(C)4"], ("1", "2", "3", "4")),
        (["A one", "B two"], ("one", "two")),
        (["(A)A)59", "(B)B)69"], ("59", "69")),
        (["A diary.", "A novel."], ("A diary.", "A novel.")),
        (["A", "B"], ("A", "B")),
        (["one", "(B)two"], ("one", "(B)two")),
    ],
)
def test_letters_in_front_of_options_are_taken_off_once(written: list[str], bare: tuple[str, ...]) -> None:
    assert bare_options(written) == bare


def test_an_option_without_text_refuses_the_row() -> None:
    with pytest.raises(BadRowError) as refusal:
        ask("agieval", passage=None, question="Which picture?", options=["(A)one", "(B)"], label="A")
    assert (refusal.value.reason, refusal.value.detail) == ("empty_option", "option B of 2 has no text")


@pytest.mark.parametrize(
    ("label", "letters"),
    [
        ("C", "C"),
        ("(c)", "C"),
        ("A B D", "ABD"),
        ("CD", "CD"),
        (["A", "C", "。"], "AC"),
        ([], ""),
        (None, ""),
        ("E", ""),
    ],
)
def test_a_label_names_its_letters_and_nothing_else(label: JsonValue, letters: str) -> None:
    assert letters_of(label, num_options=4) == letters


def test_options_that_cannot_be_told_apart_stay_as_written() -> None:
    assert split_options("A) 5 B) 6 C) 7") == ("5", "6", "7")
    assert split_options("5 or 6") == ()
    question = ask("sat-math", question="Which?", options="5 or 6", Answer="A")
    assert question.question == "Which?\n\n5 or 6" and "options" not in question.metadata


@given(
    st.lists(
        st.text(st.characters(codec="ascii", exclude_characters="()"), min_size=1).filter(str.strip),
        min_size=2,
        max_size=9,
    )
)
def test_letters_never_change_what_the_options_say(texts: list[str]) -> None:
    bare = ["#" + text.strip() for text in texts]
    assert bare_options([f"({chr(65 + index)}) {text}" for index, text in enumerate(bare)]) == tuple(bare)
    assert bare_options(bare) == tuple(bare)


def test_mmlus_subject_comes_from_the_files_name() -> None:
    place = "mmlu.zip/data/test/college_physics_test.csv"
    values: dict[str, JsonValue] = {"question": "Which?", "A": "1", "B": "2", "C": "3", "D": "4", "answer": "D"}
    question = ask_of(place, "mmlu", values)
    assert (question.metadata["subject"], question.answer) == ("college_physics", "D")
    assert question.question == "Which?\n\nA) 1\nB) 2\nC) 3\nD) 4"


@pytest.mark.parametrize(
    ("kind", "gold", "expected"),
    [
        ("MCQ", "B", ("B", "choice")),
        ("MCQ(multiple)", "ABD", ("ABD", "choice")),
        ("Integer", "6", ("6", "expression")),
        ("Numeric", "0.75", ("0.75", "number")),
    ],
)
def test_jeebenchs_four_types_of_answer(kind: str, gold: str, expected: tuple[str, str]) -> None:
    question = ask("jeebench", question="(A) x\n(B) y", gold=gold, subject="phy", type=kind, index=1)
    assert (question.answer, question.answer_kind) == expected
    assert question.metadata.get("absolute_tolerance") == (0.01 if kind == "Numeric" else None)


def test_a_type_that_jeebench_does_not_have_is_refused() -> None:
    with pytest.raises(BadRowError, match="type 'Essay' is not"):
        ask("jeebench", question="Why?", gold="so", type="Essay")


@pytest.mark.parametrize(
    ("answer", "written", "expected"),
    [
        (5, "integer", ("5", "expression")),
        (1.42, "float", ("1.42", "number")),
        (True, "bool", ("True", "expression")),
        ([0, 5], "list of integer", ("[0, 5]", "expression")),
        ("(c)", "option", ("C", "choice")),
        ("1.42", "float", ("1.42", "number")),
    ],
)
def test_theoremqas_mixed_answers(answer: JsonValue, written: str, expected: tuple[str, str]) -> None:
    question = ask("theoremqa", Question="What?", Answer=answer, Answer_type=written, Picture=None, explanation="NONE")
    assert (question.answer, question.answer_kind) == expected
    assert question.metadata.get("relative_tolerance") == (0.04 if expected[1] == "number" else None)
    assert "picture" not in question.metadata


def test_a_theoremqa_question_that_needs_a_picture_says_so() -> None:
    question = ask("theoremqa", Question="What?", Answer=1, Answer_type="integer", Picture="images/mc.png")
    assert question.metadata["picture"] == "images/mc.png"


def test_scibench_gives_a_number_its_unit_and_how_near_to_come() -> None:
    question = ask("scibench", problem_text=" How hot? \r\n", answer_latex=" -2", answer_number="−2,000", unit=" $K$ ")
    assert (question.question, question.answer, question.answer_kind) == ("How hot?", "-2000", "number")
    assert (question.metadata["unit"], question.metadata["relative_tolerance"]) == ("$K$", 0.05)


def test_scieval_asks_what_the_source_leaves_blank() -> None:
    blank = ask(
        "scieval", question="Choose: CO,CN\nOptimal solvent:", answer=["CO"], type="filling", category="chemistry"
    )
    assert blank.question == "Choose: CO,CN\nWhat is the optimal solvent?"
    assert (blank.answer, blank.answer_kind) == ("CO", "prose")
    choice = ask("scieval", question="Where?\n\nA. x\nB. y\n\nAnswer:", answer=["B"], type="multiple-choice")
    assert (choice.question, choice.answer, choice.answer_kind) == ("Where?\n\nA. x\nB. y", "B", "choice")
    number = ask("scieval", question="How many?\nAnswer:", answer=[24], type="filling")
    assert (number.question, number.answer, number.answer_kind) == ("How many?", "24", "expression")


def test_gsm8ks_answer_stands_behind_its_solution() -> None:
    question = ask("gsm8k", question="How many?", answer="2+2=<<2+2=4>>4\n#### 4")
    assert (question.answer, question.solution) == ("4", "2+2=<<2+2=4>>4\n#### 4")


def test_bodies_of_word_problems_stand_in_front_of_the_question() -> None:
    asdiv = ask("asdiv", body="Two apples. ", question="How many?", answer="2 (apples)", formula="2")
    assert (asdiv.question, asdiv.answer, asdiv.metadata["unit"]) == ("Two apples. How many?", "2", "apples")
    svamp = ask("svamp", Body="There are 2 apples", Question="How many?", Answer=2.0, Equation="( 2.0 )")
    assert (svamp.question, svamp.answer) == ("There are 2 apples. How many?", "2")


def test_olympiadbenchs_lists_become_one_solution_and_one_answer() -> None:
    values: dict[str, JsonValue] = {"context": "Let x be.", "question": "x?", "solution": ["a", "b"]}
    answered: dict[str, JsonValue] = {**values, "final_answer": ["1", "2"], "unit": None, "subfield": "Algebra"}
    question = ask_of("a.jsonl", "olympiadbench", answered)
    assert question.question == "Let x be.\n\nx?"
    assert (question.solution, question.answer, question.metadata["subject"]) == ("a", "1, 2", "Algebra")
    assert ask_of("a.jsonl", "olympiadbench", {**values, "final_answer": None}).answer_kind == "prose"


def test_programming_tasks_are_prose_without_their_tests() -> None:
    task = ask("code", problem="Add.", tests=[{"input": "1", "output": "1"}])
    assert (task.answer_kind, task.answer, task.solution) == ("prose", None, "")
    assert "tests" not in task.metadata
    assert ask("livecodebench", prompt="Add.", tests={}).answer_kind == "prose"


def test_items_of_the_thinking_study_keep_other_spellings() -> None:
    item = ask(
        "qwen3-thinking", id="r-1", type="recall", prompt="Who?", answer="Orwell", accept=["G. O."], grader="text"
    )
    assert (item.answer, item.answer_kind, item.metadata["accept"]) == ("Orwell", "prose", ["G. O."])
    assert (
        ask("qwen3-thinking", prompt="How many?", answer="9", grader="numeric", accept=[]).answer_kind == "expression"
    )


def test_a_zip_of_csv_files_is_read_with_its_places(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mmlu.zip", "w") as archive:
        archive.writestr("data/dev/anatomy_dev.csv", '"Which\nbone?",a,b,c,d,B\nWhat?,a,,c,d,A\n')
        archive.writestr("data/README.txt", "nothing to read")
    paths = [str(tmp_path / "mmlu.zip")]
    read = read_all(FilesSource(kind="files", name="mmlu", adapter="mmlu", paths=paths))
    assert [question.question for question in read.questions] == ["Which\nbone?\n\nA) a\nB) b\nC) c\nD) d"]
    assert read.questions[0].metadata["file"] == f"{paths[0]}/data/dev/anatomy_dev.csv"
    assert [(refusal.line, refusal.reason) for refusal in read.refusals] == [(3, "empty_option")]
    assert list(read.tally.files) == [f"{paths[0]}/data/dev/anatomy_dev.csv"]


def test_rows_of_several_files_are_counted_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"problem": "1?", "answer": "1"}\n{"answer": "1"}\n')
    (tmp_path / "b.json").write_text(json.dumps([{"problem": "2?", "answer": "1"}, {"problem": " ", "answer": "1"}]))
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.json")]
    read = read_all(FilesSource(kind="files", name="math", adapter="math", paths=paths))
    counts = {name: (count.read, count.kept, dict(count.reasons)) for name, count in read.tally.files.items()}
    assert counts == {paths[0]: (2, 1, {"missing_field": 1}), paths[1]: (2, 1, {"empty_question": 1})}


def test_an_adapter_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SourceError, match=r"'s': there is no adapter 'maths'; there are .*'math'.*kind jsonl"):
        read_all(FilesSource(kind="files", name="s", adapter="maths", paths=["a"]))


_ODD: list[JsonValue] = [
    None,
    True,
    0,
    -1.5,
    1e300,
    "",
    " ",
    [],
    ["a", 2],
    [["a"]],
    {},
    {"a": 1},
    ["(A)x", "(B)"],
    "(B)",
]
_VALUES = st.sampled_from(_ODD) | st.text(max_size=8)
_NAMES = [
    "problem",
    "question",
    "Question",
    "prompt",
    "input",
    "content",
    "problem_text",
    "options",
    "answer",
    "Answer",
]
_MORE = ["label", "passage", "body", "solution", "gold", "type", "A", "B", "C", "D", "correct", "other", "final_answer"]


@given(st.sampled_from(sorted(ADAPTERS)), st.dictionaries(st.sampled_from([*_NAMES, *_MORE]), _VALUES, max_size=9))
def test_whatever_a_row_holds_it_is_a_question_or_refused_with_a_reason(
    adapter: str, values: dict[str, JsonValue]
) -> None:
    try:
        question = ask_of("a.jsonl", adapter, values)
    except BadRowError as refused:
        reason = refused.reason
    else:
        reason = (
            "kept" if question.question.strip() and Question.model_validate_json(question.model_dump_json()) else ""
        )
    assert reason in ("kept", "missing_field", "wrong_type", "empty_question", "empty_option")
