"""Times passes on one device within a time budget; what cannot be measured is told, not failed.

Example::

    timer = Timer("cuda", minutes=9.0)
    timer.measure(description, lambda: run_pass(losses, row))       # the description with its figures
"""

import time
from collections.abc import Callable
from statistics import median

import torch

from bench.slice_results import Measurement
from s1.training.attention import AttentionError
from s1.training.loss import LossError

NUM_WARM_UPS = 2
NUM_REPEATS = 5
LEAST_REPEATS = 2
MOST_SECONDS = 10.0
"""Of one measurement, warm-up included: repeating stops then. All take some three minutes on an H100 by plan."""
OUT_OF_TIME = "the time was used up"


def describe(error: Exception) -> str:
    """Why something was not measured, in one line."""
    if isinstance(error, torch.OutOfMemoryError):
        return "does not fit in memory"
    return str(error).partition("\n")[0]


class Timer:
    """Measures until the time is used up."""

    def __init__(self, device: str, *, minutes: float) -> None:
        self.device = device
        self._ends = time.monotonic() + 60 * minutes

    @property
    def is_over(self) -> bool:
        """Whether the time is used up."""
        return time.monotonic() >= self._ends

    def measure(self, what: Measurement, action: Callable[[], torch.Tensor]) -> Measurement:
        """Time a pass: the median of a few, after warming up.

        Returns:
            The description with seconds, memory and loss, or with the problem: time used up, memory, a kernel that
            does not run here.
        """
        if self.is_over:
            return what.model_copy(update={"problem": OUT_OF_TIME})
        try:
            return self._measure(what, action)
        except (AttentionError, LossError, RuntimeError) as error:
            return what.model_copy(update={"problem": describe(error)})

    def _measure(self, what: Measurement, action: Callable[[], torch.Tensor]) -> Measurement:
        started = time.monotonic()
        self.free()
        base = self.allocated()
        loss = action()
        for _ in range(NUM_WARM_UPS - 1):
            action()
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        seconds: list[float] = []
        while len(seconds) < LEAST_REPEATS or (
            len(seconds) < NUM_REPEATS and time.monotonic() - started < MOST_SECONDS and not self.is_over
        ):
            seconds.append(self.time(action))
        peak = torch.cuda.max_memory_allocated() if self.device == "cuda" else None
        found = {"seconds": median(seconds), "peak_bytes": peak, "base_bytes": base, "loss": float(loss)}
        return what.model_copy(update=found)

    def time(self, action: Callable[[], object]) -> float:
        """Seconds of one call, the device's work included."""
        self._wait()
        started = time.perf_counter()
        action()
        self._wait()
        return time.perf_counter() - started

    def allocated(self) -> int | None:
        """Bytes in use on a GPU."""
        return torch.cuda.memory_allocated() if self.device == "cuda" else None

    def free(self) -> None:
        """Give back what is not in use."""
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
