"""The teacher's traces are right step by step except where they declare a slip, and err as the docstring says."""

from __future__ import annotations

import itertools
import re

from s1.nano.questions import generate_questions
from s1.nano.solver import SolverHabits, solve

_STEP = re.compile(r"(\d) [a-z]([-+*|])(\d)(?= (\d))")
_QUESTIONS = generate_questions(num=600, seed=11)


def wrong_steps(line: str) -> int:
    """How many steps of a line are wrong, by arithmetic written independently of the solver's."""
    wrong = 0
    for before, operator, digit, after in _STEP.findall(line):
        value, operand = int(before), int(digit)
        right = {"+": value + operand, "-": value - operand, "*": value * operand, "|": operand - value}[operator] % 10
        wrong += right != int(after)
    return wrong


def test_every_step_is_right_except_declared_slips() -> None:
    for question in _QUESTIONS:
        trace = solve(question.text, 0, SolverHabits(slip=0.1))
        for index, line in enumerate(trace.thinking.split("\n")):
            assert wrong_steps(line) == (index in trace.slipped_lines)


def test_every_comparison_is_right_and_answers_follow_the_last_line() -> None:
    for question in _QUESTIONS:
        trace = solve(question.text, 0)
        lines = trace.thinking.split("\n")
        for line in lines:
            got, wanted, verdict = re.findall(r"(\d) [a-z]=(\d) (yes|no) \d$", line)[0]
            assert (got == wanted) == (verdict == "yes")
        assert trace.answer == f"Answer: {lines[-1][-1]}"


def test_every_line_tries_the_digit_that_the_line_before_names() -> None:
    for question in _QUESTIONS:
        lines = solve(question.text, 0, SolverHabits(slip=0.1)).thinking.split("\n")
        assert lines[0].startswith("try 0 ")
        for line, following in itertools.pairwise(lines):
            assert following.split()[1] == line.split()[-1]


def test_same_seed_same_trace_and_seeds_differ() -> None:
    text = _QUESTIONS[0].text
    assert solve(text, 4) == solve(text, 4)
    assert len({solve(text, seed).thinking for seed in range(20)}) > 1


def test_a_perfect_teacher_always_finds_the_answer() -> None:
    habits = SolverHabits(lose_patience=0.0, slip=0.0)
    assert all(solve(q.text, 0, habits).answer == f"Answer: {q.answer}" for q in _QUESTIONS)


def test_the_default_teacher_is_often_right_and_often_wrong() -> None:
    right = sum(solve(q.text, 0).answer == f"Answer: {q.answer}" for q in _QUESTIONS) / len(_QUESTIONS)
    assert 0.5 < right < 0.9


def test_waits_follow_both_failures_and_successes() -> None:
    after = {"yes": 0, "no": 0}
    for question in _QUESTIONS:
        lines = solve(question.text, 0).thinking.split("\n")
        for line, following in itertools.pairwise(lines):
            if following.startswith("Wait"):
                after[line.split()[-2]] += 1
    assert min(after.values()) > 50


def test_noticed_slips_are_worked_again() -> None:
    traces = [solve(q.text, 0, SolverHabits(slip=0.3, notice=1.0)) for q in _QUESTIONS]
    corrected = 0
    for trace in traces:
        lines = trace.thinking.split("\n")
        for index in trace.slipped_lines:
            if index + 1 < len(lines) and lines[index + 1].split()[:2] == ["Wait", lines[index].split()[1]]:
                corrected += wrong_steps(lines[index + 1]) == 0
    assert corrected > 50
