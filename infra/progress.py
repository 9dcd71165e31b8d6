"""Progress of a stage as lines on the terminal: seldom enough to read, often enough to trust.

Knows time and a text stream; does not know stages or Prefect (``flows.observed`` has its own).

Example::

    progress = TerminalProgress("attempt")
    progress(1000, 6000, "attempt small")       # [attempt] attempt small: 1000 of 6000 (17%), about 50 s left
"""

import sys
import time
from collections.abc import Callable
from typing import Protocol

SECONDS_BETWEEN_LINES = 10.0


class TextStream(Protocol):
    """What lines are printed to."""

    def write(self, text: str, /) -> object:
        """Take text."""
        ...

    def flush(self) -> None:
        """Hand on what was taken."""
        ...


def is_new_piece(last: tuple[int, int] | None, done: int, total: int) -> bool:
    """Whether a report starts another piece of work: the count did not grow, or its total is another one.

    Notes do not tell: they may carry a figure that changes with every step.
    """
    return last is None or total != last[1] or done <= last[0]


class TerminalProgress:
    """Prints one line at the start and the end of each piece of work and every ten seconds between."""

    def __init__(
        self,
        stage: str,
        *,
        stream: TextStream | None = None,
        clock: Callable[[], float] = time.monotonic,
        seconds_between_lines: float = SECONDS_BETWEEN_LINES,
    ) -> None:
        self._stage = stage
        self._stream = stream if stream is not None else sys.stdout
        self._clock = clock
        self._seconds_between_lines = seconds_between_lines
        self._last: tuple[int, int] | None = None
        self._started = 0.0
        self._done_at_start = 0
        self._last_line = 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        """Report that ``done`` of ``total`` are finished; ``note`` names the piece of work."""
        now = self._clock()
        if is_new_piece(self._last, done, total):
            self._started, self._done_at_start, self._last_line = now, done, float("-inf")
        self._last = (done, total)
        if done < total and now - self._last_line < self._seconds_between_lines:
            return
        self._last_line = now
        share = f" ({100 * done // total}%)" if total else ""
        line = f"  [{self._stage}] {note}: {done} of {total}{share}{self._time_left(done, total, now)}"
        print(line, file=self._stream, flush=True)

    def _time_left(self, done: int, total: int, now: float) -> str:
        num_new = done - self._done_at_start
        if done >= total or num_new <= 0:
            return ""
        return f", about {(now - self._started) / num_new * (total - done):.0f} s left"
