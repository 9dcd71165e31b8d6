r"""Formats of science questions, with answers of mixed types: letters, numbers with units, texts, lists.

Knows the columns of TheoremQA, SciEval, SciBench and JEEBench, and how near a number has to come in each of them
(``metadata["relative_tolerance"]``, ``metadata["absolute_tolerance"]``; the unit is in ``metadata["unit"]``).

Example::

    SCIENCE["jeebench"].question_of(row, source="jeebench").answer_kind     # 'choice', 'number' or 'expression'
"""

import re
from dataclasses import replace

from pydantic import JsonValue

from s1.records import AnswerKind
from s1.sources.adapters.adapter import Adapter, Columns, Parts
from s1.sources.adapters.options import letters_of
from s1.sources.rows import BadRowError, Row, as_text, optional_text, required_text, text_list

_THEOREMQA = Columns(question=("Question",), subject=("subfield",), keep=("field", "theorem", "id"))
_SCIEVAL = Columns(question=("question",), subject=("category",), keep=("topic", "ability", "task_name"))
_SCIBENCH = Columns(question=("problem_text",), solution=("solution",), answer=("answer_number",), keep=("problemid",))
_JEEBENCH = Columns(question=("question",), subject=("subject",), keep=("description", "index", "type"))

_THEOREMQA_TOLERANCE = 0.04
"""Relative; as in TheoremQA's own evaluation."""
_SCIBENCH_TOLERANCE = 0.05
"""Relative; as in SciBench's own evaluation."""
_JEEBENCH_TOLERANCE = 0.01
"""Absolute; as in JEEBench's own evaluation."""
_MAX_LETTERS = 10
_NUMBER = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?")
_SCIEVAL_TAIL = re.compile(r"\s*\n\s*Answer:\s*$")
_SCIEVAL_BLANK = re.compile(r"\n(Optimal (\w+)):\s*$")


def _theoremqa(row: Row) -> Parts:
    """The answer is a whole number, a float, a truth value, a list of numbers or a letter; some need a picture."""
    parts = _THEOREMQA(row)
    if "Answer" not in row:
        raise BadRowError("missing_field", f"no field 'Answer'; the row has {sorted(row)}")
    metadata = dict(parts.metadata)
    if (picture := row.get("Picture")) is not None:
        metadata["picture"] = picture if isinstance(picture, str) else True
    if optional_text(row, ("explanation",)) not in ("", "NONE"):
        metadata["explanation"] = row["explanation"]
    answer, kind = _theoremqa_answer(row["Answer"], optional_text(row, ("Answer_type",)))
    if kind == "number":
        metadata["relative_tolerance"] = _THEOREMQA_TOLERANCE
    return replace(parts, answer=answer, kind=kind, metadata=metadata)


def _theoremqa_answer(value: JsonValue, written: str) -> tuple[str, AnswerKind]:
    """The answer and how it is compared; the hub has every answer as text, with its type beside it."""
    if isinstance(value, bool):
        return str(value), "expression"
    if isinstance(value, list):
        return f"[{', '.join(as_text(entry, 'Answer') for entry in value)}]", "expression"
    text = as_text(value, "Answer").strip()
    if written == "option":
        return letters_of(text, num_options=_MAX_LETTERS), "choice"
    return text, "number" if isinstance(value, float) or written == "float" else "expression"


def _scieval(row: Row) -> Parts:
    """A question ends in ``Answer:`` or, of reactions, in ``Optimal solvent:``; the answer is a list of one.

    As the reference rewrites them (s1's collection script).
    """
    parts = _SCIEVAL(row)
    text = _SCIEVAL_TAIL.sub("", parts.question)
    text = _SCIEVAL_BLANK.sub(r"\nWhat is the optimal \2?", text)
    answers = text_list(row, "answer")
    if not answers:
        return replace(parts, question=text, kind="prose")
    answer = answers[0].strip()
    if optional_text(row, ("type",)) == "multiple-choice":
        letters = letters_of(answer, num_options=_MAX_LETTERS)
        return replace(parts, question=text, answer=letters, kind="choice")
    comparable = _NUMBER.fullmatch(answer) or optional_text(row, ("type",)) == "judge"
    return replace(parts, question=text, answer=answer, kind="expression" if comparable else "prose")


def _scibench(row: Row) -> Parts:
    """A number, its unit apart (powers of ten may stand in the unit); minus signs and thousands as printed."""
    parts = _SCIBENCH(row)
    answer = parts.answer.replace("\u2212", "-").replace(",", "")
    if not _NUMBER.fullmatch(answer):
        return replace(parts, answer=required_text(row, ("answer_latex",)))
    metadata: dict[str, JsonValue] = {**parts.metadata, "relative_tolerance": _SCIBENCH_TOLERANCE}
    if unit := optional_text(row, ("unit",)).strip():
        metadata["unit"] = unit
    return replace(parts, answer=answer, kind="number", metadata=metadata)


def _jeebench(row: Row) -> Parts:
    """Four types: one option, one or more options, a whole number, a number to two decimals."""
    parts = _JEEBENCH(row)
    gold = required_text(row, ("gold",)).strip()
    kind = required_text(row, ("type",))
    match kind:
        case "MCQ" | "MCQ(multiple)":
            return replace(parts, answer=letters_of(gold, num_options=_MAX_LETTERS), kind="choice")
        case "Integer":
            return replace(parts, answer=gold, kind="expression")
        case "Numeric":
            metadata: dict[str, JsonValue] = {**parts.metadata, "absolute_tolerance": _JEEBENCH_TOLERANCE}
            return replace(parts, answer=gold, kind="number", metadata=metadata)
        case _:
            raise BadRowError("wrong_type", f"type {kind!r} is not MCQ, MCQ(multiple), Integer or Numeric")


SCIENCE = {
    "theoremqa": Adapter(about="TheoremQA: Question, Answer of mixed types, Picture", read=_theoremqa),
    "scieval": Adapter(about="SciEval: question that ends in Answer:, list of answers", read=_scieval),
    "scibench": Adapter(about="SciBench: problem_text, answer_number, unit", read=_scibench),
    "jeebench": Adapter(about="JEEBench: question, gold, four types of answer", read=_jeebench),
}
