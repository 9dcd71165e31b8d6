r"""What keeps two answers apart though algebra sees one value: units, bases, relations, negations, pairs and sets.

Says "differ" only where both sides make it certain; everything else is ``s1.grading.equivalence``'s to compare. A unit,
or a base, that only one side names is no difference: the other may leave it to the question.

Example::

    differ("5 kg", "5 g")           # True
    differ("5 kg", "5")             # False
    differ("at most 5", "5")        # True
"""

import re

TEXT_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
"""A command that holds plain text; group 1 is the text."""

_SPACING = re.compile(r"\\[ ,!;]|[~$\s]")
_UNIT = re.compile(
    r"[\d})] *(?P<power>sq(?:uare|\.)? |cu(?:bic|\.)? )?(?P<word>[A-Za-z]+)\.?(?: ?\^\{?(?P<exponent>\d)\}?)? *\.?$"
)
_POWERS = {"s": "2", "c": "3"}
_SPELLINGS = (
    "mm millimeter millimetre",
    "cm centimeter centimetre",
    "dm decimeter decimetre",
    "m meter metre",
    "km kilometer kilometre",
    "in inch inches",
    "ft foot feet",
    "yd yard",
    "mi mile",
    "mg milligram",
    "g gram",
    "kg kilogram",
    "lb lbs pound",
    "oz ounce",
    "ms millisecond",
    "s sec second",
    "min minute",
    "h hr hour",
    "day",
    "week",
    "month",
    "year",
    "ml mL milliliter millilitre",
    "l L liter litre",
    "cent",
    "dollar",
    "N newton",
    "kN kilonewton",
    "J joule",
    "kJ kilojoule",
    "W watt",
    "kW kilowatt",
    "V volt",
    "mV millivolt",
    "A ampere amp",
    "mA milliampere",
    "Hz hertz",
    "kHz kilohertz",
    "MHz megahertz",
    "degree",
    "radian rad",
)
_UNITS = {form: line.split()[0] for line in _SPELLINGS for word in line.split() for form in (word, f"{word}s")}
"""What a unit is called, by how it is written; only what stands here can be told apart."""

_LONGEST_SYMBOL = 3
"""Letters; in a symbol capitals count (``MHz`` is no ``mHz``), in a word they do not."""

_BASE = re.compile(r"[\dA-F]_\{?(\d+)\}?\W*$")
_TAG = re.compile(r"</?[A-Za-z]{2,}[^<>]*>")
_DENIED = re.compile(r"(?:\b(?:not|cannot|never)|n't)\s+(?:[a-z]+\s+){0,3}[-$\\]*\d|\\(?:neg|lnot|not)(?![A-Za-z])|¬")
"""A denial behind a number ("26 guests did not come") is about something else."""
_RELATION = re.compile(
    r"\\(?:leq?|leqslant|geq?|geqslant|lt|gt|neq?)(?![A-Za-z])|[<≤≥≠]|(?<![-=])>"
    r"|\bat (?:most|least)\b|\b(?:greater|larger|bigger|higher|more|less|smaller|lower|fewer) than [-$\\]*\d"
    r"|\bor (?:greater|larger|higher|more|less|smaller|lower|fewer)\b",
    re.IGNORECASE,
)
_SET_OF_NUMBERS = re.compile(r",|\\infty|\\in(?![A-Za-z])|\\cup|\\setminus|\\mathbb|\\\{|∞|∪|ℝ")
"""Marks of an interval or a set, which says the same as a relation."""

_PAIR = re.compile(r"\([^()]*,.*\)")
_SET = re.compile(r"\\?\{[^{}]*,.*\}")


def differ(one: str, other: str) -> bool:
    """Whether two answers say different things whatever their numbers are; False where that is not certain."""
    one, other = _plain(one), _plain(other)
    return (
        _is_on_one_side(_DENIED, one, other)
        or (_is_on_one_side(_RELATION, one, other) and not _names_a_set(one, other))
        or _are_both_and_differ(_base_of(one), _base_of(other))
        or _are_both_and_differ(_unit_of(one), _unit_of(other))
        or _is_pair_against_set(one, other)
        or _is_pair_against_set(other, one)
    )


def _plain(text: str) -> str:
    """Text commands dissolved, spacing as single spaces."""
    text = _SPACING.sub(" ", TEXT_COMMAND.sub(r" \1 ", _TAG.sub(" ", text)))
    text = text.replace("\\left", "").replace("\\right", "")
    return " ".join(text.split())


def _is_on_one_side(pattern: re.Pattern[str], one: str, other: str) -> bool:
    return (pattern.search(one) is None) != (pattern.search(other) is None)


def _names_a_set(one: str, other: str) -> bool:
    plain = other if _RELATION.search(one) else one
    return _SET_OF_NUMBERS.search(plain) is not None


def _are_both_and_differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _base_of(text: str) -> str | None:
    match = _BASE.search(text)
    return match[1] if match else None


def _unit_of(text: str) -> str | None:
    """The known unit that a text ends on, with its power; None where it names none, or a compound one."""
    match = _UNIT.search(text)
    if match is None:
        return None
    word: str = match["word"]
    name = _UNITS.get(word.lower() if len(word) > _LONGEST_SYMBOL else word)
    if name is None:
        return None
    power = _POWERS[match["power"][0]] if match["power"] else match["exponent"] or "1"
    return f"{name}^{power}"


def _is_pair_against_set(one: str, other: str) -> bool:
    return bool(_PAIR.fullmatch(one) and _SET.fullmatch(other))
