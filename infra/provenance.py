"""Which code, which checkout, which invocation a run belongs to.

Knows git and the process tree; does not know MLflow or Prefect. One ``dvc repro`` is one invocation: its stages share
the DVC process that they descend from, named by host, process id and start time.

Example::

    git_tags()              # {'git.commit': '3f2a…', 'git.dirty': 'false'}
    find_invocation()       # 'laptop-4711-1700000000'
"""

import socket
from collections.abc import Sequence
from pathlib import Path

import psutil

from infra.git import GitError, run_git

_CLOCK_SLACK_SECONDS = 2.0
"""Start times move a little when the machine's clock is set right."""


def git_tags() -> dict[str, str]:
    """Commit of the checkout, whether tracked files differ from it (DVC's lock file aside), and the branch, if any."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    branch = _git("branch", "--show-current")
    tags = {"git.commit": commit, "git.dirty": "true" if changed else "false"}
    return {**tags, "git.branch": branch} if branch else tags


def _git(*arguments: str) -> str | None:
    try:
        return run_git(Path(), *arguments, timeout_seconds=20.0).strip()
    except (GitError, OSError):  # no repository, or no git
        return None


def find_invocation() -> str:
    """Name of the ``dvc`` process that this one descends from, or of this process when there is none."""
    own = psutil.Process()
    for process in own.parents():
        try:
            if is_dvc(process.cmdline()):
                return name_process(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return name_process(own)


def is_dvc(command: Sequence[str]) -> bool:
    """Whether a command line is DVC's: ``dvc …``, ``python …/bin/dvc …`` or ``python -m dvc …``."""
    words = [word.replace("\\", "/").rsplit("/", 1)[-1] for word in command[:3]]
    return "dvc" in words[:2] or words[1:3] == ["-m", "dvc"]


def name_process(process: psutil.Process) -> str:
    """Host, process id and start time: unique over machines and restarts."""
    return f"{socket.gethostname()}-{process.pid}-{int(process.create_time())}"


def has_ended(name: str) -> bool:
    """Whether the process of this name (see ``name_process``) is known to be gone: one of this host that lives no more.

    False for other hosts' processes and for names of another form: nothing is known of them.
    """
    parts = name.rsplit("-", 2)
    if len(parts) != 3 or parts[0] != socket.gethostname() or not (parts[1] + parts[2]).isdigit():
        return False
    pid, created = int(parts[1]), int(parts[2])
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) <= _CLOCK_SLACK_SECONDS
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
