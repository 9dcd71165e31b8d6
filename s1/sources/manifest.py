"""Files from outside the project that a stage reads: declared with their hash, and opened only if they still have it.

A manifest (``manifests/<stage>.yaml``) is an input of its stage, so DVC sees a changed source whatever folder it lies
in. Knows manifests and hashes; which files ``params.yaml`` names is ``s1.config.external``, writing the manifests
``flows.sources``.

Example::

    files = SourceFiles(Path("/data"), read_manifest(Path("manifests/collect.yaml")))
    files.path("$S1_DATA/math/train.jsonl.gz")      # Path('/data/math/train.jsonl.gz')
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from s1.records import Record
from s1.sources.result import SourceError

DATA_PREFIX = "$S1_DATA/"
"""What a path in ``params.yaml`` begins with that starts in the user's data folder."""

_HEAD = """\
# Files from outside the project that this stage reads, as they were when `make sources` (or `make demo`) saw them last.
# DVC runs the stage again when this changes; the stage refuses a file that differs. Do not edit: run `make sources`.
"""
_REMEDY = (
    "`make sources` (python -m flows.sources) takes the files as they are now; `dvc repro` then runs what is stale"
)


class Declared(Record):
    """One file as it was when it was declared."""

    path: str
    """As ``params.yaml`` names it; in a folder that it names, with the file's place in there behind it."""
    sha256: str
    num_bytes: int


def read_manifest(path: Path) -> dict[str, Declared]:
    """The declared files by path; none where there is no manifest.

    Raises:
        SourceError: the manifest is damaged.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        return {entry.path: entry for entry in TypeAdapter(list[Declared]).validate_python(entries)}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        said = str(error).split("\n")[0]
        raise SourceError(f"{path} is no manifest of source files ({said}). Remove it; {_REMEDY}.") from error


def manifest_text(entries: Iterable[Declared]) -> str:
    """A manifest with these files, sorted by path."""
    rows = [entry.model_dump() for entry in sorted(entries, key=lambda entry: entry.path)]
    return _HEAD + str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=1000))


def resolve(path: str, *, data_folder: Path | None) -> Path:
    """Where a path of ``params.yaml`` leads.

    Raises:
        SourceError: it starts in the data folder, and none is named.
    """
    if not path.startswith(DATA_PREFIX):
        return Path(path)
    if data_folder is None:
        raise SourceError(
            f"{path} starts in the data folder, but the environment variable S1_DATA, which names it, is not set. "
            "Run `export S1_DATA=<folder>`, then start anew (docs/data.md)."
        )
    return data_folder / path.removeprefix(DATA_PREFIX)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def declare(path: str, *, data_folder: Path | None, hash_of: Callable[[Path], str] = hash_file) -> list[Declared]:
    """A file as it is now; of a folder, all its files.

    Args:
        hash_of: SHA-256 of a file, such as a remembered one.

    Raises:
        SourceError: there is no such file or folder.
    """
    place = resolve(path, data_folder=data_folder)
    try:
        return [
            Declared(path=name, sha256=hash_of(file), num_bytes=file.stat().st_size)
            for name, file in files_of(path, place).items()
        ]
    except OSError as error:
        raise SourceError(explain_missing(path, place, error)) from error


def files_of(path: str, place: Path) -> dict[str, Path]:
    """Where the file lies that a path names, or each file of the folder, by the name under which it is declared."""
    if not place.is_dir():
        return {path: place}
    files = sorted(file for file in place.rglob("*") if file.is_file())
    return {f"{path.rstrip('/')}/{file.relative_to(place).as_posix()}": file for file in files}


def explain_missing(path: str, place: Path, error: OSError) -> str:
    """What is told of a source file that cannot be opened."""
    return (
        f"{_shown(path, place)} cannot be read ({error.strerror or error}). Correct the path in params.yaml, or put "
        f"the file there (paths that begin with {DATA_PREFIX} start in the folder that the variable S1_DATA names, "
        "others at the project's root; runs from the UI work in a clone without the files that git ignores: give those "
        "an absolute path)."
    )


def _shown(path: str, place: Path) -> str:
    return path if path == str(place) else f"{path} ({place})"


class SourceFiles:
    """Opens a stage's external files, each only if it is as declared.

    A file is hashed once per process.
    """

    def __init__(self, data_folder: Path | None, declared: Mapping[str, Declared], *, manifest: str = "") -> None:
        self._data_folder = data_folder
        self._declared = declared
        self._manifest = manifest or "the stage's manifest"
        self._verified: set[str] = set()

    def path(self, name: str) -> Path:
        """Where a file or folder that ``params.yaml`` names lies on this machine.

        Raises:
            SourceError: it is missing, or not declared, or not as it was when it was declared; of a folder, any of its
                files.
        """
        place = resolve(name, data_folder=self._data_folder)
        files = files_of(name, place)
        below = f"{name.rstrip('/')}/"
        gone = [path for path in self._declared if path.startswith(below) and path not in files]
        if place.is_dir() and gone:
            raise SourceError(f"{gone[0]} is gone, though {self._manifest} declares it. {_REMEDY}.")
        for path, file in files.items():
            if path not in self._verified:
                self._verify(path, file)
                self._verified.add(path)
        return place

    def _verify(self, path: str, file: Path) -> None:
        declared = self._declared.get(path)
        try:
            num_bytes = file.stat().st_size
            if declared is None:
                raise SourceError(
                    f"{path} is not declared in {self._manifest}, so DVC cannot see it change. {_REMEDY}."
                )
            if num_bytes != declared.num_bytes or hash_file(file) != declared.sha256:
                raise SourceError(
                    f"{_shown(path, file)} is not the file that {self._manifest} declares: it has {num_bytes:,} bytes; "
                    f"declared are {declared.num_bytes:,} with SHA-256 {declared.sha256[:12]}. If the change is "
                    f"wanted: {_REMEDY}. If not: bring the old file back."
                )
        except OSError as error:
            raise SourceError(explain_missing(path, file, error)) from error
