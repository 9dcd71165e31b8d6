"""What the columns of the paper's data sets mean, for those whose rows differ from the files of the same name.

Knows columns; which data sets there are is ``s1.sources.pool``.

Example::

    HUB["xword"].question_of(row, source="xword").answer
"""

from dataclasses import replace

from s1.sources.adapters.adapter import Adapter, Columns, Parts
from s1.sources.adapters.mathematics import MATHEMATICS
from s1.sources.adapters.options import bare_options, letters_of
from s1.sources.adapters.programming import PROGRAMMING
from s1.sources.adapters.science import SCIENCE
from s1.sources.rows import BadRowError, Row, optional_text, text_list

CROSSWORD = "Solve the crossword puzzle. You are presented with a clue as input and the number of letters in brackets."
"""Stands in front of a clue (reference's collection script)."""
_CLUE = "### Clue:"

_AGIEVAL = Columns(
    question=("question",), above=("passage",), solution=("solution",), subject=("type",), level=("level",)
)
_XWORD = Columns(question=("input",), answer=("output",), kind="prose")


def _agieval(row: Row) -> Parts:
    """As the files of AGIEval, with the explanation beside the label."""
    parts = _AGIEVAL(row)
    written = text_list(row, "options")
    if not written:
        return replace(parts, answer=optional_text(row, ("answer",)))
    options = bare_options(written)
    letters = letters_of(row.get("label") or row.get("answer"), num_options=len(options))
    return replace(parts, options=options, answer=letters, kind="choice")


def _xword(row: Row) -> Parts:
    """The clue stands in an instruction; behind it may stand another heading."""
    parts = _XWORD(row)
    _, found, behind = parts.question.partition(_CLUE)
    clue = behind.partition("###")[0].strip()
    if not found or not clue:
        raise BadRowError("empty_question", f"field 'input' holds no {_CLUE!r}")
    return replace(parts, above=CROSSWORD, question=clue)


HUB = {
    "numinamath": Adapter(
        about="NuminaMATH: problem, solution",
        read=Columns(question=("problem",), solution=("solution",), keep=("source",)),
    ),
    "math": MATHEMATICS["math"],
    "olympicarena": Adapter(
        about="OlympicArena: problem, solution",
        read=Columns(
            question=("problem",), solution=("solution",), optional=("solution",), subject=("subject",), keep=("id",)
        ),
    ),
    "omni-math": MATHEMATICS["omni-math"],
    "agieval": Adapter(about="AGIEval: passage, question, options, solution", read=_agieval),
    "xword": Adapter(about="crosswords: input with a clue, output", read=_xword),
    "olympiadbench": MATHEMATICS["olympiadbench"],
    "aime": Adapter(
        about="AIME 1983-2024: Question, Answer, Year",
        read=Columns(question=("Question",), answer=("Answer",), keep=("ID", "Year")),
    ),
    "theoremqa": SCIENCE["theoremqa"],
    "usaco": Adapter(about="USACO: question, no solution", read=Columns(question=("question",), kind="prose")),
    "jeebench": SCIENCE["jeebench"],
    "scieval": SCIENCE["scieval"],
    "s1-prob": Adapter(
        about="s1-prob: question, solution", read=Columns(question=("question",), solution=("solution",), kind="prose")
    ),
    "s1-teasers": Adapter(
        about="s1-teasers: Question, Answer", read=Columns(question=("Question",), solution=("Answer",), kind="prose")
    ),
    "livecodebench": PROGRAMMING["livecodebench"],
}
"""Name in the pool -> adapter; GPQA's depends on the seed (``named.gpqa_adapter``)."""
