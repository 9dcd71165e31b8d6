"""What a classifier is: texts in, one verdict for each out.

Knows no classifier in particular (``s1.classification.building``) and no files.

Example::

    found = classifier.classify(["Find the area of triangle ABC."])
    found.verdicts[0].domain, found.verdicts[0].confidence          # ('51 Geometry', 0.98)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from s1.classification.taxonomy import UNKNOWN_DOMAIN
from s1.records import LabelState

Progress = Callable[[int, int], None]
"""Told how many of how many questions are classified."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The domain of one question, or why it has none."""

    domain: str
    """A domain's name; ``unknown`` in every state but ``classified``."""
    state: LabelState = "classified"
    confidence: float | None = None
    """How likely it is right, from 0 to 1; None where the classifier does not tell."""
    detail: str = ""
    """What a reader needs to understand an ``unknown``: the likeliest domain, or the reply that names none."""


def unknown(state: LabelState, *, confidence: float | None = None, detail: str = "") -> Verdict:
    """The verdict on a question without a domain."""
    return Verdict(UNKNOWN_DOMAIN, state, confidence, detail)


@dataclass(frozen=True, slots=True)
class Classification:
    """What a classifier found, and what it cost."""

    verdicts: list[Verdict]
    """One per text, in the texts' order."""
    prompt_tokens: int = 0
    output_tokens: int = 0
    """Of every reply that the verdicts rest on, whenever it was paid for; 0 where nothing costs money."""


class Classifier(Protocol):
    """Finds the domains of questions."""

    @property
    def name(self) -> str:
        """Recorded with every label; another version of the same classifier has another name."""
        ...

    def classify(self, texts: Sequence[str], *, progress: Progress | None = None) -> Classification:
        """One verdict per text."""
        ...
