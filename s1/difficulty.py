"""Which questions are hard: those that both base models answered wrong (paper section 2.2, "Difficulty").

Knows graded attempts; does not grade (``s1.grading``) and does not run models.

Example::

    judge_difficulty(questions, attempts)[question.id].reason      # 'hard', 'too_easy_small', ...
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from s1.records import Attempt, Question

HARD = "hard"
TOO_EASY_REASONS = ("too_easy_small", "too_easy_large", "too_easy_both")
MODELS = ("small", "large")


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Verdict on one question: ``hard``, one of ``TOO_EASY_REASONS``, ``not_attempted`` or ``ungraded``."""

    reason: str
    detail: str

    @property
    def is_hard(self) -> bool:
        """Whether both models answered and both were wrong."""
        return self.reason == HARD


def judge_difficulty(questions: Sequence[Question], attempts: Iterable[Attempt]) -> dict[str, Difficulty]:
    """The difficulty of every question by its id.

    One right attempt makes a question too easy whatever the other model did; short of that, a missing attempt or one
    that could not be graded leaves the question out of the hard ones, because nothing shows that it is hard.

    Raises:
        ValueError: a model has two attempts on one question.
    """
    by_question: dict[str, dict[str, Attempt]] = {}
    for attempt in attempts:
        of_question = by_question.setdefault(attempt.question_id, {})
        if attempt.model in of_question:
            raise ValueError(
                f"model {attempt.model!r} has two attempts on question {attempt.question_id}; "
                f"remove the attempts and run the stage `attempt` again"
            )
        of_question[attempt.model] = attempt
    return {question.id: _judge(by_question.get(question.id, {})) for question in questions}


def questions_in_scope(curated: Sequence[Question], attempts: Iterable[Attempt], *, scope: str) -> list[Question]:
    """The curated questions that both base models missed, or all of them when the scope is ``all``.

    Raises:
        ValueError: no question is in scope.
    """
    if scope == "all":
        return list(curated)
    difficulty = judge_difficulty(curated, attempts)
    hard = [question for question in curated if difficulty[question.id].is_hard]
    if not hard:
        reasons = dict(Counter(verdict.reason for verdict in difficulty.values()))
        raise ValueError(f"no question is hard, so nothing can be selected: {reasons}. Collect harder questions.")
    return hard


def _judge(attempts: dict[str, Attempt]) -> Difficulty:
    detail = ", ".join(f"{model}: {_describe(attempts.get(model))}" for model in MODELS)
    right = [model for model in MODELS if model in attempts and attempts[model].correct]
    if len(right) == len(MODELS):
        return Difficulty("too_easy_both", detail)
    if right:
        return Difficulty(f"too_easy_{right[0]}", detail)
    if any(model not in attempts for model in MODELS):
        return Difficulty("not_attempted", detail)
    if any(attempts[model].correct is None for model in MODELS):
        return Difficulty("ungraded", detail)
    return Difficulty(HARD, detail)


def _describe(attempt: Attempt | None) -> str:
    if attempt is None:
        return "no attempt"
    verdict = {True: "right", False: "wrong", None: "ungraded"}[attempt.correct]
    return f"{verdict} ({attempt.answer if attempt.answer is not None else 'no answer'})"
