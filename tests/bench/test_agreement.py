"""The grader against recorded verdicts, and the readers and classes of the comparison."""

import gzip
import json
import os
from pathlib import Path

import pytest

from bench.agreement import compare_answers, compare_verdicts, grade_samples, verdict_sets
from bench.disagreements import answer_class
from bench.recorded import Sample, read_pairs, split_s1
from s1.records import AnswerKind, Question

DATA = Path(os.environ.get("S1_DATA", "nowhere"))


def sample(response: str | None, answer: str, *, kind: AnswerKind = "choice", **found: object) -> Sample:
    question = Question.create(question="?", solution="", source="test", answer=answer, answer_kind=kind)
    return Sample(question, response, **found)  # type: ignore[arg-type]


@pytest.mark.skipif(not DATA.is_dir(), reason="S1_DATA names no folder of recorded data")
@pytest.mark.parametrize("name", verdict_sets(DATA))
def test_verdicts_agree_with_the_recorded_ones_on_at_least_99_percent(name: str) -> None:
    tally = compare_verdicts(verdict_sets(DATA)[name]())
    assert tally.counts["same"] + tally.counts["different"] >= 400
    assert tally.counts["ungradable"] == 0
    assert tally.agreement >= 0.99


def test_what_one_side_did_not_find_is_no_disagreement_but_counted_apart() -> None:
    tally = compare_answers(
        [
            sample("The answer is (B).", "B", extracted="B"),
            sample("The answer is (B).", "B", extracted="C"),
            sample("The answer is (B).", "B", extracted=None),
            sample("I cannot tell", "B", extracted="C"),
            sample(None, "B", extracted=None),
        ]
    )
    assert tally.counts == {"rows": 5, "same": 1, "different": 1, "only ours": 1, "only theirs": 1, "neither": 1}
    assert tally.agreement == 0.5


@pytest.mark.parametrize(
    ("response", "ours", "theirs", "name"),
    [
        ("The answer is (A). The answer is (B).", "B", "A", "several answers marked one after the other"),
        ("The answer is (B) and (C).", "BC", "B", "several letters named together"),
        ("The answer is (B).", "B", "C", "theirs stands nowhere in the response"),
        ("The answer is (A) or (B).", None, "A", "the response leaves it open between several letters"),
        ("Take A first, and so", None, "A", "response cut or without end; theirs stands in the text unmarked"),
        ("I give up.", None, "G", "no marked answer; theirs stands nowhere"),
        ("The answer is (B).", "B", None, "they found none; ours is marked in words"),
    ],
)
def test_disagreements_of_letters_are_explained(response: str, ours: str | None, theirs: str | None, name: str) -> None:
    assert answer_class(sample(response, "B", extracted=theirs), ours).startswith(name)


@pytest.mark.parametrize(
    ("response", "ours", "theirs", "name"),
    [
        ("\\boxed{\\frac{2}{3}}", "\\frac{2}{3}", "0.67", "the same value, rounded"),
        ("\\boxed{5 \\text{ N}}", "5 \\text{ N}", "5", "the same value, rounded or without its unit"),
        ("\\boxed{7}, option (D)", "7", "D", "ours is the value, theirs the letter"),
        ("The answer is 7.", "7", "False", "theirs is a default that stands nowhere"),
        ("3 apples and then the answer is 7.", "7", "3", "theirs is another part of the text"),
    ],
)
def test_disagreements_of_values_are_explained(response: str, ours: str, theirs: str, name: str) -> None:
    case = sample(response, "7", kind="expression", extracted=theirs)
    assert answer_class(case, ours).startswith(name)


def test_cut_responses_are_not_graded() -> None:
    rows = [sample(None, "B"), sample("Hm.", "B"), sample("Answer: B", "B"), sample("Answer: C", "B")]
    assert grade_samples(rows) == {"cut": 1, "no answer": 1, "right": 1, "wrong": 1}


def test_a_transcript_splits_at_its_answer_or_at_the_forced_words() -> None:
    assert split_s1("<|im_start|>think\na<|im_start|>answer\nb") == ("\nb", "\na")
    assert split_s1("<|im_start|>think\na\nFinal Answer: b") == ("Final Answer: b", "\na")
    assert split_s1("<|im_start|>think\na") == (None, "\na")
    assert split_s1("b") == ("b", "")


def test_a_thinking_model_without_an_end_of_thinking_was_cut(tmp_path: Path) -> None:
    answers = {"base_model": "It is 5.", "thinking_model": "Okay, so 5"}
    row = {"question": "2+3?", "correct_answer": "so\n#### 5", "model_answers": answers}
    path = tmp_path / "pairs.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"tasks": [row]}).encode()))
    (base,), (thinking,) = (list(read_pairs(path, model=f"{name}_model")) for name in ("base", "thinking"))
    assert (base.response, base.question.answer) == ("It is 5.", "5")
    assert thinking.response is None
