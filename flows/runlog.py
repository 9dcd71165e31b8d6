"""What a run says, on the terminal and on the Logs page of its flow run in Prefect.

Knows Prefect's log handler; does not know stages. Secrets of the environment are taken out (``infra.redaction``).
Prefect's own console output stays off: a line is told once in each place. Importing this module imports Prefect.

Example::

    tell = open_run_log()
    tell("[3/12] curate")
"""

import logging
import sys

from prefect.logging.handlers import APILogHandler

from flows.watch import Tell
from infra.redaction import redact

_NAME = "s1.run"


def open_run_log(*, to_terminal: bool = True) -> Tell:
    """A function that takes lines for the current flow run (or task run); outside of one, for the terminal only."""
    logger = logging.getLogger(_NAME)
    if not logger.handlers:
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(APILogHandler())

    def tell(line: str) -> None:
        line = redact(line)
        if to_terminal:
            print(line, flush=True)
        if line.strip():
            logger.info(line.strip("\n"))

    return tell


class LogStream:
    """A text stream that tells whole lines to the flow run's log and passes everything on to the terminal."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._rest = ""

    def write(self, text: str) -> int:
        """Take text; what has no line end yet waits for it."""
        sys.stdout.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._tell(line)
        return len(text)

    def flush(self) -> None:
        """Flush the terminal."""
        sys.stdout.flush()
