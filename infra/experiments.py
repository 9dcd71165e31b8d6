"""DVC experiments of finished runs: saved where the run worked, and brought back to the user's checkout.

Knows what a DVC experiment is in git: a commit on top of the checkout's, under ``refs/exps/<baseline>/<name>``, with
the run's ``params.yaml``, ``dvc.lock`` and whatever tracked files differed. ``dvc exp save`` makes the same, but it
refuses a run of some of the stages (the others' outputs do not exist). The outputs are in the shared DVC cache already:
only this small commit travels. In the checkout ``dvc exp show`` lists it, ``dvc exp apply`` brings its results.

Example::

    save_experiment(workspace, home=Path("."), name="abstract-hawk", suffix="3f2a", stages=["base", "collect"])
"""

import os
import re
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from s1.artifacts import write_text_atomically

LOCK = "dvc.lock"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class ExperimentError(ValueError):
    """The experiment could not be saved or brought back; the message says why. The results are in DVC's cache."""


def save_experiment(workspace: Path, *, home: Path, name: str, suffix: str, stages: Collection[str]) -> str:
    """Save what a workspace holds as an experiment and bring it to the checkout; returns its name there.

    Args:
        home: the user's checkout.
        name: wanted name; what git does not allow in a ref becomes ``-``.
        suffix: appended when the checkout has an experiment of that name already, which is never overwritten.
        stages: those that the run brought up to date; what ``dvc.lock`` says of others is from before and left out.

    Raises:
        ExperimentError: git refused.
    """
    fit = re.sub(r"\.{2,}|\.lock$", "-", _UNFIT.sub("-", name)).strip("-.") or "run"
    taken = _git(home, "for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    if any(ref.rsplit("/", 1)[-1] == fit for ref in taken):
        fit = f"{fit}-{suffix}"
    keep_stages(workspace / LOCK, stages)
    baseline = _git(workspace, "rev-parse", "HEAD").strip()
    _git(workspace, "add", "--update")
    _git(workspace, "add", "--force", LOCK, "params.yaml")
    tree = _git(workspace, "write-tree").strip()
    message = f"dvc: commit experiment {tree}"
    commit = _git(workspace, "commit-tree", tree, "-p", baseline, "-m", message, env=_with_identity(workspace)).strip()
    ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/{fit}"
    _git(workspace, "update-ref", ref, commit)
    _git(home, "fetch", "--quiet", "--no-tags", str(workspace.resolve()), f"{ref}:{ref}")
    return fit


def keep_stages(lock: Path, stages: Collection[str]) -> None:
    """Forget other stages in a ``dvc.lock``: their outputs were made from other inputs."""
    content = yaml.safe_load(lock.read_text(encoding="utf-8"))
    kept = {name: entry for name, entry in content["stages"].items() if name in stages}
    if kept != content["stages"]:
        write_text_atomically(lock, yaml.safe_dump({**content, "stages": kept}, sort_keys=False))


def _with_identity(repository: Path) -> dict[str, str]:
    """An author for the experiment's commit where git knows none."""
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "s1")
    emails = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "s1@localhost")
    known = _git(repository, "config", "--default", "", "user.email").strip()
    return dict(os.environ) if known else {**names, **emails, **os.environ}


def _git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=env)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise ExperimentError(f"`git {arguments[0]}` failed in {folder}: {said[-1]}")
    return done.stdout
