"""Files of another run without checking it out: of a folder, a git revision, or a DVC experiment by its name.

A folder is read as it lies. Of a revision ``dvc.lock`` says which outputs belong to it, and DVC's cache (or a remote)
holds them. Knows DVC and git; does not know what the files mean.

Example::

    with tempfile.TemporaryDirectory() as scratch:
        folder = bring_files("wider-budgets", [Path("data/score")], into=Path(scratch))
"""

from collections.abc import Sequence
from pathlib import Path

from infra.pipeline import PIPELINE


class RevisionError(ValueError):
    """A run cannot be found or read; the message says what to do."""


def bring_files(name: str, paths: Sequence[Path], *, into: Path, optional: Sequence[Path] = ()) -> Path:
    """A folder in which ``paths`` of a run lie: the run's own, or ``into`` after copying them from DVC's cache.

    Args:
        name: a folder with a checkout of this project, or a revision that git or DVC knows in this one.
        paths: files and folders, relative to the project's root; of a folder nothing is checked.
        optional: further ones that may be missing.

    Raises:
        RevisionError: neither folder nor revision, or its outputs are not in the cache.
    """
    folder = Path(name)
    if (folder / PIPELINE).is_file():
        return folder
    if folder.is_dir():
        raise RevisionError(f"{name} is a folder without {PIPELINE}; name the root of a checkout of this project")
    _copy_from_revision(name, paths, into, optional=optional)
    return into


def _copy_from_revision(revision: str, paths: Sequence[Path], into: Path, *, optional: Sequence[Path]) -> None:
    from dvc.api import DVCFileSystem  # takes seconds, which comparing folders need not spend
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    try:
        files = DVCFileSystem(rev=revision)
        for path in (*paths, *optional):
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                files.get(path.as_posix(), str(target), recursive=True)
            except FileNotFoundError as error:
                if path in paths:
                    raise RevisionError(
                        f"{revision} has no {path}: its dvc.lock does not name it, or DVC's cache has lost it. "
                        f"`dvc fetch` brings it from a remote; else run that revision again (`dvc exp run --temp`)."
                    ) from error
    except (DvcException, SCMError) as error:
        raise RevisionError(
            f"{revision!r} is neither a folder with {PIPELINE} nor a revision or experiment of this checkout "
            f"({error}). `dvc exp show` and `git log` list what there is."
        ) from error
