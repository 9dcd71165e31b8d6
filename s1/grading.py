r"""Extracts final answers and compares them with references.

Extraction never sees the reference and never falls back to a letter: no answer is ``None``, a state of its own.
Comparison tries equal text first, then symbolic equivalence by math-verify; choices are compared as letters; prose
cannot be graded here. Knows no models and no files.

Example::

    extract_answer("so \\boxed{\\frac{1}{2}}")              # '\\frac{1}{2}'
    grade("0.5", question)                                  # True where the reference is \frac{1}{2}
"""

import re
import threading
from fractions import Fraction

from s1.records import Question

_BOX = re.compile(r"\\f?box(?:ed)?\s*\{")
_ANSWER_MARK = re.compile(r"\bAnswer\s*:\s*\**")
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")
_CHOICE = re.compile(r"\(?([A-Za-z])\)?(?:[.:)].*)?", re.DOTALL)
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
_MAX_SYMBOLIC_CHARACTERS = 1000
"""Longer texts are no final answers; parsing them costs seconds."""
_MAX_SHORT_SOLUTION = 40
"""A solution of one line and at most so many characters is taken as the answer itself."""


def extract_answer(text: str) -> str | None:
    r"""Find the final answer: the last ``\boxed{...}`` with balanced braces, else the last ``Answer:`` line.

    ``Final Answer:`` counts as ``Answer:``; where nothing follows on its line, the next line with text is taken.

    Returns:
        The answer without surrounding white space, ``**`` and a final full stop, or None where there is none.
    """
    boxed = _last_boxed(text)
    if boxed is not None:
        return boxed.strip() or None
    marks = list(_ANSWER_MARK.finditer(text))
    if not marks:
        return None
    rest = _SPECIAL_TOKEN.sub("\n", text[marks[-1].end() :])
    line = next((line.strip() for line in rest.splitlines() if line.strip()), "")
    line = line.strip("* \t")
    return (line[:-1].rstrip() if line.endswith(".") else line) or None


def _last_boxed(text: str) -> str | None:
    for match in reversed(list(_BOX.finditer(text))):
        depth = 1
        for index in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[index], 0)
            if depth == 0:
                return text[match.end() : index]
    return None


def reference_answer(question: Question) -> str | None:
    """The short answer that responses are compared with; None where the source states none.

    It is the question's ``answer``, else what its solution marks as the answer, else a solution that is one short line.
    """
    if question.answer is not None and question.answer.strip():
        return question.answer.strip()
    marked = extract_answer(question.solution)
    if marked is not None:
        return marked
    solution = question.solution.strip()
    return solution if solution and "\n" not in solution and len(solution) <= _MAX_SHORT_SOLUTION else None


def grade(answer: str | None, question: Question) -> bool | None:
    """Whether an extracted answer is right; no answer is wrong.

    Returns:
        None where it cannot be told: the question has no reference answer, or its answer is prose.
    """
    reference = reference_answer(question)
    if reference is None or question.answer_kind == "prose":
        return None
    if answer is None:
        return False
    if question.answer_kind == "choice":
        choice = _choice_letter(answer)
        return choice is not None and choice == _choice_letter(reference)
    one, other = _normalize(answer), _normalize(reference)
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
        return Fraction(one) == Fraction(other)
    if _NUMBER.fullmatch(other) and _is_working(answer):
        return False
    return one == other or _are_equivalent(answer, reference)


def _is_working(answer: str) -> bool:
    """Whether words stand beside several numbers, as in a line of working: math-verify would take one of them."""
    plain = _COMMAND.sub(" ", answer)
    return len(_NUMBER.findall(plain)) > 1 and _WORD.search(plain) is not None


def _choice_letter(answer: str) -> str | None:
    r"""``C`` of ``C``, ``(c)``, ``C) 4``, ``\text{(C)}``; None for anything else."""
    match = _CHOICE.fullmatch(_TEXT_COMMAND.sub(r"\1", answer).strip().strip("$*").strip())
    return match[1].upper() if match else None


def _normalize(answer: str) -> str:
    """What may differ without changing the answer: dollar signs, white space, size commands, thousands separators."""
    text = answer.strip().strip("$").strip().rstrip(".")
    text = _TEXT_COMMAND.sub(r"\1", text)
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    for command in ("\\left", "\\right", "\\!", "\\,", "\\;"):
        text = text.replace(command, "")
    text = "".join(text.split())
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _are_equivalent(answer: str, reference: str) -> bool:
    """Symbolic equivalence; what cannot be parsed is not equivalent."""
    if max(len(answer), len(reference)) > _MAX_SYMBOLIC_CHARACTERS or not _may_be_expression(answer):
        return False
    # Importing sympy takes a second; most answers never get here.
    from math_verify import parse, verify

    # math-verify's time limits use a signal, which only the main thread may set.
    limit = 5 if threading.current_thread() is threading.main_thread() else None
    parsed_reference = parse(_as_latex(reference), parsing_timeout=limit)
    parsed_answer = parse(_as_latex(answer), parsing_timeout=limit)
    return bool(parsed_reference and parsed_answer and verify(parsed_reference, parsed_answer, timeout_seconds=limit))


def _may_be_expression(answer: str) -> bool:
    return bool(re.search(r"[0-9A-Za-z]", answer))


def _as_latex(answer: str) -> str:
    return answer if "$" in answer or "\\(" in answer or "\\[" in answer else f"${answer}$"
