"""A long-running process under a guard, its output in a log file; it ends with its starter, however that one ends.

Knows ``infra.guard`` and its lifeline; does not know what runs, nor when to start it again.

Example::

    server = Guarded.start([sys.executable, "-m", "http.server"], env=os.environ, log=Path("server.log"))
    server.stop()
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra import guard

_MAX_LOG_BYTES = 20_000_000


@dataclass(slots=True)
class Guarded:
    """A guard and the command that it runs."""

    process: "subprocess.Popen[bytes]"
    """The guard, whose exit status is the command's (128 + n when signal n ended it)."""
    _lifeline: int

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        cwd: Path | None = None,
        grace_seconds: float = 3.0,
    ) -> Self:
        """Start a command; both its streams are appended to the log.

        Args:
            env: the command's whole environment.
            grace_seconds: how long its processes may take to end before they are killed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.old"))
        reader, writer = os.pipe()
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", guard.__file__, str(reader), str(grace_seconds), *argv],
                    env=env,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                    pass_fds=(reader,),
                )
        except BaseException:
            os.close(writer)
            raise
        finally:
            os.close(reader)
        return cls(process, writer)

    def cut(self) -> None:
        """Have the guard stop the command, without waiting for it."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def stop(self) -> int:
        """Stop the command, wait until its processes are gone, and return its exit status."""
        self.cut()
        return self.process.wait()
