"""Last words of a rank: on SIGTERM within a moment, whatever it waits for; on an error in one line.

Knows signals and errors; does not know training.

Example::

    end_on_sigterm(lambda: "stopped; the checkpoint of step 100 is whole", is_told=True)
    explain_end(OSError(28, "No space left on device", "steps.jsonl"))   # "no space left on the disk ..."
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from s1.artifacts import DISK_FULL
from s1.training.guards import is_loss_of_peer

logger = logging.getLogger(__name__)


def end_on_sigterm(describe: Callable[[], str], *, is_told: bool) -> None:
    """Have SIGTERM end this process at once, with a last line; to be called from the main thread.

    Python runs handlers between two of its own instructions only, and a rank that waits for the others runs none for
    minutes. So the signal writes to a pipe, which it does at once, and a thread that reads the pipe ends the process.

    Args:
        describe: makes the last line, when the signal comes.
        is_told: whether this rank logs it; one is enough.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGTERM, _ignore)  # so that the default action does not come first
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        while os.read(reader, 1) != bytes([signal.SIGTERM]):
            pass
        try:
            if is_told:
                logger.warning("%s", describe())
        finally:
            os._exit(128 + signal.SIGTERM)

    threading.Thread(target=wait, name="sigterm", daemon=True).start()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The thread of ``end_on_sigterm`` acts."""


def explain_end(error: Exception) -> str:
    """One line on an error that nobody expected, with what to do."""
    if is_loss_of_peer(error):
        return "another rank ended while this one waited for it; that rank's own message says why"
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"no space left on the disk of {error.filename or 'this run'}: make room and run again"
    words = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {words[0]}"
