"""DVC experiments of finished runs: saved where the run worked, and brought back to the user's checkout.

Knows what a DVC experiment is in git: a commit on top of the checkout's, under ``refs/exps/<baseline>/<name>``, with
the run's ``params.yaml``, ``dvc.lock`` and whatever tracked files differed. ``dvc exp save`` makes the same, but it
refuses a run of some of the stages (the others' outputs do not exist). The outputs are in the shared DVC cache already:
only this small commit travels. In the checkout ``dvc exp show`` lists it, ``dvc exp apply`` brings its results.

Example::

    save_experiment(workspace, home=Path("."), name="abstract-hawk", suffix="3f2a", stages=["base", "collect"])
"""

import re
from collections.abc import Collection
from pathlib import Path

import yaml

from infra.git import GitError, run_git
from infra.pipeline import DVC_LOCK

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def save_experiment(workspace: Path, *, home: Path, name: str, suffix: str, stages: Collection[str]) -> str:
    """Save what a workspace holds as an experiment and bring it to the checkout; returns its name there.

    Args:
        home: the user's checkout.
        name: wanted name; what git does not allow in a ref becomes ``-``.
        suffix: appended when the checkout has an experiment of that name already, which is never overwritten.
        stages: those that the run brought up to date; what ``dvc.lock`` says of others is from before and left out.

    Raises:
        GitError: git refused.
    """
    fit = re.sub(r"\.{2,}|\.lock$", "-", _UNFIT.sub("-", name)).strip("-.") or "run"
    baseline = run_git(workspace, "rev-parse", "HEAD").strip()
    commit = _commit(workspace, home, baseline, stages)
    if fit in _names(home):
        return _bring(workspace, home, baseline, commit, f"{fit}-{suffix}")
    try:
        return _bring(workspace, home, baseline, commit, fit)
    except GitError:
        if fit not in _names(home):
            raise
        return _bring(workspace, home, baseline, commit, f"{fit}-{suffix}")  # another run was quicker


def _names(repository: Path) -> set[str]:
    listed = run_git(repository, "for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    return {ref.rsplit("/", 1)[-1] for ref in listed}


def _commit(workspace: Path, home: Path, baseline: str, stages: Collection[str]) -> str:
    run_git(workspace, "add", "--update")
    run_git(workspace, "add", "--force", "params.yaml")
    staged = run_git(home, "diff", "--cached", "--name-only", "--diff-filter=A", "-z").split("\0")
    for new in staged:  # as DVC's own experiments: a new file comes along once it has been added
        if new and new != str(DVC_LOCK) and (workspace / new).exists():
            run_git(workspace, "add", "--force", "--", new)
    text = keep_stages((workspace / DVC_LOCK).read_text(encoding="utf-8"), stages)
    blob = run_git(workspace, "hash-object", "-w", "--stdin", stdin=text).strip()
    run_git(workspace, "update-index", "--add", "--cacheinfo", f"100644,{blob},{DVC_LOCK}")
    tree = run_git(workspace, "write-tree").strip()
    message = f"dvc: commit experiment {tree}"
    return run_git(workspace, "commit-tree", tree, "-p", baseline, "-m", message, needs_author=True).strip()


def _bring(workspace: Path, home: Path, baseline: str, commit: str, name: str) -> str:
    ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"
    run_git(workspace, "update-ref", ref, commit)
    fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
    run_git(home, *fetch, str(workspace.resolve()), f"{ref}:{ref}")
    return name


def keep_stages(lock: str, stages: Collection[str]) -> str:
    """The text of a ``dvc.lock`` without other stages: their outputs were made from other inputs."""
    content = yaml.safe_load(lock)
    kept = {name: entry for name, entry in content["stages"].items() if name in stages}
    return lock if kept == content["stages"] else yaml.safe_dump({**content, "stages": kept}, sort_keys=False)
