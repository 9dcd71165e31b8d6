"""Reading ``params.yaml``: whatever is wrong with it is told with file, line and key."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from s1.config.params import Params

_NAMED_KEY = re.compile(r"Value error, (\w+(?:\.\w+)+)")
"""What a check across sections begins with: the key to look at."""


class ParamsError(ValueError):
    """``params.yaml`` cannot be used; the message names file, line and key and says what is allowed."""


def load_params(path: Path) -> Params:
    """Read and check a params file.

    Raises:
        ParamsError: no such file, not YAML, or a wrong key or value (names line and key).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ParamsError(f"{path} is missing. `make profile NAME=nano` writes the default one.") from error
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise ParamsError(
            f"{path} is no text in UTF-8 ({error}). `make profile NAME=nano` writes a good one."
        ) from error
    if not text.strip():
        raise ParamsError(f"{path} is empty. `make profile NAME=nano` writes the default one.")
    try:
        tree = yaml.compose(text)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where is not None else ""
        raise ParamsError(f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)})") from error
    try:
        return Params.model_validate(data)
    except ValidationError as error:
        raise ParamsError(_explain(path, tree, error)) from error


def _explain(path: Path, tree: Any, error: ValidationError) -> str:
    lines = []
    for issue in error.errors():
        key = _without_union_tags(issue["loc"])
        is_long = isinstance(issue["input"], (dict, list)) or issue["type"] in ("missing", "extra_forbidden")
        allowed = "" if is_long else f" (got {issue['input']!r})"
        message = {
            "extra_forbidden": "unknown key; remove it or correct its spelling",
            "missing": "this key is missing; add it (profiles/nano.yaml shows every key)",
        }.get(issue["type"], issue["msg"].removeprefix("Value error, "))
        named = None if key else _NAMED_KEY.match(issue["msg"])
        if named is not None:
            lines.append(f"{path}, line {_line_of(tree, [*named[1].split('.')])}: {message}")
            continue
        where = ".".join(str(part) for part in key) or "(whole file)"
        lines.append(f"{path}, line {_line_of(tree, key)}, {where}: {message}{allowed}")
    return "\n".join(lines)


def _without_union_tags(location: tuple[int | str, ...]) -> list[int | str]:
    """Drop the names of union members that pydantic puts between a key and the keys below it."""
    tags = {
        *("nano", "hub", "path", "tokenizer", "procedural", "jsonl", "files", "pool", "benchmark", "hashes"),
        *("solver", "replay", "local", "vllm", "recorded", "openai", "ngram", "distinctive"),
    }
    *above, last = location or ("",)
    return [part for part in above if part not in tags] + ([last] if location else [])


def _line_of(tree: Any, key: list[int | str]) -> int:
    """Line of the deepest part of ``key`` that the file holds, counted from 1."""
    node = tree
    line = node.start_mark.line + 1 if node is not None else 1
    for part in key:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == str(part):
                    line, node = name.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
