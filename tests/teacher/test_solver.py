"""The solver as a teacher."""

from collections.abc import Sequence
from pathlib import Path

from s1 import config
from s1.nano.questions import generate_questions
from s1.teacher.building import build_teacher
from s1.teacher.protocol import Teacher
from s1.teacher.solver import question_seed


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def solver(*, seed: int = 0) -> Teacher:
    return build_teacher(
        config.SolverTeacher(kind="solver"), count_tokens=count_words, seed=seed, wanted=[], open_file=Path
    )


def test_a_trace_does_not_depend_on_what_was_asked_before() -> None:
    texts = [question.text for question in generate_questions(num=20, seed=0)]
    forwards, backwards = solver(), solver()
    traces = [forwards.answer(text, question_id=text) for text in texts]
    assert traces == [backwards.answer(text, question_id=text) for text in reversed(texts)][::-1]


def test_usage_counts_question_thinking_and_answer() -> None:
    (question,) = generate_questions(num=1, seed=0)
    trace = solver().answer(question.text, question_id="q")
    assert trace.state == "answered"
    counted = [trace.usage.prompt_tokens, trace.usage.thinking_tokens, trace.usage.answer_tokens]
    assert counted == count_words([question.text, trace.thinking, trace.answer])


def test_a_text_the_solver_cannot_read_is_refused() -> None:
    trace = solver().answer("What is love?", question_id="q")
    assert (trace.state, trace.thinking, trace.answer) == ("refused", "", "")
    assert (trace.usage.prompt_tokens, trace.usage.thinking_tokens) == (3, 0)


def test_each_question_and_each_global_seed_has_its_own_seed() -> None:
    seeds = {question_seed(name, seed=seed) for name in ("a", "b") for seed in (0, 1)}
    assert len(seeds) == 4
    assert question_seed("a", seed=0) == question_seed("a", seed=0)
