r"""Benchmark questions changed as people change them when they copy: other typesetting, names, words, a frame, a cut.

The changes are not those with which the rule was designed (``bench.decontamination``). ``renumbered`` is no copy but
the same question with other numbers: what a rule does with it is a choice, not a fault. Knows texts; runs no rule.

Example::

    CHANGES["typeset"](r"Find $\frac{1}{2} \le x$.")        # 'Find \\(\\dfrac{1}{2}\\leq x\\).'
"""

import re
from collections.abc import Callable, Mapping

_MATHS = re.compile(r"\$\$.+?\$\$|\$.+?\$|\\\[.+?\\\]|\\\(.+?\\\)", re.DOTALL)
_NAME = re.compile(r"(?<![\\A-Za-z])(?:[a-z]|[A-Z]{1,4})(?![A-Za-z])")
"""A variable, or the corners of a figure; neither a command nor its environment."""
_FIGURE = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)
_TYPESETTING = (
    (r"\\d?frac(?![a-z])", r"\\dfrac"),
    (r"\\le(?![a-z])", r"\\leq"),
    (r"\\ge(?![a-z])", r"\\geq"),
    (r"\\(?:left|right)(?![a-z])", ""),
    (r"\\(?:ldots|dots|cdots)(?![a-z])", "..."),
    (r"\^\\circ|\^\{\\circ\}", "°"),
    (r"\\[,!;:]", ""),
    (r"\s*([=+<>])\s*", r"\1"),
    (r"^\$\$?|\\\[|\\\(", r"\\("),
    (r"\$\$?$|\\\]|\\\)", r"\\)"),
)
_SYNONYMS = (
    (r"\bFind\b", "Determine"),
    (r"\bCompute\b", "Work out"),
    (r"\bWhat is\b", "Determine"),
    (r"\bHow many\b", "Give the number of"),
    (r"\bsuch that\b", "for which"),
    (r"\bpositive integers?\b", "natural number"),
    (r"\bLet\b", "Suppose that"),
    (r"\bExpress your answer\b", "Write the result"),
    (r"\bdivided by\b", "taken modulo"),
    (r"\brandomly (?:selected|chosen)\b", "picked at random"),
    (r"\beach\b", "every"),
)
_BEFORE = "This one was set in our club last week and nobody could agree on it. Read it twice before you start. "
_AFTER = " Show all steps, check the result with a second method, and put the final answer in a box. (4 points)"
_KEPT_WHEN_CUT = 0.7
_LETTERS = "abcdfghjklmnpqrstuvwxyz"  # without e and i, which are numbers too
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OTHER_LETTERS = str.maketrans(_LETTERS + _CAPITALS, _LETTERS[9:] + _LETTERS[:9] + _CAPITALS[11:] + _CAPITALS[:11])


def typeset(text: str) -> str:
    """Other LaTeX for the same mathematics."""
    return _MATHS.sub(lambda match: _replace(match.group(), _TYPESETTING), text)


def rename(text: str) -> str:
    """Other letters for variables and points, the same everywhere."""

    def renamed(maths: re.Match[str]) -> str:
        return _NAME.sub(lambda name: name.group().translate(_OTHER_LETTERS), maths.group())

    return _MATHS.sub(renamed, text)


def reword(text: str) -> str:
    """Other words for what stands around the mathematics."""
    return _replace(text, _SYNONYMS)


def extend(text: str) -> str:
    """The question inside a longer text."""
    return f"{_BEFORE}{text}{_AFTER}"


def cut(text: str) -> str:
    """Without figure code and without its last words."""
    words = _FIGURE.sub(" ", text).split(" ")
    return " ".join(words[: max(1, round(_KEPT_WHEN_CUT * len(words)))])


def renumber(text: str) -> str:
    """Every number from 2 on one larger."""
    return re.sub(r"\d+", lambda match: str(int(match.group()) + 1) if int(match.group()) > 1 else match.group(), text)


def _replace(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in changes:
        text = re.sub(pattern, replacement, text)
    return text


CHANGES: Mapping[str, Callable[[str], str]] = {
    "verbatim": str,
    "typeset": typeset,
    "renamed": rename,
    "reworded": reword,
    "extended": extend,
    "cut": cut,
    "typeset and reworded": lambda text: reword(typeset(text)),
    "typeset, renamed, reworded, extended": lambda text: extend(reword(rename(typeset(text)))),
    "renumbered (no copy)": renumber,
}
