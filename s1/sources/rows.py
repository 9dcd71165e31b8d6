"""Fields of rows as text, and why a row is no question.

Knows JSON values; does not know which files or formats there are.

Example::

    required_text({"answer": 43.0}, ("target", "answer"))       # '43'
"""

from collections.abc import Mapping

from pydantic import JsonValue

Row = Mapping[str, JsonValue]

_LARGEST_WHOLE = 1e15
"""Floats below it hold every whole number exactly."""


class BadRowError(Exception):
    """One row is no question; becomes a ``Refusal``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def field_names(names: tuple[str, ...]) -> str:
    """The names of a field, for messages."""
    return " or ".join(map(repr, names))


def required_text(row: Row, names: tuple[str, ...]) -> str:
    """The first of the fields that the row has, as text.

    Raises:
        BadRowError: ``missing_field`` or ``wrong_type``.
    """
    for name in names:
        if name in row:
            return as_text(row[name], name)
    raise BadRowError("missing_field", f"no field {field_names(names)}; the row has {sorted(row)[:12]}")


def optional_text(row: Row, names: tuple[str, ...]) -> str:
    """The first of the fields that the row has, as text; empty where it has none.

    Raises:
        BadRowError: ``wrong_type``.
    """
    for name in names:
        if name in row:
            return as_text(row[name], name)
    return ""


def as_text(value: JsonValue, name: str) -> str:
    """A value as text: whole numbers without a decimal point, null as empty.

    Raises:
        BadRowError: ``wrong_type``: it is a list, an object or a truth value.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRowError("wrong_type", f"field {name!r} is a {type(value).__name__}, not text or a number")
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE
    return str(int(value) if whole else value)


def text_list(row: Row, name: str) -> list[str]:
    """A field that is a list of texts or numbers; empty where it is missing or null.

    Raises:
        BadRowError: ``wrong_type``.
    """
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRowError("wrong_type", f"field {name!r} is a {type(value).__name__}, not a list")
    return [as_text(entry, name) for entry in value]
