"""Changing values in the text of a params file and leaving everything else as it stands: comments, order, layout.

Knows YAML; does not know what any key means (``load_params`` checks the result).

Example::

    change_params(text, before, {**before, "seed": 1})
    set_dotted(data, "train.learning_rate", 1e-5)
"""

import io
from collections.abc import Mapping, MutableMapping, MutableSequence
from typing import Any


def change_params(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Bring the text of a params file from some values to others; without a change it comes back as it was.

    Args:
        before: what the text says, nested as in the file; keys that the text leaves to their defaults may be there.
        after: what it is to say. A mapping that both have is changed key by key, anything else replaced whole; keys
            that only ``before`` has go.
    """
    from ruamel.yaml import YAML  # only where parameters are changed: every stage imports this package

    yaml = YAML()
    yaml.representer.add_representer(float, _represent_float)
    yaml.representer.add_representer(type(None), _represent_null)
    yaml.width = 10_000
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)  # as the profiles are written
    data = yaml.load(text)
    if not _change(data, before, after):
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


def _represent_null(representer: Any, _: None) -> Any:
    """``null`` as the profiles write it; alone, the writer leaves an empty place."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _change(node: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    gone = [key for key in before if key not in after and key in node]
    for key in gone:
        del node[key]
    changed = bool(gone)
    for key, value in after.items():
        old = before.get(key)
        if key in before and _equal(old, value):
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping) and isinstance(node.get(key), MutableMapping):
            changed |= _change(node[key], old, value)
        else:
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
