"""Why our grader and a recording say different things about a response: classes, found by code.

Knows the response, our answer and theirs; the reference decides nothing here, it is counted by ``bench.agreement``.

Example::

    answer_class(sample, "B")       # 'several answers marked one after the other: theirs an earlier one, ours the last'
"""

import re
from collections.abc import Iterator

from bench.recorded import Sample
from s1.grading import extract_answer
from s1.grading.choices import read_choice
from s1.grading.equivalence import are_equivalent, normalize_answer

_END = re.compile(r"[.!?](?=\s)|\n")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_LEADING_NUMBER = re.compile(r"[^\d+-]*([+-]?\d[\d,]*(?:\.\d+)?)")
_OPEN = re.compile(r"\b[A-J]\)?,? or \(?[A-J]\b")
_MAX_PREFIXES = 400


def verdict_class(sample: Sample, answer: str | None) -> str:
    """Why a verdict differs."""
    if answer is None:
        return "no answer found in what they hold for right" if sample.verdict else "no answer found"
    if sample.verdict:
        return "they hold different answers for the same"
    reference = sample.question.answer or ""
    is_spelling = normalize_answer(answer) == normalize_answer(reference)
    return "the same, written otherwise, and they hold it for wrong" if is_spelling else "the same by algebra only"


def answer_class(sample: Sample, answer: str | None) -> str:
    """Why an extracted answer differs."""
    theirs, response = sample.extracted, sample.response or ""
    if theirs is None:
        return (
            "they found none; ours is in a box" if r"\boxed" in response else "they found none; ours is marked in words"
        )
    occurs = _occurs(theirs, response)
    if answer is None and sample.question.answer_kind == "choice" and _OPEN.search(response):
        return "the response leaves it open between several letters"
    if answer is None:
        where = "theirs stands in the text unmarked" if occurs else "theirs stands nowhere in the response"
        is_finished = response.rstrip("`*$) \n").endswith((".", "!", "}", "]"))
        return f"no marked answer; {where}" if is_finished else f"response cut or without end; {where}"
    if sample.question.answer_kind == "choice":
        return _choice_class(sample, answer, theirs, occurs=occurs)
    return _expression_class(sample, answer, theirs, occurs=occurs)


def _choice_class(sample: Sample, answer: str, theirs: str, *, occurs: bool) -> str:
    if set(theirs) != set(answer) and (set(theirs) < set(answer) or set(theirs) > set(answer)):
        return "several letters named together, and one of the two took fewer of them"
    if _is_stated_earlier(sample, theirs):
        return "several answers marked one after the other: theirs an earlier one, ours the last"
    return "theirs stands in the text unmarked" if occurs else "theirs stands nowhere in the response"


def _expression_class(sample: Sample, answer: str, theirs: str, *, occurs: bool) -> str:
    if re.fullmatch(r"[A-D]{1,4}", theirs):
        return "ours is the value, theirs the letter of its option"
    if _is_rounded(answer, theirs):
        return "the same value, rounded or without its unit"
    if _is_stated_earlier(sample, theirs):
        return "several answers marked one after the other: theirs an earlier one, ours the last"
    if theirs in ("True", "False") and not occurs:
        return "theirs is a default that stands nowhere in the response"
    return "theirs is another part of the text" if occurs else "theirs is worked out by the recorder"


def _is_stated_earlier(sample: Sample, theirs: str) -> bool:
    """Whether the response, read only so far, would have given theirs."""
    kind = sample.question.answer_kind
    for prefix in _prefixes(sample.response or ""):
        found = extract_answer(prefix, kind=kind)
        if found is not None and (read_choice(found) == theirs if kind == "choice" else _looks_same(found, theirs)):
            return True
    return False


def _looks_same(found: str, theirs: str) -> bool:
    """Equal text or numbers; algebra would take seconds over hundreds of prefixes."""
    one, other = normalize_answer(found), normalize_answer(theirs)
    are_numbers = bool(_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other))
    return float(one) == float(other) if are_numbers else one == other


def _prefixes(text: str) -> Iterator[str]:
    for number, match in enumerate(_END.finditer(text)):
        if number >= _MAX_PREFIXES:
            return
        yield text[: match.end()]


def _is_rounded(answer: str, theirs: str) -> bool:
    """Whether theirs is ours to as many decimals as theirs has, or ours with what stands around it gone."""
    if not _NUMBER.fullmatch(theirs):
        return False
    leading = _LEADING_NUMBER.match(answer)
    if leading is not None and are_equivalent(leading[1], theirs):
        return True
    value = _value_of(answer)
    decimals = len(theirs.partition(".")[2])
    return value is not None and abs(value - float(theirs)) <= 0.51 * 10.0**-decimals


def _value_of(answer: str) -> float | None:
    from math_verify import parse

    for found in parse(answer if "$" in answer else f"${answer}$", parsing_timeout=2):
        try:
            return float(found)
        except (TypeError, ValueError, AttributeError):
            continue
    return None


def _occurs(theirs: str, response: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(theirs)}(?!\w)", response) is not None
