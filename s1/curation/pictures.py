"""Questions that cannot be answered without a picture that is not there.

Example::

    missing_picture(question)       # None, or "speaks of a picture: 'in the figure below'"
"""

import re

from s1.records import Question

_THING = r"(?:figure|diagram|picture|image|photograph|illustration|drawing|sketch|map)"
_PLOT = r"(?:graph|chart|histogram|circuit|number line|grid|spinner|pie chart|plot)"
_PLACE = r"(?:below|above|shown|at\ (?:the\ )?right|(?:on|to)\ the\ (?:right|left))"
_NEEDED = re.compile(
    rf"""\b(?:
        as\ (?:shown|pictured|depicted|drawn|illustrated|indicated|marked)\ (?:{_PLACE}|here\b)
        |(?:as|is|are)\ (?:shown|pictured|depicted|drawn|illustrated|indicated|marked)
            \ (?:at|on|to|in)\ (?:the\ |this\ )?(?:right|left|{_THING})\b
        |(?:in|from|on|of|to|see|using|consider|study)\ (?:the|this)\ {_THING}\ {_PLACE}
        |(?:the|this|following)\ (?:{_THING}|{_PLOT})\ (?:{_PLACE}|shows?\b)
        |(?:in|from|on|see|to)\ the\ (?:following|accompanying|adjoining|given)\ (?:{_THING}|{_PLOT})
        |(?:below|here)\ is\ (?:the|a)\ (?:{_THING}|{_PLOT})
        |(?:refer|according)\ to\ the\ {_THING}
        |in\ the\ (?:figure|diagram)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_NEEDED_LOWERED = re.compile(_NEEDED.pattern, re.VERBOSE)
"""The same for text in lower case, several times faster; other letters than ASCII's may change places in lower case."""
_HINTS = (
    "shown",
    "figure",
    "diagram",
    "picture",
    "depicted",
    "illustrat",
    "drawn",
    "indicated",
    "marked",
    "image",
    "graph",
    "photo",
    "drawing",
    "sketch",
    "map",
    "chart",
    "histogram",
    "circuit",
    "number line",
    "grid",
    "spinner",
    "plot",
)
"""Words without one of which the pattern finds nothing; looking for them is much faster."""
_DRAWN = re.compile(
    r"\[asy\]|!\[|\\begin\{(?:tikzpicture|asy|picture|array|tabular|verbatim|[bpv]?matrix)\}|\\includegraphics|<svg|```"
)
"""A picture that is there: as a program, as a link, or as a table or a piece of text that stands for one."""


def missing_picture(question: Question) -> str | None:
    """What says that a picture is needed and missing; None where it is there or none is needed.

    A source that tells that its row came with a picture does so in ``metadata["picture"]``.
    """
    picture = question.metadata.get("picture")
    if picture:
        return f"the source shows a picture: {str(picture)[:80]!r}"
    text = question.question
    lowered = text.lower()
    if not any(map(lowered.__contains__, _HINTS)) or _DRAWN.search(text):
        return None
    match = _NEEDED_LOWERED.search(lowered) if text.isascii() else _NEEDED.search(text)
    return None if match is None else f"speaks of a picture: {' '.join(text[slice(*match.span())].split())!r}"
