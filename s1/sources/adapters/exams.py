"""Formats of choice questions: options as lists, in columns, with and without letters; passages above.

Knows the columns of AGIEval, MMLU, MMLU-Pro, AQuA, SAT and collections of them.

Example::

    EXAMS["mmlu-pro"].question_of(row, source="mmlu-pro").answer        # 'E'
"""

import re
from dataclasses import replace

from s1.sources.adapters.adapter import Adapter, Columns, Parts
from s1.sources.adapters.options import bare_options, check_options, letters_of, split_options
from s1.sources.raw import Layout
from s1.sources.rows import BadRowError, Row, optional_text, required_text, text_list

_AGIEVAL = Columns(question=("question",), above=("passage",))
_MMLU = Columns(question=("question",))
_MMLU_PRO = Columns(question=("question",), subject=("category",), keep=("question_id", "src"))
_PCMB = Columns(question=("question",), subject=("subject",), keep=("id", "source", "source_id"))
_SAT = Columns(question=("question",))
_AQUA = Columns(question=("question",), solution=("rationale",))
_MMLU_LETTERS = ("A", "B", "C", "D")


def _agieval(row: Row) -> Parts:
    """Options with letters and a label of one or several of them; or none, and an answer."""
    parts = _AGIEVAL(row)
    other = row.get("other")
    extra: Row = other if isinstance(other, dict) else {}
    parts = replace(
        parts,
        solution=optional_text(extra, ("solution",)),
        metadata={key: extra[name] for key, name in (("subject", "type"), ("level", "level")) if extra.get(name)},
    )
    if row.get("options") is None:
        return replace(parts, answer=optional_text(row, ("answer",)))
    options = bare_options(text_list(row, "options"))
    if "label" not in row:
        raise BadRowError("missing_field", f"no field 'label'; the row has {sorted(row)}")
    return _choice(parts, options, row["label"])


def _mmlu(row: Row) -> Parts:
    parts = _MMLU(row)
    options = check_options([required_text(row, (name,)).strip() for name in _MMLU_LETTERS])
    return _choice(parts, options, required_text(row, ("answer",)))


def _mmlu_pro(row: Row) -> Parts:
    return _listed(_MMLU_PRO(row), row, label="answer")


def _pcmb(row: Row) -> Parts:
    return _listed(_PCMB(row), row, label="answer_letter")


def _listed(parts: Parts, row: Row, *, label: str) -> Parts:
    """Options as a list of bare texts, the answer as a letter."""
    options = check_options([option.strip() for option in text_list(row, "options")])
    return _choice(parts, options, required_text(row, (label,)))


def _sat(row: Row) -> Parts:
    """Options in one string; where they cannot be told apart they stay as written."""
    parts = _SAT(row)
    written = required_text(row, ("options",)).strip()
    options = split_options(written)
    if not options:
        parts = replace(parts, question=f"{parts.question.strip()}\n\n{written}")
    return _choice(parts, options, required_text(row, ("Answer", "answer")))


def _aqua(row: Row) -> Parts:
    return _choice(_AQUA(row), bare_options(text_list(row, "options")), required_text(row, ("correct",)))


def _choice(parts: Parts, options: tuple[str, ...], label: object) -> Parts:
    letters = letters_of(label, num_options=len(options) or len(_MMLU_LETTERS))
    return replace(parts, options=options, answer=letters, kind="choice")


EXAMS = {
    "agieval": Adapter(about="AGIEval v1: passage, question, options, label or answer", read=_agieval),
    "mmlu": Adapter(
        about="MMLU: a zip of CSV files without a header, one per subject and split",
        read=_mmlu,
        layout=Layout(header=("question", *_MMLU_LETTERS, "answer"), members=("*.csv",)),
        subject_in_file=re.compile(r"([^/]+?)_(?:dev|val|test)\.csv$"),
    ),
    "mmlu-pro": Adapter(about="MMLU-Pro: question, options, answer, category; attempts on it too", read=_mmlu_pro),
    "r1-pcmb": Adapter(about="R1 PCMB: question, options, answer_letter, subject", read=_pcmb),
    "sat-math": Adapter(about="SAT mathematics: question, options in one string, Answer", read=_sat),
    "aqua": Adapter(about="AQuA-RAT: question, options, rationale, correct", read=_aqua),
}
