"""A workspace: a git clone of the checkout with its own parameters, sharing DVC's cache with it.

Runs from the Prefect UI, benches and tests work in workspaces, so that the user's own checkout, committed or not, stays
as it was and runs go side by side. What is uncommitted in the checkout is in the workspace too. Knows git and DVC's
configuration; does not know who works there.

Example::

    create_workspace(Path(".s1/bench/seed-1"), source=Path("."), overrides={"seed": 1}, cache=Path(".dvc/cache"))
"""

import configparser
import filecmp
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from infra.locks import is_held
from infra.settings import CHAIN_LOCK, WORKSPACES_FOLDER
from s1.artifacts import write_text_atomically
from s1.config import load_params
from s1.config.editing import change_params, set_dotted

_DVC_LOCK = "dvc.lock"


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
    params = yaml.safe_load(text)
    for key, value in overrides.items():
        set_dotted(params, key, value)
    clone_checkout(folder, source=source, params=change_params(text, params), cache=cache)


def clone_checkout(folder: Path, *, source: Path, params: str, cache: Path, lock: Path | None = None) -> None:
    """Bring ``folder`` to the state of ``source``'s files, with the text ``params`` as its ``params.yaml``.

    Args:
        lock: a ``dvc.lock`` to start from where the workspace has none of its own yet.

    Raises:
        WorkspaceError: ``source`` is no git checkout with a commit.
        s1.config.ParamsError: the parameters are not valid.
    """
    source = source.resolve()
    commit = _git(source, "rev-parse", "--verify", "HEAD").strip()
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet")
    _git(folder, "fetch", "--quiet", "--no-tags", str(source), "+HEAD:refs/remotes/origin/checkout")
    _git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    _overlay(folder, source)
    if lock is not None and lock.is_file() and not (folder / _DVC_LOCK).is_file():
        shutil.copyfile(lock, folder / _DVC_LOCK)
    write_text_atomically(folder / "params.yaml", params)
    load_params(folder / "params.yaml")
    _configure(folder, source, cache.resolve())


def _overlay(folder: Path, source: Path) -> None:
    """What is uncommitted: changed, new and removed files; ignored ones and what DVC says of outputs stay away."""
    listed = _git(source, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = {name for name in listed.split("\0") if name and os.path.lexists(source / name)}
    names.discard(_DVC_LOCK)
    for name in names:
        _bring(source / name, folder / name)
    present = _git(folder, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in present:
        if name and name not in names and name != _DVC_LOCK:
            (folder / name).unlink(missing_ok=True)


def _bring(file: Path, target: Path) -> None:
    if file.is_dir() and not file.is_symlink():  # another repository inside the checkout
        return
    if file.is_symlink():
        if not (target.is_symlink() and target.readlink() == file.readlink()):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(file.readlink())
    elif target.is_symlink() or not target.is_file() or not filecmp.cmp(file, target, shallow=False):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy(file, target)


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


def remove_abandoned(workspaces: Path = WORKSPACES_FOLDER) -> list[str]:
    """Remove the workspaces of stopped runs in which nobody works, and with them their unfinished stages' work."""
    removed = []
    for folder in sorted(workspaces.glob("*/")):
        if not is_held(folder / CHAIN_LOCK):
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed


def find_cache(checkout: Path) -> Path:
    """DVC's cache folder of a checkout, wherever its configuration puts it."""
    from dvc.config import Config

    configured = Config(str(checkout / ".dvc")).get("cache", {}).get("dir")
    return Path(configured) if configured else checkout / ".dvc/cache"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    if "rev-parse" in arguments:
        reason += ". Workspaces are clones: commit once here (`git init`, `git add -A`, `git commit`)"
    raise WorkspaceError(f"git {arguments[0]} failed in {folder}: {reason}")
