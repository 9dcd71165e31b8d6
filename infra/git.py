"""Runs git in a folder, whatever repository the caller's environment points to.

Knows git's command line; does not know what is asked of it. In a git hook, and in programs that git starts, variables
such as ``GIT_DIR`` and ``GIT_INDEX_FILE`` name the user's repository: a command for another folder would change that.

Example::

    run_git(Path("."), "rev-parse", "HEAD")         # '3f2a…' and a line end
"""

import os
import subprocess
from pathlib import Path

_OF_A_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}
"""What ``git rev-parse --local-env-vars`` lists."""


class GitError(ValueError):
    """Git refused; the message has its last line and the folder."""


def git_environment() -> dict[str, str]:
    """The process's environment without what ties git to one repository."""
    return {name: value for name, value in os.environ.items() if name not in _OF_A_REPOSITORY}


def run_git(
    folder: Path, *arguments: str, stdin: str = "", needs_author: bool = False, timeout_seconds: float | None = None
) -> str:
    """Run one command in a folder and return what it prints.

    Args:
        needs_author: give a name and an address where git knows none.

    Raises:
        GitError: it failed, or took too long.
    """
    environment = git_environment()
    if needs_author and not run_git(folder, "config", "--default", "", "user.email").strip():
        names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "s1")
        emails = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "s1@localhost")
        environment = {**names, **emails, **environment}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(f"`git {arguments[0]}` took longer than {timeout_seconds:.0f} s in {folder}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise GitError(f"`git {arguments[0]}` failed in {folder}: {said[-1]}")
    return done.stdout
