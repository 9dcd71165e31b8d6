r"""Copies of benchmark questions of our own making, on which the distinctive rule was developed.

Each change is what happens to a question on its way through data sets; ``bench.decontamination_plants`` has changes
that the rule was not developed on. Seeded by the question alone. Knows texts; runs no rule.

Example::

    CHANGES["re-typeset"]("Find $\\frac{1}{2}$.")        # 'Find \\( \\dfrac{1}{2} \\).'
"""

import hashlib
import random
import re
from collections.abc import Callable

_MATHS = re.compile(r"(\$\$?)(.+?)\1", re.DOTALL)
_VARIABLE = re.compile(r"(?<![\\A-Za-z])[a-zA-Z](?![A-Za-z])")
_SENTENCE_END = re.compile(r"(?<=[.?!$\]])\s+(?=[A-Z])")
_TYPESETTING = (
    (r"\\frac(?![a-z])", r"\\dfrac"),
    (r"\\le(?![a-z])", r"\\leq"),
    (r"\\ge(?![a-z])", "≥"),
    (r"\\cdot(?![a-z])", r"\\times"),
    (r"\(", r"\\left("),
    (r"\)", r"\\right)"),
    (r"\s*([=+])\s*", r" \1 "),
    (r"\^(\w)", r"^{\1}"),
    (r"_(\w)", r"_{\1}"),
)
_WORDS = (
    (r"\bFind\b", "Determine"),
    (r"\bfind\b", "determine"),
    (r"\bCompute\b", "Calculate"),
    (r"\bEvaluate\b", "Work out"),
    (r"\bWhat is\b", "Determine"),
    (r"\bwhat is\b", "calculate"),
    (r"\bHow many\b", "Determine the number of"),
    (r"\bLet\b", "Suppose that"),
    (r"\bSuppose\b", "Assume"),
    (r"\bsuch that\b", "with the property that"),
    (r"\bgreatest\b", "largest"),
    (r"\bpositive integers\b", "natural numbers"),
    (r"\bExpress your answer as\b", "Give the result as"),
    (r"\beach\b", "every"),
)
_BEFORE = ("Solve the following problem step by step.", "Here is a problem from a contest.", "Answer this question:")
_AFTER = ("Put your final answer in a box.", "Explain how you got there, and check the result.", "(5 points)")


def verbatim(text: str) -> str:
    """The text itself, in capitals and with other white space: every rule has to find it."""
    return "  " + text.upper().replace(" ", "\n")


def typeset(text: str) -> str:
    """Other delimiters, commands, braces and spaces in formulas."""

    def change(match: re.Match[str]) -> str:
        formula = match.group(2)
        for pattern, replacement in _TYPESETTING:
            formula = re.sub(pattern, replacement, formula)
        opening, closing = (r"\[", r"\]") if match.group(1) == "$$" else (r"\(", r"\)")
        return f"{opening} {formula.strip()} {closing}"

    return _MATHS.sub(change, text)


def rename(text: str) -> str:
    """Every variable in a formula gets another letter."""
    letters = "uvwxyzabcdefghijklmnopqrst"

    def change(match: re.Match[str]) -> str:
        letter = match.group()
        other = letters[(ord(letter.lower()) - ord("a")) % 26]
        return other.upper() if letter.isupper() else other

    return _MATHS.sub(lambda match: _VARIABLE.sub(change, match.group()), text)


def reword(text: str) -> str:
    """Common words of questions replaced by others that mean the same."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return text


def extend(text: str) -> str:
    """Sentences before and behind it."""
    chance = random.Random(hashlib.sha256(text.encode()).hexdigest())
    return f"{chance.choice(_BEFORE)} {text} {chance.choice(_AFTER)}"


def shorten(text: str) -> str:
    """Without its first sentence where there are three, else without the last fifth of its words."""
    sentences = _SENTENCE_END.split(text)
    if len(sentences) > 2:
        return " ".join(sentences[1:])
    words = text.split(" ")
    return " ".join(words[: max(4 * len(words) // 5, 1)])


def all_at_once(text: str) -> str:
    """Re-typeset, renamed and extended."""
    return extend(typeset(rename(text)))


CHANGES: dict[str, Callable[[str], str]] = {
    "verbatim": verbatim,
    "re-typeset": typeset,
    "renamed": rename,
    "reworded": reword,
    "extended": extend,
    "shortened": shorten,
    "re-typeset, renamed, extended": all_at_once,
}
