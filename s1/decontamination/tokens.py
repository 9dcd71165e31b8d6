r"""A question as a row of tokens in which spelling, typesetting and the names of variables no longer differ.

``\dfrac12``, ``\frac{1}{2}`` and ``1/2`` are the same tokens, as are ``\leq``, ``\le`` and ``≤``, ``two`` and ``2``,
``1,000`` and ``1000``, ``primes`` and ``prime``; every single letter and every Greek one is the same token, a variable.
Drawings (``[asy]``) are left out. Knows text; does not know benchmarks.

Example::

    tokens_of(r"Find all primes $p \leq \dfrac{x}{2}$")       # ['find', 'all', 'prime', 'v', '<', 'v', '2']
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

VARIABLE = "v"
"""Stands for every variable, so that renaming them changes nothing."""

_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|$)", re.DOTALL)
# Words of any script, Chinese and Japanese sign by sign; numbers; the signs that make a formula what it is.
_THOUSANDS = r"\d{1,3}(?:(?:,|\{,\}|,?\\[,!])\d{3})+(?!\d)"
_TOKEN = re.compile(rf"[a-z]+|{_THOUSANDS}|\d+(?:\.\d+)?|[-+=<>]|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_a-z]+")
_NO_DIGIT = re.compile(r"[^\d.]")
_BARE_FRACTION = re.compile(r"frac\s*(\d)(?=\d)")
"""``\\frac12`` is one half, not twelve of something."""
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("×·⋅∗÷", " "),
        **dict.fromkeys("−–", "-"),
    }
    | {"≤": "<", "≥": ">", "≠": " ne ", "π": " pi ", "√": " sqrt ", "°": " circ ", "∠": " angle ", "△": " triangle "}
    | {"∞": " infty ", "²": "2", "³": "3", "½": " 1 2 ", "¼": " 1 4 ", "¾": " 3 4 "}
)
_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega"
)
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
_SAME = {
    **dict.fromkeys(_GREEK.split(), VARIABLE),
    **{word: str(number) for number, word in enumerate(_NUMBERS.split())},
    **dict.fromkeys(["leq", "le", "leqslant", "lt"], "<"),
    **dict.fromkeys(["geq", "ge", "geqslant", "gt"], ">"),
    **dict.fromkeys(["bmatrix", "vmatrix", "matrix"], "pmatrix"),
} | {"neq": "ne", "vartriangle": "triangle", "degree": "circ", "degrees": "circ", "hundred": "100"}
# Commands that only say how something looks; a fraction is its two numbers, a product its factors.
_LOOK_NAMES = """left right displaystyle textstyle mathrm text textbf mathbf mathit mathbb operatorname quad qquad
    frac dfrac tfrac cdot times div begin end big bigl bigr bigg biggl biggr ldots dots cdots dotsb dotsc boxed textit
    emph mbox hspace vspace overline underline dollar textrm rm bf align aligned array cases hline space"""
_LOOKS = frozenset(_LOOK_NAMES.split())
_UNITS_AND_FUNCTIONS = "cm km kg mm ml ft lb hr mg gcd lcm log ln tan mph"
_SHORT_WORDS = frozenset(_UNITS_AND_FUNCTIONS.split())
"""Words of two or three letters without a vowel that are no variables."""
_VOWELS = frozenset("aeiouy")


def prepare(text: str) -> str:
    """The text that tokens are read from: lower case, without drawings, with plain signs."""
    prepared = text.lower()
    if "[asy]" in prepared:
        prepared = _DRAWING.sub(" ", prepared)
    if "frac" in prepared:
        prepared = _BARE_FRACTION.sub(r"frac \1 ", prepared)
    if not prepared.isascii():
        prepared = prepared.translate(_SIGNS)
    return prepared


_CANONICAL: dict[str, str] = {}
"""Raw token -> token, filled as tokens are met; ``""`` for those that are left out."""
_MAX_CANONICAL = 200_000


def _canonize(raw_tokens: list[str]) -> list[str]:
    """The tokens of raw ones, ``""`` where one is left out."""
    tokens = list(map(_CANONICAL.get, raw_tokens))
    if None in tokens:
        if len(_CANONICAL) > _MAX_CANONICAL:
            _CANONICAL.clear()
        _CANONICAL.update({raw: _canonical(raw) for raw in raw_tokens if raw not in _CANONICAL})
        return [_CANONICAL[raw] for raw in raw_tokens]
    return cast("list[str]", tokens)


def _canonical(raw: str) -> str:
    if raw in _LOOKS:
        return ""
    if raw[0].isdecimal():
        return _NO_DIGIT.sub("", raw)
    token = _SAME.get(raw, raw)
    if not token.isalpha() or token == VARIABLE or ord(token[0]) >= 0x3040:
        return token
    if len(token) == 1 or (len(token) <= 3 and token not in _SHORT_WORDS and not _VOWELS & set(token)):
        return VARIABLE
    if len(token) > 3 and token[-1] == "s" and token[-2] not in "su":
        return token[:-3] + "y" if token.endswith("ies") else token[:-1]
    return token


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, in order."""
    tokens = _canonize(_TOKEN.findall(prepare(text)))
    return list(filter(None, tokens)) if "" in tokens else tokens


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token stands in the prepared text."""

    token: str
    start: int
    end: int


def places_of(prepared: str) -> Iterator[Place]:
    """The tokens of a prepared text with their places; the same tokens as ``tokens_of``."""
    matches = list(_TOKEN.finditer(prepared))
    for match, token in zip(matches, _canonize([match.group() for match in matches]), strict=True):
        if token:
            yield Place(token, match.start(), match.end())
