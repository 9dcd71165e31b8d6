"""Labelled questions for the local classifier: which rows they are, what they stand for, how weights are trained."""

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from bench.classification import Guess, fold_of, leave_out, majority, write_weights
from bench.labelled_questions import LabelledQuestion, Subjects, read_labelled, read_subjects
from bench.text_model import train

SUBJECTS = read_subjects()


def only(*sources: str) -> Subjects:
    """The declared table with some of its files."""
    return SUBJECTS.model_copy(update={"files": [files for files in SUBJECTS.files if files.source in sources]})


def question(text: str, codes: str, *, source: str = "a", label: str = "l", held_out: bool = False) -> LabelledQuestion:
    return LabelledQuestion(source, text, text.split("\n")[0], label, frozenset(codes.split()), held_out)


def write_math(data: Path, rows: list[dict[str, str]]) -> None:
    (data / "math").mkdir()
    with gzip.open(data / "math/train.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"answer": "1", "level": "Level 1", **row}) + "\n" for row in rows)


def write_mmlu(data: Path) -> None:
    text = io.StringIO()
    csv.writer(text).writerow(["Which bone is\nthe longest?", "femur", "ulna", "rib", "jaw", "A"])
    (data / "mmlu").mkdir()
    with zipfile.ZipFile(data / "mmlu/mmlu.zip", "w") as archive:
        archive.writestr("data/test/anatomy_test.csv", text.getvalue())


def test_a_subject_in_a_column_stands_for_its_codes(tmp_path: Path) -> None:
    write_math(tmp_path, [{"problem": "How many ways?", "subject": "Counting & Probability"}])
    (found,) = read_labelled(tmp_path, only("math"))
    assert (found.source, found.text, found.label) == ("math", "How many ways?", "Counting & Probability")
    assert found.codes == {"05", "60"}


def test_a_subject_in_a_files_name_stands_for_its_codes_and_options_are_no_part_of_the_stem(tmp_path: Path) -> None:
    write_mmlu(tmp_path)
    (found,) = read_labelled(tmp_path, only("mmlu"))
    assert (found.label, [*found.codes]) == ("anatomy", ["87"])
    assert found.text.endswith("A) femur\nB) ulna\nC) rib\nD) jaw")
    assert found.stem == "which bone is the longest?"


def test_rows_without_a_subject_that_the_table_knows_are_left_out(tmp_path: Path) -> None:
    rows = [{"problem": "a", "subject": "Knitting"}, {"problem": "b", "subject": "Geometry"}, {"problem": "c"}]
    write_math(tmp_path, rows)
    assert [found.text for found in read_labelled(tmp_path, only("math"))] == ["b"]


def test_a_question_counts_once_in_each_source(tmp_path: Path) -> None:
    write_math(tmp_path, [{"problem": text, "subject": "Geometry"} for text in ("A  circle", "a circle", "a square")])
    assert [found.stem for found in read_labelled(tmp_path, only("math"))] == ["a circle", "a square"]


@pytest.mark.parametrize(
    ("label", "codes"),
    [
        ("Mathematics -> Algebra -> Abstract Algebra -> Group Theory", "20"),
        ("Mathematics -> Applied Mathematics -> Statistics -> Probability -> Counting Methods -> Combinations", "05"),
        ("Mathematics -> Geometry -> Plane Geometry -> Triangulations", "51"),
        ("Mathematics -> Algebra -> Algebra -> Polynomial Operations", "12"),
    ],
)
def test_the_first_declared_part_of_an_omni_math_path_counts(label: str, codes: str) -> None:
    assert SUBJECTS.codes_of(label, scheme="omni-math") == frozenset(codes.split())


def test_wording_narrows_a_set_only_to_a_code_that_the_set_holds() -> None:
    both = frozenset({"05", "60"})
    assert SUBJECTS.narrowed(both, "What is the probability?") == {"60"}
    assert SUBJECTS.narrowed(both, "How many triangles?") == both
    assert SUBJECTS.narrowed(frozenset({"11"}), "What is the probability?") == {"11"}


def test_copies_of_a_question_are_in_one_fold() -> None:
    copies = [question(f"Which bone?\n{options}", "87") for options in ("A) x", "A) x\nB) y\nC) z")]
    assert len({fold_of(copy) for copy in copies}) == 1


def test_a_set_is_trained_as_a_set_and_claims_no_code_of_it() -> None:
    known = [question(f"alpha alpha beta number {n}", "05", label="five") for n in "abcdefgh"]
    known += [question(f"gamma delta number {n}", "60", label="sixty") for n in "abcdefgh"]
    either = [question(f"alpha word {n}", "05 60", label="either") for n in "abcdefgh"]
    model = train(known + either, SUBJECTS)
    rows = model.probabilities(["alpha", "gamma"])
    assert [model.codes[int(row.argmax())] for row in rows] == ["05", "60"]


def test_the_same_questions_give_the_same_weights() -> None:
    known = [question(f"alpha beta number {n}", "05") for n in "abcd"] + [question(f"gamma {n}", "60") for n in "abcd"]
    first, second = train(known, SUBJECTS), train(known, SUBJECTS)
    assert first.words == second.words
    assert (first.weights == second.weights).all()


def test_a_source_that_is_left_out_is_tested_without_its_copies_elsewhere() -> None:
    tested = question("epsilon zeta", "99", source="b")
    others = [question(f"alpha beta {n}", "05") for n in "abcd"]
    copy = [question("epsilon zeta", "99") for _ in range(50)]
    (guess,) = leave_out([tested, *others, *copy], "b", SUBJECTS)
    assert guess.question == tested
    assert guess.confidence < 0.5


def test_the_majority_class_is_the_code_that_most_labels_allow() -> None:
    guesses = [Guess(question("q", codes), "99", 1.0) for codes in ("05 60", "60", "11")]
    assert majority(guesses) == pytest.approx(2 / 3)
    assert [one.right for one in guesses] == [False] * 3


def test_held_out_questions_are_never_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    rows = [question("alpha", "05"), question("beta", "60"), question("beta", "60", held_out=True)]

    def watched(known: list[LabelledQuestion], subjects: Subjects) -> object:
        seen.append([one.text for one in known])
        return train([question("alpha beta", "05")] * 3, subjects)

    monkeypatch.setattr("bench.classification.read_labelled", lambda data, subjects: rows)
    monkeypatch.setattr("bench.classification.train", watched)
    monkeypatch.setattr("bench.classification.WEIGHTS", tmp_path / "weights.npz")
    write_weights(tmp_path)
    assert seen == [["alpha"]]
