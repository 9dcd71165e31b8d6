r"""Options of choice questions in the shapes that sources write them: bare, with letters, in one string.

Knows letters; every question's options come out as lines ``A) text`` below it, whatever the source wrote, so that the
same question in two files has the same text.

Example::

    bare_options(["(A)5", "(C)7", "(B)6"])          # ('5', '6', '7')
    split_options("A) 5 B) 6 C) 7 D) 8")            # ('5', '6', '7', '8')
    letters_of(["A", "C", "。"], num_options=4)      # 'AC'
"""

import re
from collections.abc import Sequence

from s1.sources.rows import BadRowError

_FIRST = ord("A")
_LETTERED = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])\s*[)．、.:：])\s*", re.ASCII)
"""A letter that a source writes in front of an option's text."""
_LOOSELY_LETTERED = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])(?:\s*[)．、.:：?]|\s))\s*(?=\S)", re.ASCII)
"""The same, or a letter and a blank, which only in the right order is more than an article (``A novel.``)."""


def letter(index: int) -> str:
    """The letter of the option with that index (0: A)."""
    return chr(_FIRST + index)


def with_options(text: str, options: Sequence[str]) -> str:
    """The question with its options below it, one a line."""
    if not options:
        return text
    return f"{text}\n\n" + "\n".join(f"{letter(index)}) {option}" for index, option in enumerate(options))


def bare_options(written: Sequence[str]) -> tuple[str, ...]:
    """The options' texts in the order of their letters.

    Letters are taken off where every option has one. Some rows list (A), (C), (B), (D): the letters that are written
    are the ones that the answer means. Where they are no alphabet (A, B, C, C), the order of the list counts.

    Raises:
        BadRowError: ``empty_option``.
    """
    options = [option.strip() for option in written]
    alphabet = [letter(index) for index in range(len(options))]
    while (found := _lettered(options, _LOOSELY_LETTERED)) and [name for name, _ in found] == alphabet:
        options = [option for _, option in found]  # again: some are written "(A)A)59"
    if found := _lettered(options, _LETTERED):
        ordered = sorted(found) if sorted(name for name, _ in found) == alphabet else found
        options = [option for _, option in ordered]
    return check_options(options)


def _lettered(options: Sequence[str], pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """Letter and text of each option; nothing if one has no letter."""
    matches = [pattern.match(option) for option in options]
    return [
        (match[1] or match[2], option[match.end() :].strip())
        for match, option in zip(matches, options, strict=True)
        if match and all(matches)
    ]


def check_options(options: Sequence[str]) -> tuple[str, ...]:
    """The options, if there is a text in each.

    Raises:
        BadRowError: ``empty_option``: what it was (a picture, mostly) is lost.
    """
    empty = [letter(index) for index, option in enumerate(options) if not option]
    if empty:
        raise BadRowError("empty_option", f"option {', '.join(empty)} of {len(options)} has no text")
    return tuple(options)


def split_options(text: str) -> tuple[str, ...]:
    """Options written one after the other in one string, ``A) .. B) ..``; none where they cannot be told apart."""
    found: list[str] = []
    rest = text.strip()
    if not rest.startswith("A)"):
        return ()
    while rest:
        after = rest.find(f" {letter(len(found) + 1)}) ")
        found.append(rest[2 : after if after >= 0 else None].strip())
        rest = rest[after + 1 :] if after >= 0 else ""
    return tuple(found) if len(found) > 1 and all(found) else ()


def letters_of(label: object, *, num_options: int) -> str:
    """The letters that a label names, in alphabetical order, from ``C``, ``(c)``, ``A B D`` or ``["A", "B"]``.

    Empty where it names none of the options, so that the question counts as one without a reference.
    """
    text = "".join(map(str, label)) if isinstance(label, list | tuple) else str(label or "")
    found = sorted({char for char in text.upper() if _FIRST <= ord(char) < _FIRST + num_options})
    stray = re.sub(r"[A-Z()\[\]\s,，.。、;'\"]", "", text.upper())
    named = {char for char in text.upper() if "A" <= char <= "Z"}
    return "".join(found) if not stray and named == set(found) else ""
