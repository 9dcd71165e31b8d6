r"""Formats of mathematical questions: problem, worked solution, short answer.

Knows the columns of MATH and its copies, Omni-MATH, AIME, HARP, OlympiadBench, forum posts and word problems.

Example::

    MATHEMATICS["gsm8k"].question_of(row, source="gsm8k").answer        # '18', what stands behind the ####
"""

import re
from dataclasses import replace

from s1.sources.adapters.adapter import Adapter, Columns, Parts
from s1.sources.rows import Row, text_list

_PROBLEM = ("problem", "question", "Problem", "Question")
_SOLUTION = ("solution", "reference_solution")
_ANSWER = ("answer", "expected_answer", "Answer")

PROBLEMS = Columns(question=_PROBLEM, solution=_SOLUTION, answer=_ANSWER, subject=("subject",), level=("level",))
"""Column names that copies of AIME and MATH500 use."""

_OMNI = Columns(
    question=("problem",), solution=("solution",), answer=("answer",), level=("difficulty",), keep=("source",)
)
_OLYMPIAD = Columns(
    question=("question",),
    above=("context",),
    subject=("subfield", "subject"),
    keep=("unit", "answer_type", "is_multiple_answer", "error"),
)
_GSM8K = Columns(question=("question",), solution=("answer",))
_ASDIV = Columns(
    question=("question",),
    above=("body",),
    between=" ",
    answer=("answer",),
    solution=("formula",),
    keep=("solution_type",),
)
_SVAMP = Columns(
    question=("Question",),
    above=("Body",),
    between=" ",
    answer=("Answer",),
    solution=("Equation",),
    subject=("Type",),
    keep=("ID",),
)
_UNIT_BEHIND = re.compile(r"(.*\S)\s*\(([^()]*)\)", re.DOTALL)


def _omni(row: Row) -> Parts:
    parts = _OMNI(row)
    domains = text_list(row, "domain")
    return replace(parts, metadata={**parts.metadata, "subject": domains[0]}) if domains else parts


def _olympiad(row: Row) -> Parts:
    """Solutions and answers are lists: the first solution counts, all answers make the answer; proofs have none."""
    parts = _OLYMPIAD(row)
    solutions = text_list(row, "solution")
    answers = [answer.strip() for answer in text_list(row, "final_answer")]
    return replace(
        parts,
        solution=solutions[0] if solutions else "",
        answer=", ".join(answers),
        kind="expression" if answers else "prose",
    )


def _gsm8k(row: Row) -> Parts:
    parts = _GSM8K(row)
    return replace(parts, answer=parts.solution.rpartition("####")[2].strip() if "####" in parts.solution else "")


def _asdiv(row: Row) -> Parts:
    """Answers such as ``9 (apples)`` name their unit in brackets."""
    parts = _ASDIV(row)
    if match := _UNIT_BEHIND.fullmatch(parts.answer):
        return replace(parts, answer=match[1], metadata={**parts.metadata, "unit": match[2].strip()})
    return parts


def _svamp(row: Row) -> Parts:
    """A body without a full stop gets one: the question behind it begins a sentence."""
    parts = _SVAMP(row)
    ended = parts.above.endswith((".", "?", "!", ","))
    return replace(parts, above=parts.above if ended else f"{parts.above}.")


MATHEMATICS = {
    "math": Adapter(
        about="MATH and copies of it: problem or prompt, solution or answer, level, subject",
        read=Columns(
            question=("problem", "prompt"),
            solution=("solution",),
            answer=("answer",),
            optional=("answer", "solution"),
            subject=("subject", "type"),
            level=("level", "difficulty"),
            keep=("unique_id",),
        ),
    ),
    "s1k": Adapter(
        about="s1K: problem, solution",
        read=Columns(question=("problem", "question"), solution=("solution",), subject=("subject",), keep=("id",)),
    ),
    "omni-math": Adapter(about="Omni-MATH: problem, solution, answer, domain, difficulty", read=_omni),
    "olympiadbench": Adapter(
        about="OlympiadBench: context, question, lists of solutions and of final answers", read=_olympiad
    ),
    "aime": Adapter(
        about="AIME collections: problem, answer, with or without solution and year",
        read=Columns(
            question=_PROBLEM,
            solution=_SOLUTION,
            answer=_ANSWER,
            level=("difficulty",),
            keep=("id", "year", "aime_number", "problem_number"),
        ),
    ),
    "problems": Adapter(about="AIME24, AIME25, MATH500, OlymMATH: problem, answer, solution", read=PROBLEMS),
    "gsm8k": Adapter(about="GSM8K: question, worked answer that ends in #### and the number", read=_gsm8k),
    "college-math": Adapter(
        about="CollegeMath: question, answer, topic",
        read=Columns(question=("question",), answer=("answer",), subject=("data_topic",), keep=("question_number",)),
    ),
    "carp": Adapter(
        about="CARP in English: content, steps, answer",
        read=Columns(question=("content",), solution=("steps",), answer=("answer",)),
    ),
    "asdiv": Adapter(about="ASDiv: body, question, answer with its unit in brackets", read=_asdiv),
    "svamp": Adapter(about="SVAMP: Body, Question, Answer", read=_svamp),
    "mawps": Adapter(
        about="MAWPS: input, target", read=Columns(question=("input",), answer=("target",), keep=("type",))
    ),
    "aops": Adapter(
        about="LiveAoPSBench: question, answer",
        read=Columns(question=("question", "problem"), solution=("solution",), answer=("answer",)),
    ),
    "harp": Adapter(
        about="HARP: question, solution, answer",
        read=Columns(question=("question",), solution=("solution",), answer=("answer",), keep=("id",)),
    ),
}
