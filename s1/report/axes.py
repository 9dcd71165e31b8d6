"""Axes of charts: linear and logarithmic scales with honest, round ticks.

Pure functions from numbers to positions. Knows no drawing.

Example::

    log2_axis([15.8, 260.0], "tokens").ticks[0]         # (8.0, '8')
    share_axis([0.21, 0.65], "right").high              # 0.8
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with its ticks; values of a ``log2`` axis are positive."""

    label: str
    scale: Literal["linear", "log2"]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def position(self, value: float) -> float:
        """Where a value lies between low (0) and high (1)."""
        if self.scale == "log2":
            return math.log2(value / self.low) / math.log2(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def log2_axis(values: Iterable[float], label: str) -> Axis:
    """An axis over the powers of two around positive values.

    Raises:
        ValueError: no values, or one that is not positive.
    """
    positive = list(values)
    if not positive or min(positive) <= 0:
        raise ValueError(f"a log2 axis needs positive values, got {positive}")
    first = math.floor(math.log2(min(positive)))
    last = max(math.ceil(math.log2(max(positive))), first + 1)
    stride = max(1, math.ceil((last - first) / 8))
    ticks = tuple(
        (2.0**power, f"{2**power:,}" if power >= 0 else f"{2.0**power:g}") for power in range(first, last + 1, stride)
    )
    return Axis(label, "log2", 2.0**first, 2.0**last, ticks)


def linear_axis(values: Iterable[float], label: str, *, from_zero: bool = False, tight: bool = False) -> Axis:
    """An axis with round ticks; it ends at the ticks around the values or, if ``tight``, at the values themselves.

    Raises:
        ValueError: no values.
    """
    known = list(values)
    if not known:
        raise ValueError(f"the axis {label!r} has no values")
    low = min(0.0, *known) if from_zero else min(known)
    high = max(known)
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = round_step((high - low) / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, digits) != step:
        digits += 1
    ticks = [(index * step, f"{index * step:,.{digits}f}") for index in range(first, last + 1)]
    if tight:
        return Axis(label, "linear", low, high, tuple(tick for tick in ticks if low <= tick[0] <= high))
    return Axis(label, "linear", first * step, last * step, tuple(ticks))


def share_axis(values: Iterable[float], label: str) -> Axis:
    """An axis of percentages that starts at zero, so that heights compare."""
    top = linear_axis([100 * value for value in values], label, from_zero=True)
    ticks = tuple((tick / 100, f"{text}%") for tick, text in top.ticks if tick >= 0)
    return Axis(label, "linear", 0.0, top.high / 100, ticks)


def round_step(raw: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below ``raw``."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
