"""A workspace: a copy of the project with its own parameters, sharing DVC's cache with the checkout it comes from.

Benches and tests run whole chains in workspaces, so that the user's own checkout, committed or not, stays as it was.

Example::

    create_workspace(Path(".s1/bench/seed-1"), source=Path("."), overrides={"seed": 1}, cache=Path(".dvc/cache"))
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from s1.artifacts import write_text_atomically
from s1.config import load_params


def create_workspace(folder: Path, *, source: Path, overrides: Mapping[str, object], cache: Path) -> None:
    """Bring ``folder`` to the state of ``source``'s files with some parameters changed; outputs there are kept.

    Args:
        overrides: dotted key of ``params.yaml`` -> value.
        cache: DVC cache folder, shared by workspaces so that equal stages are computed once.

    Raises:
        ValueError: an override names a key that ``params.yaml`` does not have.
        s1.config.ParamsError: the changed parameters are not valid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _project_files(source):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    params = yaml.safe_load((source / "params.yaml").read_text(encoding="utf-8"))
    for key, value in overrides.items():
        _set(params, key, value)
    write_text_atomically(folder / "params.yaml", yaml.safe_dump(params, sort_keys=False))
    load_params(folder / "params.yaml")
    config = f"[core]\n    no_scm = true\n    analytics = false\n[cache]\n    dir = {cache.resolve()}\n"
    write_text_atomically(folder / ".dvc/config.local", config)


def _project_files(source: Path) -> list[str]:
    """Tracked and untracked files of a checkout, without the ignored ones and DVC's lock."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=source,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [name for name in listing.split("\0") if name and name != "dvc.lock" and (source / name).is_file()]


def _set(params: dict[str, Any], key: str, value: object) -> None:
    *path, last = key.split(".")
    node: Any = params
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
