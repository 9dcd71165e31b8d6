"""Formats of programming tasks and of instructions: prose that no grader here can check, mostly without a reference.

Knows the columns of LiveCodeBench, collections of Codeforces and LeetCode tasks, and the items of a thinking study. The
tests that come with a task are not kept: nothing here runs programs.

Example::

    PROGRAMMING["livecodebench"].question_of(row, source="code").solution      # ''
"""

from dataclasses import replace

from s1.records import AnswerKind
from s1.sources.adapters.adapter import Adapter, Columns, Parts
from s1.sources.rows import Row, optional_text, text_list

_ITEMS = Columns(question=("prompt",), answer=("answer",), subject=("type",), keep=("id", "grader", "check", "params"))
_KINDS: dict[str, AnswerKind] = {"numeric": "expression"}


def _items(row: Row) -> Parts:
    """Numbers can be compared; words have other spellings (``accept``); the rest are rules on the reply's form."""
    parts = _ITEMS(row)
    accept = text_list(row, "accept")
    kind = _KINDS.get(optional_text(row, ("grader",)), "prose")
    return replace(parts, kind=kind, metadata={**parts.metadata, **({"accept": [*accept]} if accept else {})})


PROGRAMMING = {
    "livecodebench": Adapter(
        about="LiveCodeBench: prompt or question_content, tests",
        read=Columns(
            question=("prompt", "question_content"),
            kind="prose",
            level=("difficulty",),
            keep=("question_id", "contest_id", "contest_date"),
        ),
    ),
    "code": Adapter(
        about="Codeforces and LeetCode tasks: problem, programs that solve it where there are some",
        read=Columns(question=("problem",), solution=("solutions",), optional=("solutions",), kind="prose"),
    ),
    "qwen3-thinking": Adapter(about="items of a thinking study: prompt, answer, grader", read=_items),
}
