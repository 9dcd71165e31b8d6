"""Which questions are hard: those that both base models answered wrong (paper section 2.2, "Difficulty").

Decided once, by the stage ``attempt``, and read by all later ones. Knows graded attempts; does not grade
(``s1.grading``) and does not run models.

Example::

    decisions = decide_difficulty(curated, attempts, not_attempted="out", ungraded="out")
    decisions[0].reason, decisions[0].kept      # ('hard', True), ('too_easy_small', False), ...
    questions_in_scope(curated, decisions, scope="hard")
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from s1.decisions import Decision
from s1.records import Attempt, Question

HARD = "hard"
TOO_EASY_REASONS = ("too_easy_small", "too_easy_large", "too_easy_both")
NOT_ATTEMPTED = "not_attempted"
"""A model was not asked, or could not answer: its context was too small for the question, or the engine failed."""
UNGRADED = "ungraded"
"""A model answered, but nobody can tell whether it is right: no reference, or prose without a judge."""
REASONS = (HARD, *TOO_EASY_REASONS, NOT_ATTEMPTED, UNGRADED)
MODELS = ("small", "large")
_NO_ANSWER_GIVEN = ("cut_at_context", "engine_error")
_MAX_ANSWER = 80
"""Characters of an answer that the evidence shows."""

Policy = Literal["out", "hard"]


def decide_difficulty(
    questions: Iterable[Question], attempts: Iterable[Attempt], *, not_attempted: Policy, ungraded: Policy
) -> list[Decision]:
    """One decision per question, in their order; ``kept`` says that it counts as hard.

    One right attempt makes a question too easy whatever the other model did. Short of that, a missing attempt or one
    that could not be graded is no wrong one, and nothing shows that its question is hard: such a question has a reason
    of its own, and the policies say whether it counts as hard. A question that is both (one model was not asked, the
    other's answer could not be graded) is ``not_attempted``.

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
    kept_reasons = {HARD}
    kept_reasons |= {NOT_ATTEMPTED} if not_attempted == "hard" else set()
    kept_reasons |= {UNGRADED} if ungraded == "hard" else set()
    return [_decide(question, by_question.get(question.id, {}), kept_reasons) for question in questions]


def difficulty_by_question(questions: Sequence[Question], decisions: Sequence[Decision]) -> dict[str, Decision]:
    """The decision on each curated question by its id.

    Raises:
        ValueError: the decisions are not those on these questions, in their order.
    """
    if [question.id for question in questions] != [decision.question_id for decision in decisions]:
        raise ValueError(
            f"{len(decisions)} decisions on difficulty do not belong to the {len(questions)} curated questions; "
            f"run the stage `attempt` again"
        )
    return {decision.question_id: decision for decision in decisions}


def questions_in_scope(curated: Sequence[Question], decisions: Sequence[Decision], *, scope: str) -> list[Question]:
    """The curated questions that count as hard, or all of them when the scope is ``all``.

    Raises:
        ValueError: no question is in scope, or the decisions are on other questions.
    """
    difficulty = difficulty_by_question(curated, decisions)
    if scope == "all":
        return list(curated)
    hard = [question for question in curated if difficulty[question.id].kept]
    if not hard:
        reasons = dict(Counter(decision.reason for decision in decisions))
        raise ValueError(f"no question is hard, so nothing can be selected: {reasons}. Collect harder questions.")
    return hard


def _decide(question: Question, attempts: dict[str, Attempt], kept_reasons: set[str]) -> Decision:
    reason = _reason_of(attempts)
    detail = ", ".join(f"{model}: {_describe(attempts.get(model))}" for model in MODELS)
    return Decision(
        question_id=question.id,
        source=question.source,
        kept=reason in kept_reasons,
        reason=reason,
        detail=detail,
    )


def _reason_of(attempts: dict[str, Attempt]) -> str:
    right = [model for model in MODELS if model in attempts and attempts[model].correct]
    if len(right) == len(MODELS):
        return "too_easy_both"
    if right:
        return f"too_easy_{right[0]}"
    if any(not _has_answered(attempts.get(model)) for model in MODELS):
        return NOT_ATTEMPTED
    return UNGRADED if any(attempts[model].correct is None for model in MODELS) else HARD


def _has_answered(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.state not in _NO_ANSWER_GIVEN


def _describe(attempt: Attempt | None) -> str:
    if attempt is None:
        return "no attempt"
    by = f" by {attempt.by}" if attempt.by else ""
    if not _has_answered(attempt):
        return f"no attempt{by} ({attempt.state})"
    verdict = {True: "right", False: "wrong", None: "ungraded"}[attempt.correct]
    answer = "no answer" if attempt.answer is None else " ".join(attempt.answer.split())
    return f"{verdict} ({answer if len(answer) <= _MAX_ANSWER else answer[:_MAX_ANSWER] + '…'}){by}"
