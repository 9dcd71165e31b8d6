r"""Whether two expressions are the same: equal text, equal numbers, then symbolic equivalence by math-verify.

Knows what may differ without changing an answer (spacing, size commands, thousands separators, how a number is
written) and what math-verify misreads; does not know which of the two is the reference's question. What must not
differ, such as two units, is ``s1.grading.differences``. A percentage is its number and its fraction: graders of MATH
drop the sign, those of Minerva and Qwen2.5-Math take either.

Example::

    are_equivalent("x(x+1)", "x^2+x")       # True
    are_equivalent("$18 per day", "18")     # True
    are_equivalent("1 1/2", "1.5")          # True
"""

import math
import re
import threading
import unicodedata
from fractions import Fraction

from s1.grading.choices import read_choice
from s1.grading.differences import TEXT_COMMAND, differ

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_CHARACTERS = {
    **{
        ord(sign): " " + unicodedata.normalize("NFKC", sign).replace("\N{FRACTION SLASH}", "/")
        for sign in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
    },
    ord("²"): "^2",
    ord("³"): "^3",
    ord("\N{MINUS SIGN}"): "-",
}
"""Characters that stand for several; the space keeps the half of 1½ apart."""
_GROUPED = re.compile(r"(?<![\d.])(\d{1,3}(?: \d{3})+)(?![\d.])")
_VALUE = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<decimal>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)"
    r"|(?P<start>\d*\.\d*)\\overline\{(?P<repeated>\d+)\}"
    r"|(?:(?P<whole>\d+) )?(?P<above>\d+)/(?P<below>0*[1-9]\d*)|\\frac\{(?P<over>\d+)\}\{(?P<under>0*[1-9]\d*)\})"
    r"(?P<percent>\\?%)?"
)
_SHORT_FRACTION = re.compile(r"\\frac(\d)(\d)")
_NUMBER_IN_TEXT = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")
_TRUTH = {"yes": "true", "true": "true", "no": "false", "false": "false"}
_UNIT = re.compile(
    r"(?<=[\d})])(?:\\[ ,!;]|~|\s)*\\(?:text|mbox|mathrm|mathbf)\s*\{[\s~\\]*(?!or\b|and\b)[A-Za-z][^{}]*\}"
    r"(?:\^\{?\d\}?)?\s*$"
)
_LETTER_REFERENCE = re.compile(r"\(([A-Z])\)")
_UNIT_RATIO = re.compile(r"(?<=[A-Za-z])/(?=[A-Za-z])")
_MAX_SYMBOLIC_CHARACTERS = 1000
"""Longer texts are no final answers; parsing them costs seconds."""
_SECONDS = 5
"""Longest time for one step of math-verify."""


def are_equivalent(answer: str, reference: str) -> bool:
    """Whether an answer means the same as a reference; what cannot be read as mathematics must be the same text."""
    answer, reference = answer.translate(_CHARACTERS), reference.translate(_CHARACTERS)
    if differ(answer, reference):
        return False
    one, other = normalize_answer(answer), normalize_answer(reference)
    if one == other or _TRUTH.get(one.lower(), one) == _TRUTH.get(other.lower(), other):
        return True
    letter = _LETTER_REFERENCE.fullmatch(other)
    if letter is not None:
        return read_choice(answer) == letter[1]
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
        return Fraction(one) == Fraction(other)
    if _have_same_value(one, other):
        return True
    if _NUMBER.fullmatch(other) and _WORD.search(_COMMAND.sub(" ", answer)):
        number = _only_number(answer)
        if number is not None:
            return number == Fraction(other)
        if _is_working(answer):
            return False
    return _are_symbolically_equal(answer, reference)


def normalize_answer(answer: str) -> str:
    """What may differ without changing the answer: dollar signs, white space, size commands, thousands separators."""
    text = answer.translate(_CHARACTERS).strip().strip("$").strip().rstrip(".")
    text = text.removeprefix("\\[").removesuffix("\\]").removeprefix("\\(").removesuffix("\\)")
    text = _UNIT.sub("", text)
    text = TEXT_COMMAND.sub(r"\1", text)
    text = text.replace("{,}", ",").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    for command in ("\\left", "\\right", "\\!", "\\,", "\\;", "\\$"):
        text = text.replace(command, "")
    # "1 1/2" is not 11/2, "12 000" is 12000.
    text = _GROUPED.sub(lambda match: match[1].replace(" ", ""), " ".join(text.split()))
    text = re.sub(r"(?<!\d) | (?!\d)", "", text)
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _have_same_value(one: str, other: str) -> bool:
    """Whether both are written numbers of one value; of two percentages neither is taken for its fraction."""
    if one.endswith("%") and other.endswith("%"):
        one, other = one.rstrip("\\%"), other.rstrip("\\%")
    return bool(_values_of(one) & _values_of(other))


def _values_of(text: str) -> set[Fraction]:
    """What a written number may mean: nothing where it is none, two values where it is a percentage."""
    match = _VALUE.fullmatch(text)
    if match is None:
        return set()
    if match["decimal"]:
        value = Fraction(match["decimal"])
    elif match["repeated"]:
        digits, repeated = match["start"].partition(".")[2], match["repeated"]
        value = Fraction("0" + match["start"] + "0")
        value += Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(digits))
    else:
        value = Fraction(int(match["above"] or match["over"]), int(match["below"] or match["under"]))
        value += int(match["whole"] or 0)
    value = -value if match["sign"] == "-" else value
    return {value, value / 100} if match["percent"] else {value}


def _only_number(answer: str) -> Fraction | None:
    r"""The one number of a text with words and no mathematics, such as ``18 dollars per day``."""
    plain = _UNIT_RATIO.sub(" ", TEXT_COMMAND.sub(r"\1", answer))
    numbers = _NUMBER_IN_TEXT.findall(plain)
    if len(numbers) != 1 or _COMMAND.search(plain) or any(sign in plain for sign in "=^_+*/<>%"):
        return None
    return Fraction(numbers[0].replace(",", ""))


def _is_working(answer: str) -> bool:
    """Whether words stand beside several numbers, as in a line of working: math-verify would take one of them."""
    plain = _COMMAND.sub(" ", answer)
    return len(_NUMBER_IN_TEXT.findall(plain)) > 1 and _WORD.search(plain) is not None


def value_of(text: str) -> float | None:
    r"""The finite real number that an expression comes to, such as 1.4142… of ``\sqrt{2}``; None where it is none."""
    if len(text) > _MAX_SYMBOLIC_CHARACTERS or not re.search(r"[0-9A-Za-z]", text):
        return None
    from math_verify import parse

    for found in parse(_as_latex(text), parsing_timeout=_time_limit()):
        try:
            value = float(found)
        except (TypeError, ValueError, AttributeError, OverflowError):
            continue
        if math.isfinite(value):
            return value
    return None


def _are_symbolically_equal(answer: str, reference: str) -> bool:
    if max(len(answer), len(reference)) > _MAX_SYMBOLIC_CHARACTERS or not re.search(r"[0-9A-Za-z]", answer):
        return False
    # Importing sympy takes a second; most answers never get here.
    from math_verify import parse, verify

    limit = _time_limit()
    parsed_reference = parse(_as_latex(reference), parsing_timeout=limit)
    parsed_answer = parse(_as_latex(answer), parsing_timeout=limit)
    return bool(parsed_reference and parsed_answer and verify(parsed_reference, parsed_answer, timeout_seconds=limit))


def _time_limit() -> int | None:
    """Seconds; none outside the main thread, for math-verify's limits use a signal, which only that one may set."""
    return _SECONDS if threading.current_thread() is threading.main_thread() else None


def _as_latex(answer: str) -> str:
    return answer if "$" in answer or "\\(" in answer or "\\[" in answer else f"${answer}$"
