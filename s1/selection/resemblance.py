"""Texts that are nearly equal: one question in two typesettings, or a query that somebody typed from memory.

Words are letters and digits only, so that LaTeX's spacing, dollar signs and punctuation do not count. Knows texts; not
a decontamination rule (``s1.decontamination``): no stock phrase is weighed here.

Example::

    shelf = Shelf({"ab12…": "What is $x^2$ for x = 3?"})
    shelf.find("what is x^{2} for x=3", num=1)          # [Likeness(key='ab12…', score=1.0)]
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[a-z]+|[0-9]+|[^\W\d_a-z]+")
_TYPESETTING = frozenset({"left", "right", "displaystyle", "text", "mathrm", "quad", "frac", "dfrac", "tfrac", "cdot"})
"""Commands of LaTeX that one source writes and another does not."""


@dataclass(frozen=True, slots=True, order=True)
class Likeness:
    """How much one text is like another: 1 where the words are the same."""

    score: float
    key: str


def words_of(text: str) -> tuple[str, ...]:
    """The words that a reader would read aloud, in order: lower-case letters, numbers, signs of other scripts."""
    return tuple(word for word in _WORD.findall(text.lower()) if word not in _TYPESETTING)


class Shelf:
    """Texts that can be asked for one that is like another."""

    def __init__(self, texts: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        """Keep the words of texts by key; the texts themselves are not kept."""
        self._sizes: dict[str, int] = {}
        self._postings: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for key, text in texts.items() if isinstance(texts, Mapping) else texts:
            grams = _pairs(text)
            self._sizes[key] = len(grams)
            for gram in grams:
                self._postings[gram].append(key)

    def find(self, text: str, *, num: int, at_least: float = 0.0) -> list[Likeness]:
        """The texts most like one, best first: pairs of neighbouring words that both have, over those of either."""
        grams = _pairs(text)
        shared = Counter(key for gram in grams for key in self._postings.get(gram, ()))
        found = [Likeness(count / (len(grams) + self._sizes[key] - count), key) for key, count in shared.items()]
        return sorted((item for item in found if item.score >= at_least), key=lambda item: (-item.score, item.key))[
            :num
        ]


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    words = words_of(text)
    return frozenset(zip(("", *words), (*words, ""), strict=True)) if words else frozenset()
