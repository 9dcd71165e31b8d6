"""Transcripts are chosen by rule: Wait flips first, a mix, no question twice; each with all its settings."""

import pytest

from s1.records import Generation, Question, Score
from s1.report.content import Transcript
from s1.report.transcripts import assemble_transcripts, choose_transcripts
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
        num_sampled_tokens=7,
        num_waits=0,
        thinking_end="natural",
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
    assert [(choice.featured.question_id, choice.featured.setting) for choice in chosen] == [
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
    assert [choice.featured.question_id for choice in choose_transcripts(rights, num=3)] == ["q0", "q1", "q2"]


def test_wait_flips_need_a_run_without_waits_to_compare_with() -> None:
    assert choose_transcripts([score("q1", "wait-1", False), score("q1", "wait-2", True)], num=3) == []


def test_none_are_chosen_when_none_are_wanted() -> None:
    assert choose_transcripts(ALL, num=0) == []


def test_choices_are_joined_with_their_text_in_order() -> None:
    questions = [Question(id=f"q{index}", question=f"text {index}", solution="8", source="b") for index in range(7)]
    choices = choose_transcripts(ALL, num=3)
    transcripts = assemble_transcripts(choices, generations=map(generation, ALL), questions=questions)
    assert [item.question for item in transcripts] == ["text 1", "text 2", "text 3"]
    assert transcripts[0].featured.segments[0].text == "thinking of q1"
    assert (transcripts[0].reference, transcripts[0].featured.verdict) == ("8", "right")


def assemble(scores: list[Score]) -> Transcript:
    """The one question of some scores, with its texts."""
    question = Question(id=scores[0].question_id, question="text", solution="8", source="b")
    [transcript] = assemble_transcripts(
        choose_transcripts(scores, num=1), generations=map(generation, scores), questions=[question]
    )
    return transcript


def test_a_question_is_shown_under_every_setting_in_the_order_of_the_report() -> None:
    settings = ("wait-10", "wait-2", "wait-0", "hmm-2", "max-64", "max-16", "tokens-32")
    scores = [*(score("q1", setting, True) for setting in settings), score("q1", "direct", False, model="base")]
    assert [run.setting for run in assemble(scores).runs] == [
        "max-16", "max-64", "wait-0", "wait-2", "wait-10", "hmm-2", "tokens-32", "direct",
    ]  # fmt: skip


def test_flips_compare_with_the_start_of_the_curve_and_that_with_the_base_model() -> None:
    right = {"max-16": False, "max-64": True, "wait-0": True, "wait-2": False, "hmm-2": True}
    scores = [*(score("q1", setting, ok) for setting, ok in right.items()), score("q1", "direct", False, model="base")]
    flips = {run.setting: (run.flip, run.against) for run in assemble(scores).runs}
    assert flips == {
        "max-16": ("same", "base/direct"),
        "max-64": ("gained", "tuned/max-16"),
        "wait-0": ("gained", "base/direct"),
        "wait-2": ("lost", "tuned/wait-0"),
        "hmm-2": ("same", "tuned/wait-0"),
        "direct": ("alone", None),
    }


def test_without_waits_other_settings_compare_with_the_largest_budget() -> None:
    scores = [score("q1", "max-16", True), score("q1", "max-64", False), score("q1", "exact-32", True)]
    [run] = [run for run in assemble(scores).runs if run.setting == "exact-32"]
    assert (run.flip, run.against) == ("gained", "tuned/max-64")


def test_flips_of_other_settings_are_chosen_both_ways_behind_those_of_waits() -> None:
    gained = [score("q8", "wait-0", False), score("q8", "exact-32", True)]
    lost = [score("q9", "max-16", True), score("q9", "max-64", True), score("q9", "exact-32", False)]
    chosen = choose_transcripts([*lost, *gained, *CORRECTED], num=9)
    assert [(choice.case.question_id, choice.why) for choice in chosen if choice.why.startswith("Changed")] == [
        ("q8", "Changed: wrong with Wait × 0, right with exact-32."),
    ]
    assert chosen[0].case.question_id == "q1"


def test_a_budget_that_spoils_a_question_is_such_a_flip() -> None:
    spoiled = [score("q9", "max-16", True), score("q9", "max-64", False)]
    wrong = [score("q8", "max-16", False), score("q8", "max-64", False)]
    [_, choice] = choose_transcripts([*spoiled, *wrong], num=2)
    assert choice.why == "Changed: right with at most 16 tokens, wrong with at most 64 tokens."


def test_only_the_run_that_the_question_was_chosen_for_is_featured() -> None:
    runs = assemble(CORRECTED).runs
    assert [(run.setting, run.is_featured) for run in runs] == [
        ("wait-0", False), ("wait-1", False), ("wait-2", True),
    ]  # fmt: skip


def test_samples_are_shown_one_at_a_time() -> None:
    other = [row.model_copy(update={"sample": 1, "correct": True}) for row in CORRECTED]
    [choice] = choose_transcripts([*other, *CORRECTED], num=1)
    assert (choice.case.sample, len(choice.case.scores)) == (0, 3)


def test_a_sample_without_a_base_answer_of_its_own_is_shown_with_the_first_one() -> None:
    flipped = [row.model_copy(update={"sample": 3}) for row in CORRECTED]
    base = score("q1", "direct", False, model="base")
    [choice] = choose_transcripts([*flipped, base], num=1)
    assert (choice.case.sample, choice.case.base) == (3, base)


def test_votes_have_no_text_of_their_own_and_are_not_shown() -> None:
    runs = assemble([*CORRECTED, score("q1", "parallel", True)]).runs
    [choice] = choose_transcripts([*CORRECTED, score("q1", "vote-4", True)], num=1)
    assert "parallel" in [run.setting for run in runs]
    assert "vote-4" not in [row.setting for row in choice.case.scores]


def test_an_answer_that_never_came_is_shown_with_the_reason() -> None:
    looped = score("q1", "max-64", False).model_copy(update={"verdict": "looped"})
    [choice] = choose_transcripts([score("q1", "max-16", False), looped], num=1)
    assert (choice.featured, choice.why) == (looped, "Not answered (looped), at most 64 tokens.")


def test_scores_of_another_run_are_refused() -> None:
    choices = choose_transcripts(CORRECTED, num=1)
    key = choices[0].case.scores[0].key
    with pytest.raises(ValueError, match="generation of score.*not of one run") as refused:
        assemble_transcripts(choices, generations=[], questions=[])
    assert str(key) in str(refused.value)
