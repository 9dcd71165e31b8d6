r"""Finds prompts that give their own answer away: a model that is trained on one learns to copy, not to think.

Two things count, both with evidence: the prompt states its answer (``The answer is 42``, ``\boxed{42}``), or it holds
most of a solution's text. What only could be an answer does not count: options, a number that also occurs in the
question, "if the answer is 42". Knows questions and texts, no tokens.

Example::

    find_leak(question, solutions=[trace.answer, trace.thinking])
    # Leak(reason='answer_stated', shown='The answer is 42')
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from s1.grading import extract_answer, reference_answer
from s1.grading.equivalence import normalize_answer
from s1.records import Question, normalize_text

_BOX = re.compile(r"\\f?box(?:ed)?\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})+)\}")
_STATEMENT = re.compile(
    r"(?:\b(?:final|correct|right|best)\s+answer|\bthe\s+answer|(?:^|(?<=[\n.?!)\]*]))\s*\**answer)"
    r"\b[^.\n:=]{0,40}?\s*\**(?:\bis\b|\bwas\b|:|=)\**[:\s]*",
    re.IGNORECASE,
)
_NOT_SAID = re.compile(
    r"\b(?:if|when|whether|suppose|assume|assuming|unless|until|such\s+that|so\s+that|given\s+that|think|thinks|says|"
    r"said|claim\w*|who|where|provided)\b[^.?!\n]{0,80}\Z|\bnot\b[^.?!\n]{0,20}\Z",
    re.IGNORECASE,
)
"""What stands before a statement that nobody makes: a condition, or somebody's opinion."""
_OPTION_LINE = re.compile(r"^\s*\(?[A-Z][).:]\s.*$", re.MULTILINE)
_WORD = re.compile(r"\S+")
_RUN = 8
"""Words of a run that question and solution share by copying, not by chance; as many as in decontamination."""
_MIN_RUNS = 12
"""Runs that a solution needs before their share says anything."""
_COPIED_SHARE = 0.8
"""Share of a solution's runs in the question from which on the question holds the solution. Its last run must be among
them: solutions often begin by saying the question again, and end with what is asked."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Leak:
    """What gives an answer away."""

    reason: Literal["answer_stated", "solution_in_prompt"]
    shown: str
    """The words of the prompt that do it."""


def find_leak(question: Question, *, solutions: Sequence[str] = ()) -> Leak | None:
    """What in a question's own text gives its answer away; None where nothing does.

    Args:
        question: with its reference, where it has one.
        solutions: further texts that lead to the answer, such as the thinking and the answer that are trained on.
    """
    texts = [question.solution, *solutions]
    return _stated(question, texts) or _copied(_OPTION_LINE.sub("", question.question), texts)


def _stated(question: Question, texts: Sequence[str]) -> Leak | None:
    prompt = question.question
    said = [(match[0], match[1]) for match in _BOX.finditer(prompt)]
    for match in _STATEMENT.finditer(prompt):
        line = prompt[match.end() :].split("\n", 1)[0][:_SHOWN]
        if line and not _NOT_SAID.search(prompt[: match.start()]):
            said.append((match[0].strip() + " " + line, line))
    if not said:
        return None
    answers = {
        normalize_answer(answer)
        for answer in (
            reference_answer(question),
            *(extract_answer(text, kind=question.answer_kind) for text in texts if text),
        )
        if answer is not None
    }
    for shown, line in said:
        if any(_begins_with(line, answer) for answer in answers if answer):
            return Leak("answer_stated", " ".join(shown.split())[:_SHOWN])
    return None


def _begins_with(line: str, answer: str) -> bool:
    """Whether a statement's words begin with an answer that ends there: not ``4`` where ``42`` stands."""
    plain = line.strip().lstrip("*\"' ")
    for text in (normalize_answer(plain), normalize_answer(plain.lstrip("(["))):
        behind = text[len(answer) : len(answer) + 2]
        if text.startswith(answer) and not re.match(r"\w|[.,]\d|[-+*/^=]", behind):
            return True
    return False


def _copied(prompt: str, texts: Sequence[str]) -> Leak | None:
    held: set[str] | None = None
    for text in texts:
        runs = _runs(text)
        if len(runs) < _MIN_RUNS:
            continue
        held = set(_runs(prompt)) if held is None else held
        shared = [run for run in runs if run in held]
        if runs[-1] in held and len(shared) >= _COPIED_SHARE * len(runs):
            return Leak("solution_in_prompt", f"{len(shared)} of the solution's {len(runs)} runs: {shared[0]}"[:_SHOWN])
    return None


def _runs(text: str) -> list[str]:
    words = _WORD.findall(normalize_text(text))
    return [" ".join(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)]
