"""What is compared: single tokens, pairs of neighbours among the words that carry meaning, and runs of four tokens.

Runs of four hold the formulas and the wording; pairs and single tokens still agree when a sentence was rephrased.
Beside them the numbers, and pairs of numbers that follow one another whatever stands between: they say whether two
texts of the same wording ask for the same thing.

Example::

    list(features_of(["find", "all", "prime", "v", "<", "2", "9"]))
    # [('all',), ('prime',), ('2',), ('9',), ('all', 'prime'), ..., ('find', 'all', 'prime', 'v'), ..., ('#', '2'), ...]
"""

from collections.abc import Iterator
from itertools import chain, filterfalse, pairwise

from s1.decontamination.tokens import VARIABLE

Feature = tuple[str, ...]

RUN = 4
"""Tokens of a run."""
_NUMBER = "#"
"""Marks the features that are about numbers; no token is this sign."""
_STOP_WORDS = frozenset(
    f"""{VARIABLE} + - = < > the an is of to and in be that are if for with by on at as it its this we let find what how
    many value suppose given then such from or has have each which when""".split()
)
"""They carry no meaning by themselves; runs of four have them."""


def features_of(tokens: list[str]) -> Iterator[Feature]:
    """All features of a row of tokens, repeated ones repeated."""
    words = list(filterfalse(_STOP_WORDS.__contains__, tokens))
    numbers = [token for token in words if token[0].isdecimal()]
    marks = [_NUMBER] * len(numbers)
    return chain(
        zip(words, strict=True),
        pairwise(words),
        zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False),
        zip(marks, numbers, strict=True),
        zip(marks, numbers, numbers[1:], strict=False),
    )


def is_about_numbers(feature: Feature) -> bool:
    """Whether a feature is a number or a pair of numbers, rather than wording."""
    return feature[0] == _NUMBER
