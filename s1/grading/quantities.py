r"""Whether two physical quantities are the same: numbers with units, within a tolerance.

Knows how numbers are written (powers of ten, thousands, fractions) and what a tolerance means; units are
``s1.grading.units``. A unit that only one side names is no difference: the other leaves it to the question.

Example::

    same_quantity(r"2.5 \times 10^3 J", "2.5", unit="kJ", tolerance=Tolerance(relative=0.05))     # True
    same_quantity("2.5 kg", "2.5", unit="kJ", tolerance=Tolerance(relative=0.05))                 # False
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from s1.grading.units import NO_UNIT, Unit, read_unit

DEFAULT_RELATIVE = 0.05
"""Where a question states no tolerance: SciBench's (Wang et al. 2024, its evaluation takes a relative error of 5%)."""

_NUMBER = r"[-+−–]?\s*(?:\d{1,3}(?:(?:,|\{,\})\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
_POWER_OF_TEN = r"10\s*\^\s*\{?\s*\(?\s*([-+−–]?\s*\d+)\s*\)?\s*\}?"
_TIMES = r"\s*(?:\\times|\\cdot|×|·|⋅|\*|x|X)\s*"
_LEAD = re.compile(
    r"(?:(?:about|approximately|approx\.?|roughly|around|nearly|equal to|is)\s+|\\approx\s*|\\simeq\s*|\\sim\s*|[≈~]\s*"
    r"|[A-Za-z\\][\w\\{},^'() ]{0,30}?\s*(?:=|≈|\\approx)\s*)+",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    rf"(?P<number>{_NUMBER})(?:[eE](?P<e>[-+]?\d+)(?![A-Za-z\d])|{_TIMES}{_POWER_OF_TEN})?(?P<rest>.*)", re.DOTALL
)
_BARE_POWER = re.compile(rf"(?:{_TIMES})?(?P<sign>[-−–]?)\s*{_POWER_OF_TEN}(?P<rest>.*)", re.DOTALL)
_FRACTION = re.compile(
    rf"(?P<sign>-?)\s*(?:\\[dt]?frac\s*\{{\s*({_NUMBER})\s*\}}\s*\{{\s*({_NUMBER})\s*\}}"
    rf"|({_NUMBER})\s*/\s*(\d+(?:\.\d+)?)(?![A-Za-z\d]))(?P<rest>.*)",
    re.DOTALL,
)
_OUTSIDE = re.compile(r"^[\s$]*(?:\\[(\[])?[\s$]*|[\s$]*(?:\\[)\]])?[\s$.]*$")
_REMARK = re.compile(r"\s*\((?:rounded|to |correct|approx|up to|about|i\.e)[^()]*\)\s*$", re.IGNORECASE)
_MATHEMATICS = re.compile(
    r"\s*(?:[,:;<>!\d(]|\^(?!\s*\{?\s*\\circ)|-\s*\d|\\(?:sqrt|frac|pi|log|ln|pm|cup|le|leq|ge|geq|in|to)(?![A-Za-z]))"
)
_WRAPPED = re.compile(r"^\s*\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{\s*")
_WORD = re.compile(r"(?<!\\)\b[A-Za-z]{3,}")
_MAX_CHARACTERS = 200
"""Longer texts are no quantities."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How near an answer has to come; either is enough."""

    relative: float | None = None
    """Share of the reference's size."""
    absolute: float | None = None
    """In the reference's unit."""

    def allows(self, value: float, reference: float) -> bool:
        """Whether a value is near enough, both in the reference's unit."""
        distance = abs(value - reference)
        slack = 1e-9 * max(abs(value), abs(reference), 1e-300)  # 0.1 + 0.2 - 0.3
        limits = [
            *([self.relative * abs(reference)] if self.relative is not None else []),
            *([self.absolute] if self.absolute is not None else []),
        ]
        return distance <= max(limits, default=0.0) + slack


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it is written, and what is written behind it."""

    value: float
    unit: str


def tolerance_of(metadata: Mapping[str, JsonValue]) -> Tolerance:
    """What a question states as ``relative_tolerance`` and ``absolute_tolerance``; SciBench's 5% without."""
    relative, absolute = (_as_float(metadata.get(f"{name}_tolerance")) for name in ("relative", "absolute"))
    return Tolerance(DEFAULT_RELATIVE if relative is None and absolute is None else relative, absolute)


def unit_of(metadata: Mapping[str, JsonValue]) -> str:
    """The unit that a question's answer is in, as its source writes it; empty where it states none."""
    unit = metadata.get("unit")
    return unit if isinstance(unit, str) else ""


def same_quantity(answer: str, reference: str, *, unit: str, tolerance: Tolerance) -> bool | None:
    """Whether an answer is a reference's quantity.

    Args:
        unit: the reference's, where its text has none; may hold a power of ten (``10^6 m/s``).

    Returns:
        None where one of them is no number with a unit or without, so that something else has to compare them.
    """
    ours, theirs = read_quantity(answer), read_quantity(reference)
    if ours is None or theirs is None:
        return None
    scale, unit = _split_power(theirs.unit or unit)
    known_unit = read_unit(unit)
    our_unit = read_unit(ours.unit)
    if our_unit is None or known_unit is None:
        # A unit that is not known says nothing; the numbers do.
        our_unit = known_unit = NO_UNIT
    if _is_without_unit(our_unit) or _is_without_unit(known_unit):
        return _allows_any(ours, theirs.value, scale, our_unit, known_unit, tolerance)
    if our_unit.dimensions != known_unit.dimensions:
        return False
    return tolerance.allows(_in_unit(ours.value, our_unit, known_unit), theirs.value * scale)


def read_quantity(text: str) -> Quantity | None:
    """The number that a text begins with and what stands behind it; None where it is no such text."""
    if len(text) > _MAX_CHARACTERS:
        return None
    text = _REMARK.sub("", _OUTSIDE.sub("", text.strip()))
    text = _OUTSIDE.sub("", text)
    lead = _LEAD.match(text)
    text = text[lead.end() :] if lead is not None else text
    text = _WRAPPED.sub("", text.replace("\\,", " ").replace("\\;", " ").replace("\\!", "")).lstrip("$ {")
    if match := _FRACTION.match(text):
        above, below = (part for part in match.group(2, 3, 4, 5) if part is not None)
        value = _number(above) / _number(below) if _number(below) else math.nan
        return Quantity(-value if match["sign"] else value, match["rest"]) if math.isfinite(value) else None
    if match := _BARE_POWER.match(text):
        power = 10.0 ** _exponent(match[2])
        return Quantity(-power if match["sign"] else power, match["rest"])
    if match := _QUANTITY.match(text):
        exponent = match["e"] or match[3]
        value = _number(match["number"]) * (10.0 ** _exponent(exponent) if exponent else 1.0)
        return Quantity(value, match["rest"]) if math.isfinite(value) and _is_unit_like(match["rest"]) else None
    return None


def _is_unit_like(rest: str) -> bool:
    """Whether what follows a number may be its unit; more mathematics may not (``2 x + 1``, ``3, 4``, ``2 x``)."""
    if _MATHEMATICS.match(rest) or "=" in rest or "+" in rest:
        return False
    return read_unit(rest) is not None or _WORD.search(rest) is not None


def _split_power(unit: str) -> tuple[float, str]:
    """A unit such as ``10^6 m/s`` as its power of ten and the rest."""
    match = _BARE_POWER.match(_WRAPPED.sub("", _OUTSIDE.sub("", unit.strip()).strip(" $")))
    return (10.0 ** _exponent(match[2]), match["rest"]) if match else (1.0, unit)


def _is_without_unit(unit: Unit) -> bool:
    """Whether none is named; percent and degrees are often left out, as if they were none."""
    return not unit.dimensions


def _allows_any(
    ours: Quantity, reference: float, scale: float, our_unit: Unit, known_unit: Unit, tolerance: Tolerance
) -> bool:
    """One side leaves the unit out, so the numbers count as they stand; a power of ten in the unit may be left out too.

    A percentage is its number and its fraction, an angle in degrees its number and its radians.
    """
    values = {ours.value}
    if not our_unit.dimensions and not known_unit.dimensions:
        values.add(ours.value * our_unit.factor / known_unit.factor)
    return any(tolerance.allows(value, target) for value in values for target in {reference, reference * scale})


def _in_unit(value: float, unit: Unit, wanted: Unit) -> float:
    return unit.to_si(value) / wanted.factor - wanted.offset


def _number(text: str) -> float:
    plain = text.replace("{,}", "").replace(",", "").replace(" ", "")
    return float(re.sub(r"[−–]", "-", plain))


def _exponent(text: str) -> int:
    value = int(re.sub(r"[−–]", "-", text).replace(" ", ""))
    return max(-300, min(300, value))


def _as_float(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
