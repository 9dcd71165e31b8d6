"""A workspace: a git clone of the checkout with its own parameters, sharing DVC's cache with it.

Runs from the Prefect UI, benches and tests work in workspaces, so that the user's own checkout, committed or not, stays
as it was and runs go side by side. What is uncommitted in the checkout is in the workspace too. Knows git and DVC's
configuration; does not know who works there.

Example::

    create_workspace(Path(".s1/bench/seed-1"), source=Path("."), overrides={"seed": 1}, cache=Path(".dvc/cache"))
"""

import configparser
import contextlib
import filecmp
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from infra.git import GitError, run_git
from infra.locks import Owner, describe_self, hold
from infra.pipeline import DVC_LOCK
from infra.settings import CHAIN_LOCK, STATE_FOLDER, WORKSPACES_FOLDER
from s1.artifacts import write_text_atomically
from s1.config import load_params
from s1.config.editing import change_params, set_dotted

_REMOVED = ".removed-"


class WorkspaceError(ValueError):
    """A workspace cannot be made; the message says why and what to do."""


def create_workspace(folder: Path, *, source: Path, overrides: Mapping[str, object], cache: Path) -> None:
    """Bring ``folder`` to the state of ``source``'s files with some parameters changed; outputs there are kept.

    Args:
        overrides: dotted key of ``params.yaml`` -> value.
        cache: DVC cache folder, shared by workspaces so that equal stages are computed once.

    Raises:
        ValueError: an override names a key that ``params.yaml`` does not have.
        WorkspaceError: ``source`` is no git checkout with a commit.
        s1.config.ParamsError: the changed parameters are not valid.
    """
    text = (source / "params.yaml").read_text(encoding="utf-8")
    before, after = yaml.safe_load(text), yaml.safe_load(text)
    for key, value in overrides.items():
        set_dotted(after, key, value)
    clone_checkout(folder, source=source, params=change_params(text, before, after), cache=cache)


def clone_checkout(folder: Path, *, source: Path, params: str, cache: Path, lock: Path | None = None) -> None:
    """Bring ``folder`` to the state of ``source``'s files, with the text ``params`` as its ``params.yaml``.

    Args:
        lock: a ``dvc.lock`` to start from where the workspace has none of its own yet.

    Raises:
        WorkspaceError: ``source`` is no git checkout with a commit.
        s1.config.ParamsError: the parameters are not valid.
    """
    source = source.resolve()
    commit = _head(source)
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        run_git(folder, "init", "--quiet")
    run_git(folder, "fetch", "--quiet", "--no-tags", str(source), "+HEAD:refs/remotes/origin/checkout")
    run_git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    _overlay(folder, source)
    if lock is not None and lock.is_file() and not (folder / DVC_LOCK).is_file():
        shutil.copyfile(lock, folder / DVC_LOCK)
    write_text_atomically(folder / "params.yaml", params)
    load_params(folder / "params.yaml")
    _configure(folder, source, cache.resolve())


def _head(source: Path) -> str:
    try:
        return run_git(source, "rev-parse", "--verify", "HEAD").strip()
    except GitError as error:
        advice = "Workspaces are clones: commit once here (`git init`, `git add -A`, `git commit`)"
        raise WorkspaceError(f"{error}. {advice}") from error


def _overlay(folder: Path, source: Path) -> None:
    """What is uncommitted: changed, new and removed files; ignored ones and what DVC says of outputs stay away."""
    listed = run_git(source, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = {name for name in listed.split("\0") if name and not name.endswith("/") and os.path.lexists(source / name)}
    names.discard(str(DVC_LOCK))
    modules = [name for name in names if (source / name).is_dir() and not (source / name).is_symlink()]
    if modules:
        raise WorkspaceError(
            f"{source} holds other repositories ({', '.join(sorted(modules))}), which a workspace cannot take along. "
            "Have git ignore them, or install them as packages."
        )
    present = run_git(folder, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in present:  # first: a file may have become a folder
        if name and name not in names and name != str(DVC_LOCK) and not (folder / name).is_dir():
            (folder / name).unlink(missing_ok=True)
            _remove_empty_parents(folder / name, folder)
    for name in names:
        _bring(source / name, folder / name)


def _remove_empty_parents(path: Path, root: Path) -> None:
    with contextlib.suppress(OSError):  # not empty, or gone
        for parent in path.parents:
            if parent == root:
                return
            parent.rmdir()


def _bring(file: Path, target: Path) -> None:
    if file.is_symlink():
        if target.is_symlink() and target.readlink() == file.readlink():
            return
    elif target.is_file() and not target.is_symlink() and filecmp.cmp(file, target, shallow=False):
        shutil.copymode(file, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy(file, target, follow_symlinks=False)


def _configure(folder: Path, source: Path, cache: Path) -> None:
    """DVC's local configuration: the checkout's own, and the shared cache."""
    config = configparser.RawConfigParser()
    local = source / ".dvc/config.local"
    if local.is_file():
        config.read(local, encoding="utf-8")
    for section, key, value in (
        ("core", "analytics", "false"),
        ("core", "site_cache_dir", str((folder / ".dvc/tmp/site").resolve())),  # leaves with the workspace
        ("cache", "dir", str(cache)),
    ):
        if not config.has_section(section):
            config.add_section(section)
        config.set(section, key, value)
    target = folder / ".dvc/config.local"
    target.parent.mkdir(exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        target.chmod(0o600)  # a remote's credentials may stand there
        config.write(file)


def remove_workspace(folder: Path) -> None:
    """Remove a workspace; its lock has to be held, and is let go of with everything else in one step."""
    gone = folder.with_name(f"{_REMOVED}{folder.name}-{os.getpid()}")
    folder.rename(gone)  # who waits for the lock must not begin in a folder that is half removed
    shutil.rmtree(gone, ignore_errors=True)


def has_unfinished_work(folder: Path) -> bool:
    """Whether stages were stopped here whose work the next equal run can go on with."""
    return any(path.is_file() for path in (folder / STATE_FOLDER / "work").rglob("*"))


def remove_abandoned(workspaces: Path = WORKSPACES_FOLDER) -> list[str]:
    """Remove the workspaces of stopped runs in which nobody works, and with them their unfinished stages' work."""
    removed = []
    for folder in sorted(workspaces.glob("*/")):
        if folder.name.startswith(_REMOVED):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with contextlib.suppress(BlockingIOError), hold(folder / CHAIN_LOCK, describe_self("clean"), on_wait=_refuse):
            remove_workspace(folder)
            removed.append(folder.name)
    return removed


def _refuse(_holder: Owner | None) -> None:
    raise BlockingIOError
