"""The sections that decide which questions are in: ``curate`` (rules on the text) and ``select`` (recipes).

Knows names, types, limits and meanings of the keys; ``s1.curation`` and ``s1.selection`` do what they say.

Example::

    NgramRule(rule="ngram", size=8)
"""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from s1.config.section import Count, NonNegativeFloat, PositiveInt, Section


class NgramRule(Section):
    """The paper's rule: one shared word n-gram."""

    rule: Literal["ngram"]
    """One word n-gram shared with a benchmark question removes a question, boilerplate or not."""
    size: PositiveInt = 8
    """Words of the n-gram (8 in the paper)."""


class DistinctiveRule(Section):
    """A rule of our own: enough of what is distinctive of a benchmark question (docs/decontamination.md)."""

    rule: Literal["distinctive"]
    """Much of a benchmark question's distinctive text removes a question; stock phrases count little."""
    variants: Literal["out", "in"] = "out"
    """What becomes of questions with a benchmark question's wording and other numbers: out of the pool, or in it."""


Decontamination = Annotated[NgramRule | DistinctiveRule, Field(discriminator="rule")]


class CurateParams(Section):
    """Dedupe, decontamination and quality rules on the question's text (paper section 2.2 and appendix C)."""

    decontamination: Decontamination
    """When a question counts as a copy of a benchmark question."""
    min_characters: Count
    """Shorter questions are dropped."""
    max_characters: PositiveInt
    """Longer questions are dropped."""
    drop_images: bool
    """Drop questions with ``[asy]`` or ``![Image]``."""
    drop_numbered_parts: bool
    """Drop questions with the strings ``p1.`` to ``p999.``."""
    drop_bold_numbers: bool
    """Drop questions matching the reference's bold-with-digit pattern."""
    drop_missing_pictures: bool = False
    """Drop questions that cannot be answered without a picture that is not there ("in the figure below")."""
    languages: list[str] | None = None
    """Languages that questions may be in, such as [en]; empty: any."""
    asy_exempt_sources: list[str] = Field(default=[])
    """Sources whose questions with ``[asy]`` pass all of these rules (AIME in the reference)."""


Recipe = Literal["s1", "random", "diverse", "longest", "full"]


class OtherSelection(Section):
    """One more selection out of the same questions, to look at and to compare with; it is not trained on."""

    name: str
    """Name of its file in data/select/others: letters, digits, - and _."""
    recipe: Recipe
    """How it is drawn; pre-picks and weights are those of the section."""
    num_examples: PositiveInt
    """Examples to select; ignored by ``full``."""
    traces: Literal["required", "optional"] = "required"
    """``optional``: questions without a trace may be taken (random, diverse, full), to distill afterwards."""
    difficulty: Literal["recipe", "hard", "any"] = "recipe"
    """Which questions may be taken: ``hard`` ones, ``any``, or what the ``recipe`` asks for (s1 hard, others any)."""


class SelectParams(Section):
    """Which examples are taken (paper Algorithm 1)."""

    recipe: Recipe
    """``s1`` is the paper's; its comparisons: at random, evenly over domains, the longest traces, all of them."""
    num_examples: PositiveInt
    """Examples to select (1,000 in the paper); ignored by ``full``."""
    num_uniform: Count
    """Up to this many taken, domains are drawn uniformly; after that by benchmark weight (700 in the paper)."""
    prepick_sources: list[str]
    """Sources whose correctly answered questions are taken first (GPQA and AIME in the paper)."""
    prepick_long_sources: dict[str, Count]
    """Source -> thinking tokens above which a correctly answered question is taken first (MATH: 5600)."""
    weight_sources: dict[str, NonNegativeFloat]
    """Source -> weight of its questions in the second phase's domain weights (AIME 1, GPQA 0.5 in the paper).

    The source with the largest weight sets the scale: another counts as if it had as many candidates in all.
    """
    others: list[OtherSelection] = Field(default=[])
    """More selections out of the same questions, beside the one that is trained on."""

    @model_validator(mode="after")
    def _others_are_files(self) -> "SelectParams":
        names = [other.name for other in self.others]
        if len(set(names)) < len(names) or any(not re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in names):
            raise ValueError(f"others need names of their own made of letters, digits, - and _; they are {names}")
        wrong = [
            other.name for other in self.others if other.traces == "optional" and other.recipe in ("s1", "longest")
        ]
        if wrong:
            raise ValueError(f"others {wrong}: the recipes s1 and longest rank by trace length, so traces are required")
        return self
