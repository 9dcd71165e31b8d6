"""Adapters whose columns a user names in params.yaml, and choice questions whose options have to be put in an order.

Knows ``JsonlSource`` and ``HubSource``; formats with a name are in the modules beside it.

Example::

    named_by(JsonlSource(kind="jsonl", name="own", path="own.jsonl"), seed=0)     # reads question and solution
"""

import random
from dataclasses import dataclass, replace

from s1.config import HubSource, JsonlSource
from s1.records import question_id
from s1.sources.adapters.adapter import Adapter, Columns, Names, Parts
from s1.sources.adapters.options import letter
from s1.sources.rows import BadRowError, Row, required_text


def named_by(source: JsonlSource | HubSource, *, seed: int) -> Adapter:
    """The adapter that a source's parameters describe.

    Args:
        seed: decides the order of the options, together with the question's text.
    """
    wrong = tuple(source.wrong_choice_fields) if isinstance(source, HubSource) else ()
    columns = Columns(
        question=(source.question_field,),
        solution=(source.solution_field,),
        answer=(source.answer_field,) if source.answer_field is not None else (),
        kind=source.answer_kind,
        keep=None,
        other=wrong,
    )
    read = WrongOptions(columns=columns, wrong=wrong, seed=seed) if wrong else columns
    return Adapter(about=f"columns {source.question_field}, {source.solution_field}", read=read)


def gpqa_adapter(seed: int) -> Adapter:
    """GPQA: the right option and three wrong ones; their order is drawn."""
    columns = Columns(
        question=("Question", "question"),
        solution=("Explanation",),
        answer=("Correct Answer",),
        kind="choice",
        subject=("High-level domain",),
    )
    wrong = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
    return Adapter(
        about="GPQA: Question, Correct Answer, three wrong ones",
        read=WrongOptions(columns=columns, wrong=wrong, seed=seed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongOptions:
    """Rows that hold the right option and the wrong ones; the order is drawn.

    It depends on the seed and the question only, so rows may be added and moved.
    """

    columns: Columns
    wrong: Names
    """Columns of wrong options."""
    seed: int

    def __call__(self, row: Row) -> Parts:
        """The row's parts, with the letter of the right option as its answer.

        Raises:
            BadRowError: see ``Columns``; ``empty_option`` or ``repeated_option``.
        """
        parts = self.columns(row)
        options = [parts.answer, *(required_text(row, (name,)).strip() for name in self.wrong)]
        if not all(options):
            raise BadRowError("empty_option", "the right option or a wrong one is empty")
        if len(set(options)) < len(options):
            raise BadRowError("repeated_option", "two options have the same text, so no letter is right alone")
        random.Random(f"options-{self.seed}-{question_id(parts.question)}").shuffle(options)
        return replace(
            parts,
            options=tuple(options),
            answer=letter(options.index(parts.answer)),
            kind="choice",
        )
