"""Lengths of training examples: from files, or stand-ins where a published data set's own are not known.

The stand-ins are quantiles of clipped normal distributions, so they hold no chance. What is known of s1K: 4.7 million
tokens in all, 74 % of examples over 4,096 (paper, tables 6 and 8), a teacher that stopped at 8,192. Mean and spread of
``s1k-short`` and ``s1k-long`` bracket that; ``s1k-1.1`` follows what 100 of its examples showed (shortest 1,367, median
9,198, longest 17,908), cut at the 20,000 that its recipe cuts at.

Example::

    sum(standin("s1k-short")) / 1000        # 4599.879
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from s1.planning.problems import PlanError


@dataclass(frozen=True, slots=True)
class Standin:
    """A clipped normal distribution of lengths."""

    mean: float
    spread: float
    """Standard deviation before clipping."""
    shortest: int
    longest: int


STANDINS = {
    "s1k-short": Standin(4600, 1222, 500, 8500),
    "s1k-long": Standin(5500, 1820, 500, 8500),
    "s1k-1.1": Standin(9600, 4850, 1367, 20000),
}


def standin(name: str, *, num_examples: int = 1000) -> list[int]:
    """Lengths of a stand-in, rising.

    Raises:
        PlanError: there is none of this name.
    """
    if name not in STANDINS:
        raise PlanError(f"lengths {name!r}: neither a file nor one of the stand-ins {', '.join(STANDINS)}")
    shape = STANDINS[name]
    normal = NormalDist(shape.mean, shape.spread)
    quantiles = (normal.inv_cdf((place + 0.5) / num_examples) for place in range(num_examples))
    return [round(min(max(value, shape.shortest), shape.longest)) for value in quantiles]


def read_lengths(path: Path) -> list[int]:
    """Lengths from a text file with one whole number per line, or a JSON list of them.

    Raises:
        PlanError: the file is missing, or something in it is no length (names the line).
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else text.split()
    except FileNotFoundError as error:
        raise PlanError(f"{path} is missing; name a file of lengths, or one of: {', '.join(STANDINS)}") from error
    except IsADirectoryError as error:
        raise PlanError(f"{path} is a folder; name a file of lengths, or one of: {', '.join(STANDINS)}") from error
    except ValueError as error:
        raise PlanError(f"{path} is neither JSON nor text: {error}") from error
    if not isinstance(found, list):
        raise PlanError(f"{path} holds no list; write [4096, 512, …]")
    return check_lengths([_whole(item, path, number) for number, item in enumerate(found, start=1)], name=str(path))


def check_lengths(lengths: Sequence[int], *, name: str) -> list[int]:
    """The lengths, which are at least one and each above 0.

    Raises:
        PlanError: otherwise.
    """
    if not lengths:
        raise PlanError(f"{name} holds no lengths")
    for number, length in enumerate(lengths, start=1):
        if length < 1:
            raise PlanError(f"{name}, entry {number}: {length} is no length of an example")
    return list(lengths)


def _whole(item: object, path: Path, number: int) -> int:
    if isinstance(item, str) and item.isdecimal():
        return int(item)
    if isinstance(item, int) and not isinstance(item, bool):
        return item
    raise PlanError(f"{path}, entry {number}: {item!r} is no whole number of tokens")
