"""Brings the manifests of source files up to date with ``params.yaml`` and the disk, before DVC decides what is stale.

Knows which files are named, and what they were when they were seen last. Entries of files that ``params.yaml`` does not
name stay: another profile may. Hashes are remembered by size and time, so that unchanged files cost nothing.

Example::

    for line in pin_sources(load_params(Path("params.yaml"))):
        print(line)         # 'collect runs again: $S1_DATA/math/train.jsonl.gz has changed'
"""

import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from infra.pipeline import read_pipeline
from infra.settings import SOURCE_HASHES, data_folder, home_folder
from s1.artifacts import write_text_atomically
from s1.config import Params
from s1.config.external import external_paths, hub_names
from s1.sources.manifest import DATA_PREFIX, Declared, declare, hash_file, manifest_text, read_manifest
from s1.sources.result import SourceError
from tasks.paths import MANIFESTS_FOLDER

_NUM_SHOWN = 3
_SETTLED_SECONDS = 2.0
"""A file that was written more recently may be written again within its time's grain: its hash is not remembered."""


@dataclass(slots=True)
class Pins:
    """What a stage's manifest becomes."""

    stage: str
    before: dict[str, Declared]
    after: dict[str, Declared]
    missing: list[str] = field(default_factory=list)
    """Named and declared, but not here: they stay declared as they were."""

    @property
    def differ(self) -> bool:
        """Whether the manifest has to be written."""
        return self.before != self.after

    def lines(self) -> list[str]:
        """What changed, to be shown."""
        new = [path for path in self.after if path not in self.before]
        gone = [path for path in self.before if path not in self.after]
        changed = [path for path, entry in self.after.items() if path in self.before and self.before[path] != entry]
        told = [
            f"{self.stage} runs again: {_some(paths)} {what}"
            for paths, what in ((changed, "changed"), (new, "newly declared"), (gone, "no longer declared"))
            if paths
        ]
        if self.missing:
            is_unset = data_folder() is None and any(path.startswith(DATA_PREFIX) for path in self.missing)
            why = "S1_DATA, which names the data folder, is not set" if is_unset else "not on this machine"
            told.append(f"{self.stage}: {why}; declared as before: {_some(self.missing)}")
        return told


def _some(paths: list[str]) -> str:
    rest = f" and {len(paths) - _NUM_SHOWN} more" if len(paths) > _NUM_SHOWN else ""
    return f"{', '.join(paths[:_NUM_SHOWN])}{rest}"


def pin_sources(params: Params) -> list[str]:
    """Rewrite the manifests that differ from the disk and tell what changed, a line each; nothing if all is as it was.

    Raises:
        SourceError: a file that ``params.yaml`` names is not here, and no manifest says what it was.
    """
    lines = []
    for pins in find_pins(params):
        lines += pins.lines()
        write_pins(pins)
    return lines


def find_pins(params: Params, *, keep: Iterable[Params] | None = None) -> list[Pins]:
    """What each stage's manifest has to be; writes nothing.

    Args:
        keep: parameters whose files stay declared beside those of ``params``; None: all that are declared.

    Raises:
        SourceError: see ``pin_sources``.
    """
    folder = data_folder()
    maybe_hub = hub_names(params)
    others = None if keep is None else [external_paths(other) for other in keep]
    with_hash = _Hashes(home_folder(Path.cwd()) / SOURCE_HASHES)
    found = []
    for stage, paths in external_paths(params).items():
        before = read_manifest(manifest_of(stage))
        kept = before if others is None else _only(before, [path for other in others for path in other[stage]])
        pins = Pins(stage, before, {path: entry for path, entry in kept.items() if not _named_by(path, paths)})
        for path in paths:
            if path not in maybe_hub or path.startswith(DATA_PREFIX) or Path(path).is_dir():
                _pin(path, pins, folder=folder, with_hash=with_hash)
        found.append(pins)
    with_hash.save()
    return found


def write_pins(pins: Pins) -> None:
    """Write a stage's manifest, if it changed, or if the stage lacks it, which DVC would refuse."""
    path = manifest_of(pins.stage)
    if pins.differ or (not path.is_file() and any(path in stage.deps for stage in read_pipeline().values())):
        write_text_atomically(path, manifest_text(pins.after.values()))


def manifest_of(stage: str) -> Path:
    """Where a stage's manifest lies."""
    return MANIFESTS_FOLDER / f"{stage}.yaml"


def _pin(path: str, pins: Pins, *, folder: Path | None, with_hash: "_Hashes") -> None:
    declared = _only(pins.before, [path])
    try:
        now = {entry.path: entry for entry in declare(path, data_folder=folder, hash_of=with_hash)}
    except SourceError as error:
        if not declared:
            raise SourceError(f"stage {pins.stage}: {error}") from error
        pins.missing.append(path)
        now = declared
    pins.after.update(now)


def _only(declared: dict[str, Declared], paths: Collection[str]) -> dict[str, Declared]:
    return {path: entry for path, entry in declared.items() if _named_by(path, paths)}


def _named_by(path: str, named: Collection[str]) -> bool:
    """Whether a declared file is one of the named files, or lies in a named folder."""
    return path in named or any(path.startswith(f"{name.rstrip('/')}/") for name in named)


class _Hashes:
    """SHA-256 of files, remembered between runs by place, size and time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[int | str]] = {}
        self._found: dict[str, list[int | str]] = {}
        try:
            self._known = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # a memory, nothing else: without it the files are hashed
            self._known = {}

    def __call__(self, path: Path) -> str:
        """The file's hash.

        Raises:
            OSError: it cannot be read.
        """
        place, state = str(path.absolute()), path.stat()
        known = self._known.get(place, [])
        if known[:2] == [state.st_size, state.st_mtime_ns]:
            return str(known[2])
        sha256 = hash_file(path)
        if time.time() - state.st_mtime > _SETTLED_SECONDS:
            self._found[place] = [state.st_size, state.st_mtime_ns, sha256]
        return sha256

    def save(self) -> None:
        """Remember what was hashed."""
        if self._found:
            write_text_atomically(self._path, json.dumps({**self._known, **self._found}, indent=0))
