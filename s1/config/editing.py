"""Changing values in the text of a params file and leaving everything else as it stands: comments, order, layout.

Knows YAML; does not know what any key means (``load_params`` checks the result).

Example::

    change_params(text, {"train": {"learning_rate": 1e-5}})
    set_dotted(data, "train.learning_rate", 1e-5)
"""

import io
from collections.abc import Mapping, MutableMapping, MutableSequence
from typing import Any


def change_params(text: str, changes: Mapping[str, Any]) -> str:
    """Set values in the text of a params file; without a real change the text comes back as it was.

    Args:
        changes: nested like the file; a mapping changes the keys it names, anything else replaces the value. Keys that
            the file does not have are added, for the reader of the file to refuse.
    """
    from ruamel.yaml import YAML  # only where parameters are changed: every stage imports this package

    yaml = YAML()
    yaml.representer.add_representer(float, _represent_float)
    yaml.width = 10_000
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)  # as the profiles are written
    data = yaml.load(text)
    if not _change(data, changes):
        return text
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _represent_float(representer: Any, value: float) -> Any:
    """``1.0e-05`` rather than ``1e-05``, which most YAML readers take for a text."""
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return representer.represent_scalar("tag:yaml.org,2002:float", text)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What ``change_params`` needs to get from one set of parameters to another: nested, changed keys only."""
    changes: dict[str, Any] = {}
    for key, value in after.items():
        present = before.get(key)
        if isinstance(value, Mapping) and isinstance(present, Mapping):
            nested = differences(present, value)
            if nested:
                changes[key] = nested
        elif key not in before or not _equal(present, value):
            changes[key] = value
    return changes


def _change(node: Any, changes: Mapping[str, Any]) -> bool:
    changed = False
    for key, value in changes.items():
        present = node.get(key)
        if isinstance(value, Mapping) and isinstance(present, MutableMapping):
            changed |= _change(present, value)
        elif key not in node or not _equal(present, value):
            node[key] = value
            changed = True
    return changed


def _equal(first: Any, second: Any) -> bool:
    """Equal and of one kind: 1 and 1.0 are, 1 and true are not."""
    if isinstance(first, MutableSequence) and isinstance(second, MutableSequence):
        return len(first) == len(second) and all(_equal(*pair) for pair in zip(first, second, strict=True))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def set_dotted(data: Any, key: str, value: object) -> None:
    """Set one value of loaded parameters by its dotted key; list items by their number (``collect.sources.0.num``).

    Raises:
        ValueError: there is no such key.
    """
    *path, last = key.split(".")
    node: Any = data
    for part in path:
        node = node[int(part)] if isinstance(node, list) else node.get(part)
        if node is None:
            raise ValueError(f"params.yaml has no {part!r} on the way to {key!r}; check the override's spelling")
    if isinstance(node, list):
        node[int(last)] = value
    elif last in node:
        node[last] = value
    else:
        raise ValueError(f"params.yaml has no key {key!r}; check the override's spelling")
