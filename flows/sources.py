"""Declares the source files that ``params.yaml`` names: ``python -m flows.sources``, what ``make sources`` runs.

``make demo`` and runs from the UI do the same at their start; this is for ``dvc repro`` and for looking. Knows the
command's options; the work is ``flows.pinning``'s.

Example::

    python -m flows.sources                 # hash the files, rewrite the manifests, say what runs again
    python -m flows.sources --check         # only say it; exit code 1 if there is something to rewrite
    python -m flows.sources --adapters      # the formats that sources of kind files can have
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.missing import explain_missing

try:
    from flows.pinning import find_pins, write_pins
    from flows.profiles import PARAMS, PROFILES
    from infra.failures import explain, log_traceback
    from infra.settings import quiet_environment
    from s1.config import Params, load_params
except ModuleNotFoundError as missing:
    sys.exit(explain_missing(missing))

EXIT_DIFFERS = 1


def main(argv: Sequence[str]) -> int:
    """Do what the options say and return the process's exit code; errors are explained on the error stream."""
    arguments = _parse(argv)
    os.environ.update(quiet_environment())
    try:
        if arguments.adapters:
            return _list_adapters()
        if arguments.pool:
            return _list_pool()
        return _pin(arguments.params, check=arguments.check, prune=arguments.prune)
    except Exception as error:
        failure = explain(error)
        log = log_traceback(error, "sources")
        print(failure.message, file=sys.stderr)
        if not failure.expected and log is not None:
            print(f"The traceback is in {log}.", file=sys.stderr)
        return failure.exit_code


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.sources", description="Declare source files by their hash.")
    parser.add_argument("--params", type=Path, default=PARAMS, help="whose files (default: params.yaml)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="change nothing; exit code 1 if a manifest is out of date")
    what.add_argument("--prune", action="store_true", help="drop files that neither params.yaml nor a profile names")
    what.add_argument("--adapters", action="store_true", help="list the formats of sources of kind files")
    what.add_argument("--pool", action="store_true", help="list the paper's 16 sources and where they lie on the hub")
    return parser.parse_args(argv)


def _pin(path: Path, *, check: bool, prune: bool) -> int:
    keep = _profiles() if prune else None
    all_pins = find_pins(load_params(path), keep=keep)
    lines = [line for pins in all_pins for line in pins.lines()]
    for pins in all_pins:
        if not check:
            write_pins(pins)
    num_declared = sum(len(pins.after) for pins in all_pins)
    num_bytes = sum(entry.num_bytes for pins in all_pins for entry in pins.after.values())
    print("\n".join([*lines, f"{num_declared} source files declared, {num_bytes / 1e6:,.1f} MB."]))
    return EXIT_DIFFERS if check and any(pins.differ for pins in all_pins) else 0


def _profiles() -> list[Params]:
    return [load_params(path) for path in sorted(PROFILES.glob("*.yaml"))]


def _list_adapters() -> int:
    from s1.sources.adapters import ADAPTERS

    width = max(map(len, ADAPTERS))
    print("\n".join(f"{name:<{width}}  {adapter.about}" for name, adapter in sorted(ADAPTERS.items())))
    return 0


def _list_pool() -> int:
    from s1.sources.pool import POOL

    for name, entry in POOL.items():
        places = list(dict.fromkeys(part.repo for part in entry.parts))
        print(f"{name:<{max(map(len, POOL))}}  {', '.join(places)}: {entry.rule}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
