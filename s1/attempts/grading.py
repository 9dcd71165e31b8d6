"""One response to one question, graded: the same for responses decoded now and for recorded ones.

Knows extraction, grading and the states of generations; neither engines nor files. What the grader cannot tell may be
asked of a language model (``judge_attempts``).

Example::

    grade_attempt(question, response="The answer is (C).", state="answered", model="small").correct       # True
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from s1.config import Judge
from s1.grading import answer_part, extract_answer, grade, reference_answer
from s1.judge.opinions import JudgeItem, Opinion, agreement_table, judge_answers
from s1.records import Attempt, GenerationState, Question
from s1.teacher.archive import Archive

NO_ATTEMPT: frozenset[GenerationState] = frozenset({"cut_at_context", "engine_error"})
"""The prompt did not fit, or the engine failed: nothing shows that the question is hard, so nothing is graded."""


def grade_attempt(
    question: Question,
    *,
    response: str,
    state: GenerationState,
    model: str,
    num_tokens: int | None = None,
    by: str = "",
) -> Attempt:
    """Grade one response.

    A response cut at its limit gave no answer and is wrong, as one is in which no answer can be found. A prompt that
    did not fit, or on which the engine failed, was no attempt and stays ungraded.
    """
    answer = extract_answer(response, kind=question.answer_kind) if state == "answered" else None
    return Attempt(
        question_id=question.id,
        model=model,
        response=response,
        answer=answer,
        correct=None if state in NO_ATTEMPT else grade(answer, question),
        state=state,
        num_tokens=num_tokens,
        by=by,
    )


@dataclass(frozen=True, slots=True)
class JudgedAttempts:
    """What a judge made of attempts."""

    attempts: list[Attempt]
    """All of them in their order; graded by the judge where the symbolic grader could not tell and the judge could."""
    items: list[JudgeItem]
    opinions: list[Opinion]
    """One for each item."""

    @property
    def table(self) -> dict[str, dict[str, int]]:
        """How many answers the symbolic grader (rows) and the judge (columns) put where."""
        return agreement_table(self.items, self.opinions)


def judge_attempts(
    attempts: Sequence[Attempt],
    questions: Mapping[str, Question],
    *,
    judge: Judge,
    archive: Archive,
    progress: Callable[[int, int], None] | None = None,
) -> JudgedAttempts:
    """Ask about the attempts in the judge's scope; archived opinions are not asked for again.

    The symbolic grader's verdict stands where it has one: there the judge's is for comparison.

    Args:
        questions: by id.

    Raises:
        JudgeError: the judge gives no answer; the opinions received so far are kept.
    """
    asked = [
        (index, item)
        for index, item in enumerate(_items(attempts, questions))
        if item is not None and (judge.scope == "all" or item.symbolic is None)
    ]
    items = [item for _, item in asked]
    opinions = judge_answers(items, model=judge.model, archive=archive, progress=progress, parameter="attempt.judge")
    judged = list(attempts)
    for (index, item), opinion in zip(asked, opinions, strict=True):
        if item.symbolic is None:
            judged[index] = judged[index].model_copy(update={"correct": opinion.agrees})
    return JudgedAttempts(judged, items, opinions)


def _items(attempts: Iterable[Attempt], questions: Mapping[str, Question]) -> Iterable[JudgeItem | None]:
    """What a judge would be shown; None where there is no answer, or no reference to compare it with."""
    for attempt in attempts:
        question = questions[attempt.question_id]
        reference = reference_answer(question)
        shown = answer_part(attempt.response)
        if attempt.state != "answered" or reference is None or not shown:
            yield None
        else:
            yield JudgeItem(question.question, reference, shown, attempt.correct)
