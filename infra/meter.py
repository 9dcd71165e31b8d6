"""What a stage consumes: seconds, CPU seconds, memory; kept on disk while it runs, so that a kill loses little.

Knows the operating system's counters of this process and the children it has waited for; does not know prices. A
killed run's cost is carried into the run that finishes the work: the money was spent.

Example::

    with Meter(Path(".s1/work/train")) as meter:
        ...
    meter.quantities()      # {'wall_seconds': 61.2, 'cpu_seconds': 118.0, 'peak_memory_bytes': 5.1e8, 'num_tries': 1.0}
"""

import contextlib
import json
import resource
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from s1.artifacts import write_text_atomically

_FILE = "spent.json"
SECONDS_BETWEEN_SAVES = 5.0


class Meter:
    """Measures from ``with`` on, adding what earlier, unfinished tries of the same work had spent."""

    def __init__(self, folder: Path, *, work: str = "", seconds_between_saves: float = SECONDS_BETWEEN_SAVES) -> None:
        """``work`` names what is done: only tries of the same work are added up."""
        self._path = folder / (f"spent-{work}.json" if work else _FILE)
        self._seconds_between_saves = seconds_between_saves
        self._stop = threading.Event()
        self._saver = threading.Thread(target=self._save_now_and_then, daemon=True)

    def __enter__(self) -> Self:
        self._before = _read_spent(self._path)
        self._wall_start = time.monotonic()
        self._cpu_start = _cpu_seconds()
        self._saver.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._saver.join()
        if error is not None:
            self.save()

    def quantities(self) -> dict[str, float]:
        """Spent so far: seconds on the wall, CPU seconds over all processes, peak memory of the largest one.

        Children count once they have ended and been waited for.
        """
        return {
            "wall_seconds": self._before.get("wall_seconds", 0.0) + time.monotonic() - self._wall_start,
            "cpu_seconds": self._before.get("cpu_seconds", 0.0) + _cpu_seconds() - self._cpu_start,
            "peak_memory_bytes": max(self._before.get("peak_memory_bytes", 0.0), _peak_memory_bytes()),
            "num_tries": self._before.get("num_tries", 0.0) + 1.0,
        }

    def save(self) -> None:
        """Have what was spent so far added to the next try of the same work."""
        with contextlib.suppress(OSError):  # a full disk: the stage itself will meet and explain it
            write_text_atomically(self._path, json.dumps(self.quantities()) + "\n")

    def forget(self) -> None:
        """Drop what unfinished tries had spent: it has been told."""
        self._path.unlink(missing_ok=True)

    def _save_now_and_then(self) -> None:
        while not self._stop.wait(self._seconds_between_saves):
            self.save()


def _read_spent(path: Path) -> dict[str, float]:
    try:
        spent: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # a power cut can leave an empty file: what it held is unknown
        return {}
    return spent


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_memory_bytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return float(largest * unit)
