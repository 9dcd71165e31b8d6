"""Whether a process lives, for tests that leave none behind."""

import psutil


def is_alive(pid: int) -> bool:
    """Exists and is no zombie: nobody may be left to reap an orphan."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # raised also when it ends while it is looked at
        return False
