"""What a teacher is.

A teacher sees a question's text only, never its solution, and answers with a ``Trace`` whose state says how the
request ended. Knows no files and no other questions: the result for one question does not depend on the rest. Which
teacher the parameters name is ``s1.teacher.building``: who keeps paid responses needs none in particular.

Example::

    trace = teacher.answer(question.question, question_id=question.id)
"""

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue

from s1.records import Trace


class Teacher(Protocol):
    """Thinks about one question at a time."""

    @property
    def name(self) -> str:
        """Recorded in every trace."""
        ...

    @property
    def is_paid(self) -> bool:
        """Whether answers cost money: those are kept for good (``s1.teacher.archive``), the others made again."""
        ...

    @property
    def identity(self) -> Mapping[str, JsonValue]:
        """Everything but the question that decides what is asked: model, prompt template, generation parameters.

        Teachers of equal identity share archived answers. Nothing secret belongs here: it is written down.
        """
        ...

    def answer(self, text: str, *, question_id: str) -> Trace:
        """Think about the question with this text; a failure is a state of the trace, not an exception."""
        ...
