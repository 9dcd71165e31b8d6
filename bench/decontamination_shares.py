"""Shares of a population from a sample of it that was drawn in strata, some of them read whole.

Knows weights and counts; what is counted is ``bench.decontamination_evidence``.

Example::

    estimate_share([Read("a", 1.0, True), Read("b", 8.0, False)])        # Share(share=0.11, low=..., high=..., ...)
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from s1.metrics.estimates import wilson_interval

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Read:
    """One thing that was read."""

    stratum: str
    weight: float
    """How many things of its stratum it stands for; the same for all of a stratum."""
    is_right: bool


@dataclass(frozen=True, slots=True)
class Share:
    """An estimated share of a population."""

    share: float
    low: float
    high: float
    num_read: int
    total: float
    """Size of the population that the read ones stand for."""

    def __str__(self) -> str:
        interval = "all read" if self.low == self.high else f"{100 * self.low:.1f} to {100 * self.high:.1f}"
        return f"{100 * self.share:.1f}% ({interval})"


def estimate_share(reads: Iterable[Read]) -> Share | None:
    """The weighted share of what is right, with an interval of 95%; None of nothing.

    The variance is that of a stratified sample with the correction for finite strata, so a stratum that was read whole
    adds none. Within a stratum the share counts as (right + 1/2) / (read + 1): where 0 of 14 were right, the next may
    well be. The interval is Wilson's at the number of independent reads that would have this variance.
    """
    strata: dict[str, list[Read]] = defaultdict(list)
    for read in reads:
        strata[read.stratum].append(read)
    if not strata:
        return None
    total = math.fsum(read.weight for rows in strata.values() for read in rows)
    share = math.fsum(read.weight for rows in strata.values() for read in rows if read.is_right) / total
    num_read = sum(map(len, strata.values()))
    variance, smoothed = 0.0, 0.0
    for rows in strata.values():
        size = math.fsum(row.weight for row in rows)
        inside = sum(row.is_right for row in rows) / len(rows)
        if len(rows) < size:
            inside = (inside * len(rows) + 0.5) / (len(rows) + 1)
            variance += size**2 * (1 - len(rows) / size) * inside * (1 - inside) / len(rows)
        smoothed += size * inside
    if variance == 0:
        return Share(share, share, share, num_read, total)
    smoothed /= total
    independent = max(1, round(smoothed * (1 - smoothed) / (variance / total**2)))
    low, high = wilson_interval(share * independent, independent, confidence=_CONFIDENCE)
    return Share(share, low, high, num_read, total)
