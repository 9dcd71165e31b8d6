"""Which version of a file or folder it is, by the md5 that DVC gives it, and the data sets that a stage read.

Knows ``dvc.lock``, DVC's cache and how DVC hashes; does not import MLflow, and DVC (whose import takes longer than most
stages) only to look into its cache. ``dvc.lock`` says nothing of a stage that is still running, so without a lock to
trust the bytes are hashed.

Example::

    versions = Versions.read()                                      # now, after `dvc repro` of the stage has ended
    versions.of_dep("train", Path("data/tokenize/examples.parquet"))    # '54917871d7af3b8f91df4560795c7585'
"""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from infra.pipeline import DVC_LOCK, StageEntry

TUNED = Path("models/train/tuned")
"""The model that ``train`` makes."""
RUN_IDENTITY = Path("data/generate/run.json")
"""What the generations were made with (``s1.comparing.identity``), so that runs can be told apart."""
MAX_BYTES_HASHED = 4 << 30
"""Bigger ones (weights of 32B models) have no version until DVC has hashed them: reading them takes minutes."""
_BENCHMARKS = Path("data/collect/benchmarks.jsonl")
_DATA_FOLDERS = ("data", "models")


@dataclass(frozen=True, slots=True)
class DataSet:
    """A file or folder that a stage read, in one version."""

    name: str
    """Its path in the project."""
    digest: str
    """DVC's md5; a folder's ends with ``.dir``."""
    context: str
    """``training``, ``evaluation`` or ``input``."""
    num_rows: int | None

    @property
    def uri(self) -> str:
        """The address that leads to DVC."""
        return dvc_uri(Path(self.name), self.digest)


def dvc_uri(path: Path, digest: str) -> str:
    """``dvc://<path>?md5=<md5>``."""
    return f"dvc://{path.as_posix()}?md5={digest}"


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions that ``dvc.lock`` had at one moment."""

    lock: bytes
    project: Path = Path()

    @classmethod
    def read(cls, project: Path = Path()) -> Self:
        """Take the lock as it is now: DVC writes it in place, so the time to read it is when no stage runs."""
        try:
            return cls((project / DVC_LOCK).read_bytes(), project)
        except FileNotFoundError:
            return cls(b"", project)

    def of_dep(self, stage: str, path: Path) -> str | None:
        """The version of an input that the stage's last good run read; None when the lock does not say."""
        return self._find(stage, "deps", path)

    def of_out(self, stage: str, path: Path) -> str | None:
        """The version of an output, or of a file or folder inside one; None when neither lock nor cache says."""
        own = self._find(stage, "outs", path)
        if own is not None:
            return own
        for parent in path.parents:
            listing = self._find(stage, "outs", parent)
            if listing is not None:
                return _find_in_listing(self._read_listing(listing), path.relative_to(parent).as_posix())
        return None

    def _find(self, stage: str, kind: str, path: Path) -> str | None:
        found: str | None = None
        for item in _parse(self.lock).get("stages", {}).get(stage, {}).get(kind, []):
            if item.get("path") == path.as_posix():
                found = item.get("md5")
        return found

    def _read_listing(self, digest: str) -> list[dict[str, str]]:
        path = cache_folder(self.project) / "files" / "md5" / digest[:2] / digest[2:]
        try:
            listing: list[dict[str, str]] = json.loads(path.read_bytes())
        except (OSError, json.JSONDecodeError):  # a file's md5, or the cache was moved or emptied
            return []
        return listing


@functools.lru_cache(maxsize=2)
def _parse(lock: bytes) -> dict[str, Any]:
    try:  # the C loader needs 15 ms for the nano lock, the Python one 200
        content = yaml.load(lock, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:  # cut short by a kill
        return {}
    return content if isinstance(content, dict) else {}


def _find_in_listing(listing: list[dict[str, str]], name: str) -> str | None:
    for item in listing:
        if item["relpath"] == name:
            return item["md5"]
    prefix = f"{name}/"
    inside = [
        {"md5": item["md5"], "relpath": item["relpath"].removeprefix(prefix)}
        for item in listing
        if item["relpath"].startswith(prefix)
    ]
    return _hash_listing(inside) if inside else None


def _hash_listing(listing: list[dict[str, str]]) -> str:
    """DVC's digest of a folder: of the sorted list of its files (``dvc_data.hashfile.tree``)."""
    text = json.dumps(sorted(listing, key=lambda item: item["relpath"]), sort_keys=True)
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.dir"


def cache_folder(project: Path = Path()) -> Path:
    """DVC's cache of the project, wherever its configuration (also the user's and the machine's) puts it.

    Raises:
        dvc.config.ConfigError: DVC refuses its configuration.
    """
    from dvc.config import Config  # only where the cache is looked into: by then something else has imported DVC

    configured = Config(str(project / ".dvc")).get("cache", {}).get("dir")
    return Path(configured) if configured else project / ".dvc/cache"


def hash_path(path: Path, *, max_bytes: int = MAX_BYTES_HASHED) -> str | None:
    """The version of what lies there, by its bytes as DVC hashes them; None when missing or bigger than allowed."""
    if path.is_file():
        return _hash_file(path) if path.stat().st_size <= max_bytes else None
    files = [item for item in path.rglob("*") if item.is_file() and not item.relative_to(path).match("*.pyc")]
    if not files or sum(item.stat().st_size for item in files) > max_bytes:
        return None
    return _hash_listing([{"md5": _hash_file(item), "relpath": item.relative_to(path).as_posix()} for item in files])


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def data_sets(stage: StageEntry, version_of: Callable[[Path], str | None]) -> list[DataSet]:
    """The data sets among a stage's inputs; those without a known version are left out."""
    found = []
    for path in stage.deps:
        if path.parts[0] in _DATA_FOLDERS and (digest := version_of(path)) is not None:
            found.append(DataSet(path.as_posix(), digest, _context(stage.name, path), _count_rows(path)))
    return found


def _context(stage: str, path: Path) -> str:
    if stage == "train" and path.parts[0] == "data":
        return "training"
    return "evaluation" if stage in ("generate", "score") and path == _BENCHMARKS else "input"


def _count_rows(path: Path) -> int | None:
    """Rows of a file as its artifact's manifest has them, or a Parquet file's own footer; None where neither says."""
    if path.suffix == ".parquet" and path.is_file():
        import pyarrow.parquet

        return int(pyarrow.parquet.read_metadata(path).num_rows)
    try:
        manifest = json.loads((path.parent / "manifest.json").read_bytes())
        count = manifest["files"][path.name].get("records")
    except (OSError, json.JSONDecodeError, KeyError):
        return None
    return int(count) if count is not None else None
