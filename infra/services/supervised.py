"""One service that is kept alive: started again when it ends by itself, ever more patiently when that does not help.

Knows starts, ends and waiting times; does not know what the service does.

Example::

    service = Supervised(spec, cwd=Path("."))
    service.keep()              # call it again and again
    service.stop()
"""

import logging
import time
from pathlib import Path

from infra.guarded import Guarded
from infra.services.commands import ServiceSpec
from infra.services.state import ProcessRecord, ServiceRecord, describe_process

logger = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 60.0
_SETTLED_SECONDS = 60.0
"""A service that lived this long before it ended is started again at once."""


class Supervised:
    """A service, its guard, and its history of ends."""

    def __init__(self, spec: ServiceSpec, *, cwd: Path) -> None:
        self.spec = spec
        self._cwd = cwd
        self._guarded: Guarded | None = None
        self._process: ProcessRecord | None = None
        self._started = 0.0
        self._not_before = 0.0
        self._num_quick_ends = 0
        self._num_ends = 0
        self._last_exit: int | None = None

    @property
    def guard_pid(self) -> int | None:
        """Process id of the guard; None while the service is not running."""
        return None if self._guarded is None else self._guarded.process.pid

    def keep(self) -> None:
        """Start the service if it does not run and its waiting time is over; notice when it has ended."""
        if self._guarded is not None and self._guarded.process.poll() is not None:
            self._note_end(self._guarded.process.returncode)
        if self._guarded is None and time.monotonic() >= self._not_before:
            spec = self.spec
            self._guarded = Guarded.start(
                spec.argv, env=spec.env, log=spec.log, cwd=self._cwd, grace_seconds=spec.grace_seconds
            )
            self._process = describe_process(self._guarded.process.pid)
            self._started = time.monotonic()
            logger.info("%s started under guard %d", spec.name, self._guarded.process.pid)

    def _note_end(self, status: int) -> None:
        assert self._guarded is not None
        self._guarded.cut()
        self._guarded, self._process = None, None
        settled = time.monotonic() - self._started > _SETTLED_SECONDS
        self._num_quick_ends = 1 if settled else self._num_quick_ends + 1
        wait = min(MAX_WAIT_SECONDS, 2.0 ** (self._num_quick_ends - 1))
        self._not_before = time.monotonic() + wait
        self._num_ends += 1
        self._last_exit = status
        logger.warning("%s ended by itself (status %d); starting again in %.0f s", self.spec.name, status, wait)

    def cut(self) -> None:
        """Have it stopped without waiting."""
        if self._guarded is not None:
            self._guarded.cut()

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self._guarded is not None:
            self._guarded.stop()
            self._guarded, self._process = None, None
            logger.info("%s stopped", self.spec.name)

    def describe(self) -> ServiceRecord:
        """What the state says of it."""
        return ServiceRecord(
            name=self.spec.name,
            process=self._process,
            num_ends=self._num_ends,
            last_exit=self._last_exit,
            log=str(self.spec.log),
        )
