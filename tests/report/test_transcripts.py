"""Transcripts are chosen by rule: Wait flips first, a mix, no question twice."""

import pytest

from s1.records import Generation, Question, Score
from s1.report.transcripts import assemble_transcripts, choose_transcripts, generation_key
from tests.report.sample import segment


def score(question_id: str, setting: str, correct: bool, *, model: str = "tuned", answer: str | None = "7") -> Score:
    return Score(
        benchmark="b",
        question_id=question_id,
        model=model,
        setting=setting,
        sample=0,
        answer=answer,
        reference="8",
        correct=correct,
        verdict="right" if correct else "wrong",
        num_thinking_tokens=5,
    )


def generation(of: Score) -> Generation:
    return Generation(
        benchmark=of.benchmark,
        question_id=of.question_id,
        model=of.model,
        setting=of.setting,
        sample=of.sample,
        segments=[segment(f"thinking of {of.question_id}")],
        thinking_end="natural",
        num_waits=0,
        state="answered",
        num_thinking_tokens=5,
        num_sampled_tokens=7,
    )


CORRECTED = [score("q1", "wait-0", False, answer="3"), score("q1", "wait-1", False), score("q1", "wait-2", True)]
SPOILED = [score("q2", "wait-0", True), score("q2", "wait-1", False)]
SHORT = [score("q3", "max-16", False), score("q3", "max-64", True)]
RIGHT = [score("q4", "max-16", True), score("q4", "max-64", True)]
WRONG = [score("q5", "max-16", False), score("q5", "max-64", False)]
BASE = [score("q6", "direct", False, model="base")]
ALL = [*BASE, *WRONG, *RIGHT, *SHORT, *SPOILED, *CORRECTED]


def test_one_of_each_kind_is_chosen_with_wait_flips_first() -> None:
    chosen = choose_transcripts(ALL, num=6)
    assert [(choice.score.question_id, choice.score.setting) for choice in chosen] == [
        ("q1", "wait-2"),
        ("q2", "wait-1"),
        ("q3", "max-16"),
        ("q4", "max-64"),
        ("q5", "max-64"),
        ("q6", "direct"),
    ]


def test_a_flip_says_what_it_flipped() -> None:
    [choice] = choose_transcripts(CORRECTED, num=1)
    assert choice.why == "Wait corrected it: wrong without (answer “3”), right after Wait × 2."


def test_the_choice_does_not_depend_on_the_order_of_the_scores() -> None:
    assert choose_transcripts(ALL, num=4) == choose_transcripts(ALL[::-1], num=4)


def test_no_question_is_shown_twice() -> None:
    both = [*CORRECTED, score("q1", "max-16", False), score("q1", "max-64", True)]
    assert len(choose_transcripts(both, num=6)) == 1


def test_fewer_kinds_are_filled_up_with_more_of_those_there_are() -> None:
    rights = [score(f"q{index}", "max-64", True) for index in range(9)]
    assert [choice.score.question_id for choice in choose_transcripts(rights, num=3)] == ["q0", "q1", "q2"]


def test_wait_flips_need_a_run_without_waits_to_compare_with() -> None:
    assert choose_transcripts([score("q1", "wait-1", False), score("q1", "wait-2", True)], num=3) == []


def test_none_are_chosen_when_none_are_wanted() -> None:
    assert choose_transcripts(ALL, num=0) == []


def test_choices_are_joined_with_their_text_in_order() -> None:
    questions = [Question(id=f"q{index}", question=f"text {index}", solution="8", source="b") for index in range(7)]
    choices = choose_transcripts(ALL, num=3)
    transcripts = assemble_transcripts(choices, generations=map(generation, ALL), questions=questions)
    assert [item.question for item in transcripts] == ["text 1", "text 2", "text 3"]
    assert transcripts[0].segments[0].text == "thinking of q1"
    assert (transcripts[0].reference, transcripts[0].verdict) == ("8", "right")


def test_scores_of_another_run_are_refused() -> None:
    choices = choose_transcripts(CORRECTED, num=1)
    key = generation_key(choices[0].score)
    with pytest.raises(ValueError, match="generation of score.*not of one run") as refused:
        assemble_transcripts(choices, generations=[], questions=[])
    assert str(key) in str(refused.value)
