r"""Units of physical quantities: reads them as they are written in answers, and turns them into SI.

Knows SI's units and prefixes, common others, their words and how LaTeX writes them; values and tolerances are
``s1.grading.quantities``. Factors: SI brochure (9th edition, 2019) with its table of units outside the SI; CODATA 2018;
cal is the thermochemical calorie, a year is Julian.

Example::

    read_unit(r"\mathrm{~kJ} \mathrm{~mol}^{-1}")     # Unit(factor=1000.0, dimensions=...)
    read_unit("apples")                                # None
"""

import math
import re
import string
from dataclasses import dataclass

Dimensions = tuple[tuple[str, int], ...]
"""Exponents of base units, those of 0 left out, in alphabetical order."""

_PREFIXES = {
    "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "d": 1e-1, "c": 1e-2, "m": 1e-3,
    "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18,
}  # fmt: skip
_PREFIX_WORDS = {
    "giga": "G", "mega": "M", "kilo": "k", "deci": "d", "centi": "c", "milli": "m", "micro": "u", "nano": "n",
    "pico": "p", "femto": "f",
}  # fmt: skip
_WITH_PREFIX = {
    "m": "1 m", "g": "1e-3 kg", "s": "1 s", "A": "1 A", "K": "1 K", "mol": "1 mol", "cd": "1 cd", "rad": "1",
    "N": "1 kg m s-2", "J": "1 kg m2 s-2", "W": "1 kg m2 s-3", "Pa": "1 kg m-1 s-2", "Hz": "1 s-1", "C": "1 A s",
    "V": "1 kg m2 s-3 A-1", "ohm": "1 kg m2 s-3 A-2", "S": "1 kg-1 m-2 s3 A2", "F": "1 kg-1 m-2 s4 A2",
    "T": "1 kg s-2 A-1", "Wb": "1 kg m2 s-2 A-1", "H": "1 kg m2 s-2 A-2", "L": "1e-3 m3", "l": "1e-3 m3",
    "eV": "1.602176634e-19 kg m2 s-2", "cal": "4.184 kg m2 s-2", "bar": "1e5 kg m-1 s-2", "M": "1e3 mol m-3",
    "Bq": "1 s-1", "Gy": "1 m2 s-2", "Sv": "1 m2 s-2", "lm": "1 cd", "lx": "1 cd m-2", "Wh": "3600 kg m2 s-2",
    "pc": "3.0856775814913673e16 m", "yr": "31557600 s",
}  # fmt: skip
_ALONE = {
    "min": "60 s", "h": "3600 s", "hr": "3600 s", "hour": "3600 s", "d": "86400 s", "day": "86400 s", "y": "31557600 s",
    "week": "604800 s", "month": "2629800 s",
    "slug": "14.59390294 kg", "year": "31557600 s", "sec": "1 s", "minute": "60 s",
    "angstrom": "1e-10 m", "in": "0.0254 m",
    "inch": "0.0254 m", "ft": "0.3048 m", "foot": "0.3048 m", "feet": "0.3048 m", "yd": "0.9144 m", "yard": "0.9144 m",
    "mi": "1609.344 m", "mile": "1609.344 m", "mph": "0.44704 m s-1", "lb": "0.45359237 kg", "oz": "0.028349523125 kg",
    "pound": "0.45359237 kg", "ton": "1e3 kg", "tonne": "1e3 kg", "atm": "101325 kg m-1 s-2",
    "Torr": "133.322368 kg m-1 s-2", "torr": "133.322368 kg m-1 s-2", "mmHg": "133.322368 kg m-1 s-2",
    "psi": "6894.757293168 kg m-1 s-2", "erg": "1e-7 kg m2 s-2", "dyn": "1e-5 kg m s-2", "dyne": "1e-5 kg m s-2",
    "lbf": "4.4482216152605 kg m s-2", "hp": "745.69987158227022 kg m2 s-3", "gauss": "1e-4 kg s-2 A-1",
    "amu": "1.6605390666e-27 kg", "u": "1.6605390666e-27 kg", "Da": "1.6605390666e-27 kg", "AU": "149597870700 m",
    "ly": "9460730472580800 m", "rpm": "0.10471975511965977 s-1", "rev": "6.283185307179586", "deg": "DEGREE",
    "degree": "DEGREE", "%": "0.01", "percent": "0.01", "ppm": "1e-6", "ha": "1e4 m2", "acre": "4046.8564224 m2",
    "gal": "3.785411784e-3 m3", "gallon": "3.785411784e-3 m3", "knot": "0.5144444444444445 m s-1",
    "BTU": "1055.05585262 kg m2 s-2", "Btu": "1055.05585262 kg m2 s-2", "degC": "1 K", "Ci": "3.7e10 s-1",
}  # fmt: skip
_WORDS = {
    "meter": "m", "metre": "m", "gram": "g", "second": "s", "ampere": "A", "amp": "A", "kelvin": "K", "mole": "mol",
    "newton": "N", "joule": "J", "watt": "W", "pascal": "Pa", "hertz": "Hz", "coulomb": "C", "volt": "V", "farad": "F",
    "siemens": "S", "tesla": "T", "weber": "Wb", "henry": "H", "liter": "L", "litre": "L", "electronvolt": "eV",
    "calorie": "cal", "radian": "rad", "candela": "cd", "ohm": "ohm", "parsec": "pc", "bar": "bar",
}  # fmt: skip
_SPELLINGS = {
    r"\mathring A": " angstrom ", r"\AA": " angstrom ", "\u00c5": " angstrom ", "\u212b": " angstrom ",
    r"\Omega": " ohm ", "\u03a9": " ohm ", "\u2126": " ohm ", r"\mu ": "u", r"\mu": "u", "\u00b5": "u", "\u03bc": "u",
    r"\%": " % ", "\u2103": " degC ", r"\degree": r"\circ", "°": r"\circ", "²": "^2", "³": "^3", "⁻¹": "^-1",
    "⁻²": "^-2", "KJ": "kJ", "kPA": "kPa",
}  # fmt: skip
"""How others write it, and some that misspell it."""
_WRAPPER = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mathit|operatorname|mbox|rm|bf)\b\s*")
_SPACING = re.compile(r"\\[,;:! ]|\\quad|~|[{}$]|\\(?:left|right)\b")
_DEGREES = re.compile(r"\^?\s*\\circ\s*(C|Celsius|K)?(?![A-Za-z])")
_GLUED = re.compile(r"(?<=J)(?=mol|K)")
_PRODUCT = re.compile(r"\\(?:cdot|times)(?![A-Za-z])|[·*×⋅]|(?<=[A-Za-z])-(?=[A-Za-z])")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_FACTOR = re.compile(r"([A-Za-z%]+)\s*\.?\s*(?:\^\s*\(?\s*([-+−]?\d+)\s*\)?|([-−]\d+|[2-4](?!\d)))?")
_LETTERS = string.ascii_letters
_BEFORE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_BEHIND = {"squared": 2, "cubed": 3}


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit is in SI."""

    factor: float
    dimensions: Dimensions
    offset: float = 0.0
    """Added before the factor is applied: 273.15 of a temperature in degrees Celsius."""

    def to_si(self, value: float) -> float:
        """A value in this unit, in SI's."""
        return (value + self.offset) * self.factor


NO_UNIT = Unit(1.0, ())


def read_unit(text: str) -> Unit | None:
    """The unit that a text is, powers and quotients included; ``NO_UNIT`` of an empty one.

    Returns:
        None where something in it is no unit that is known here.
    """
    plain = _plain(text)
    above, *below = re.split(r"/|\bper\b", plain)
    product = _multiply(above)
    for part in below:
        factor = _multiply(part)
        if factor is None or factor == NO_UNIT or product is None:
            return None
        product = _combine(product, factor, -1)
    if product is not None and plain.strip() == "degC":
        return Unit(1.0, product.dimensions, offset=273.15)
    return product


def _plain(text: str) -> str:
    r"""A unit in plain letters: ``\mathrm{~m}^{2} / \mathrm{s}`` becomes ``m^2 / s``."""
    text = _SPACING.sub(" ", _WRAPPER.sub(" ", _FRACTION.sub(r"\1 / \2", text)))
    text = re.sub(r"(?<=\\mathring) +", " ", " ".join(text.split()))
    for written, plain in _SPELLINGS.items():
        text = text.replace(written, plain)
    text = _GLUED.sub(" ", _DEGREES.sub(_spell_degrees, text))
    text = re.sub(r"\bdegrees?\s+(?:C|Celsius)\b", "degC", text)
    text = re.sub(r"\bdegrees\b", "deg", text)
    text = re.sub(r"\^\s+(?=[-+\d])", "^", re.sub(r"\s+\^", "^", text))
    return " ".join(_PRODUCT.sub(" ", text).split()).strip(" .,;")


def _spell_degrees(match: re.Match[str]) -> str:
    return {"C": " degC ", "Celsius": " degC ", "K": " K "}.get(match[1] or "", " deg ")


def _multiply(text: str) -> Unit | None:
    """A product of units with exponents, in signs or in words (``square meters``, ``seconds squared``)."""
    product, last, power = NO_UNIT, NO_UNIT, 1
    position, text = 0, text.strip(" ()")
    while position < len(text):
        match = _FACTOR.match(text, position)
        if match is None:
            return None
        position = match.end()
        while position < len(text) and text[position] in " ()":
            position += 1
        word = match[1].lower()
        if word in _BEFORE:
            power = _BEFORE[word]
        elif word in _BEHIND:
            product = _combine(product, last, _BEHIND[word] - 1)
        else:
            unit = _named(match[1])
            if unit is None:
                return None
            exponent = int((match[2] or match[3] or "1").replace("−", "-"))
            product, last, power = _combine(product, unit, exponent * power), unit, 1
    return product


def _named(name: str) -> Unit | None:
    """A unit by its symbol or word, with a prefix or without."""
    for form in dict.fromkeys((name, name.removesuffix("s") if len(name) > 2 else name)):
        if form in _ALONE:
            return _defined(_ALONE[form])
        if form in _WITH_PREFIX:
            return _defined(_WITH_PREFIX[form])
        if form[:1] in _PREFIXES and form[1:] in _WITH_PREFIX and len(form) <= 4:
            return _scaled(_defined(_WITH_PREFIX[form[1:]]), _PREFIXES[form[0]])
    return _by_word(name.lower())


def _by_word(word: str) -> Unit | None:
    for form in dict.fromkeys((word, word.removesuffix("s"))):
        if form in _ALONE:
            return _defined(_ALONE[form])
        if form in _WORDS:
            return _defined(_WITH_PREFIX[_WORDS[form]])
        for prefix, symbol in _PREFIX_WORDS.items():
            rest = form.removeprefix(prefix)
            if rest != form and rest in _WORDS:
                return _scaled(_defined(_WITH_PREFIX[_WORDS[rest]]), _PREFIXES[symbol])
    return None


def _defined(definition: str) -> Unit:
    factor, *powers = definition.replace("DEGREE", str(math.pi / 180)).split()
    exponents = {power.rstrip("-0123456789"): int(power.lstrip(_LETTERS) or 1) for power in powers}
    return Unit(float(factor), _dimensions(exponents))


def _scaled(unit: Unit, factor: float) -> Unit:
    return Unit(unit.factor * factor, unit.dimensions)


def _combine(one: Unit, other: Unit, exponent: int) -> Unit:
    exponents = dict(one.dimensions)
    for name, power in other.dimensions:
        exponents[name] = exponents.get(name, 0) + power * exponent
    return Unit(one.factor * other.factor**exponent, _dimensions(exponents))


def _dimensions(exponents: dict[str, int]) -> Dimensions:
    return tuple(sorted((name, power) for name, power in exponents.items() if power))
