"""Quality rules on a question's text: those of the paper as its code has them, and what real files ask for besides.

Every rule has a switch in ``curate`` and a reason code of its own. Knows one question at a time.

Example::

    QualityRules(params.curate).object_to(question)     # None, or Objection("image", "contains [asy]")
"""

import re
from dataclasses import dataclass

from s1.config import CurateParams
from s1.curation.languages import check_languages, language_of
from s1.curation.pictures import missing_picture
from s1.records import Question

# The reference asks for each of the strings "p1." to "p999." anywhere, so "step1." matches and "p01." does not.
_NUMBERED_PART = re.compile(r"p[1-9][0-9]{0,2}\.")
# The reference's pattern as it is: the lookahead runs to the end of the line, so "**bold** in 2021" matches too.
_BOLD_NUMBER = re.compile(r"\*\*(?=.*\d)[^\s\]]*\*\*")
_IMAGES = ("[asy]", "![Image]")
_SHOWN = 80
"""Characters of what was found that a decision repeats."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a question goes."""

    reason: str
    detail: str


class QualityRules:
    """The rules that ``curate`` switches on."""

    def __init__(self, rules: CurateParams) -> None:
        """Raises UnknownLanguageError for a language that cannot be told apart."""
        self._rules = rules
        self._languages = check_languages(rules.languages)
        self._patterns = [
            (reason, pattern)
            for is_on, reason, pattern in (
                (rules.drop_numbered_parts, "numbered_parts", _NUMBERED_PART),
                (rules.drop_bold_numbers, "bold_number", _BOLD_NUMBER),
            )
            if is_on
        ]

    def object_to(self, question: Question) -> Objection | None:
        """The first rule that the text breaks. Length comes first: it bounds what the patterns must search."""
        rules, text = self._rules, question.question
        num_characters = len(text)
        if num_characters < rules.min_characters:
            return Objection("too_short", f"{num_characters} characters, fewer than {rules.min_characters}")
        if num_characters > rules.max_characters:
            return Objection("too_long", f"{num_characters} characters, more than {rules.max_characters}")
        if "[asy]" in text and question.source in rules.asy_exempt_sources:
            return None
        return self._object_to_marks(text) or self._object_to_meaning(question)

    def _object_to_marks(self, text: str) -> Objection | None:
        if self._rules.drop_images:
            for mark in _IMAGES:
                if mark in text:
                    return Objection("image", f"contains {mark}")
        for reason, pattern in self._patterns:
            match = pattern.search(text)
            if match is not None:
                return Objection(reason, f"contains {match.group()[:_SHOWN]!r}")
        return None

    def _object_to_meaning(self, question: Question) -> Objection | None:
        if self._rules.drop_missing_pictures:
            sign = missing_picture(question)
            if sign is not None:
                return Objection("picture_needed", sign)
        if self._languages:
            language = language_of(question.question)
            if language is not None and language not in self._languages:
                return Objection(
                    "wrong_language", f"seems to be {language}, not {' or '.join(sorted(self._languages))}"
                )
        return None
