"""Typed access to the figures that stages wrote: optional where they are missing, refused where they are wrong.

A missing figure or ``null`` means not measured; a value of another type is refused with its key, because showing it
would show a wrong number. Knows no stage.

Example::

    number({"accuracy": 0.41}, "accuracy")      # 0.41
    number({"accuracy": "high"}, "accuracy")    # ValueError: the figure 'accuracy' is 'high', not a number …
"""

from collections.abc import Mapping

from pydantic import JsonValue

Figures = Mapping[str, JsonValue]


def group(figures: Figures | None, key: str) -> Figures:
    """A nested object; empty when it is missing.

    Raises:
        ValueError: something else stands there (names the key).
    """
    value = (figures or {}).get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"the figure {key!r} is {value!r}, not an object of figures; run its stage again")
    return value


def number(figures: Figures, key: str) -> float | None:
    """A number; None when it is missing.

    Raises:
        ValueError: something else stands there (names the key).
    """
    value = figures.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"the figure {key!r} is {value!r}, not a number; run its stage again")
    return float(value)


def whole(figures: Figures, key: str) -> int | None:
    """A count; None when it is missing.

    Raises:
        ValueError: something else stands there, or a fraction (names the key).
    """
    value = number(figures, key)
    if value is not None and value != int(value):
        raise ValueError(f"the count {key!r} is {value!r}, not a whole number; run its stage again")
    return None if value is None else int(value)


def text(figures: Figures, key: str) -> str:
    """A text that must be there.

    Raises:
        ValueError: it is missing, or something else stands there (names the key).
    """
    found = optional_text(figures, key)
    if found is None:
        raise ValueError(f"the figure {key!r} is missing, a text is needed; run its stage again")
    return found


def optional_text(figures: Figures, key: str) -> str | None:
    """A text; None when it is missing.

    Raises:
        ValueError: something else stands there (names the key).
    """
    value = figures.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the figure {key!r} is {value!r}, not a text; run its stage again")
    return value
