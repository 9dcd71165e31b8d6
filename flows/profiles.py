"""Switches profiles: ``python -m flows.profiles <name>`` makes ``profiles/<name>.yaml`` the project's ``params.yaml``.

Knows files only. A ``params.yaml`` that somebody has edited is kept beside the new one, never lost.

Example::

    python -m flows.profiles nano
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from infra.failures import EXIT_USAGE
from s1.artifacts import write_text_atomically
from s1.config import ParamsError, load_params

PARAMS = Path("params.yaml")
PROFILES = Path("profiles")


def switch_profile(name: str, *, params: Path = PARAMS, profiles: Path = PROFILES) -> Path | None:
    """Copy a profile over the parameters; return where edited parameters were kept, if there were any.

    Raises:
        ParamsError: there is no such profile, or it cannot be used.
    """
    known = sorted(path.stem for path in profiles.glob("*.yaml"))
    if name not in known:
        raise ParamsError(f"there is no profile {name!r}; profiles: {', '.join(known)}")
    source = profiles / f"{name}.yaml"
    load_params(source)
    text = source.read_text(encoding="utf-8")
    kept = None
    if params.exists() and not _is_profile(params, profiles):
        kept = params.with_name(f"{params.name}.{datetime.now():%Y%m%d-%H%M%S}.bak")
        write_text_atomically(kept, params.read_text(encoding="utf-8"))
    write_text_atomically(params, text)
    return kept


def _is_profile(params: Path, profiles: Path) -> bool:
    text = params.read_text(encoding="utf-8")
    return any(path.read_text(encoding="utf-8") == text for path in profiles.glob("*.yaml"))


def main(argv: Sequence[str]) -> int:
    """Switch and say so; return the exit code."""
    if len(argv) != 1:
        known = ", ".join(sorted(path.stem for path in PROFILES.glob("*.yaml")))
        print(f"usage: make profile NAME=<name>   (profiles: {known})", file=sys.stderr)
        return EXIT_USAGE
    try:
        kept = switch_profile(argv[0])
    except ParamsError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    if kept is not None:
        print(f"params.yaml had edits of its own; they are kept in {kept}")
    print(f"params.yaml is now profiles/{argv[0]}.yaml")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
