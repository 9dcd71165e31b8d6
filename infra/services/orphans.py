"""Processes whose own starters have died, which the keeper ends.

Knows the process tree; does not know services. On Linux the keeper and its guards are subreapers: what a killed flow
run or a dead worker leaves behind becomes a child of one of them, also where it sits in a session of its own.
Elsewhere such processes go to the system, and the runs' own watch over their parents is what ends them.

Example::

    orphans = Orphans()
    orphans.end(guards={4711})      # call it again and again
"""

import logging
import os
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import psutil

from infra import guard

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""Before an orphan is asked to end (most notice their parent's death themselves), and again before it is killed."""


class Orphans:
    """Processes that came to this one, or to its guards, because their parents died."""

    def __init__(self) -> None:
        guard.adopt_orphans()
        self._seen: dict[int, float] = {}
        self._asked: dict[int, float] = {}

    def end(self, *, guards: AbstractSet[int], patience_seconds: float = PATIENCE_SECONDS) -> bool:
        """Ask orphans to end, later kill them; return whether any is left.

        Args:
            guards: ids of the guards that this process has started; each has one command, its first child.
        """
        now = time.monotonic()
        found = {process.pid: process for process in _find(guards)}
        self._seen = {pid: self._seen.get(pid, now) for pid in found}
        self._asked = {pid: when for pid, when in self._asked.items() if pid in found}
        for pid, process in found.items():
            try:
                if pid in self._asked:
                    if now - self._asked[pid] >= PATIENCE_SECONDS:
                        process.kill()
                elif now - self._seen[pid] >= patience_seconds:
                    logger.warning("ending process %d (%s), which lost its parent", pid, process.name())
                    self._asked[pid] = now
                    process.terminate()
            except psutil.NoSuchProcess:
                continue
        return bool(found)


def _find(guards: AbstractSet[int]) -> Iterator[psutil.Process]:
    for child in psutil.Process().children():
        try:
            if child.pid in guards:
                adopted = sorted(child.children(), key=psutil.Process.create_time)[1:]
                yield from (process for process in adopted if process.status() != psutil.STATUS_ZOMBIE)
            elif child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
            else:
                yield child
        except (psutil.NoSuchProcess, ChildProcessError):
            continue
