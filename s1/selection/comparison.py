"""Two selections side by side: what they share, and how domains, sources and lengths shift.

Knows selections as lists of what was taken; reads no file and draws nothing. Shifts are read from the first selection
to the second.

Example::

    comparison = compare_selections(first, second)
    comparison.jaccard, comparison.domains.distance         # (0.41, 0.08)
"""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from s1.records import SelectedQuestion


@dataclass(frozen=True, slots=True)
class Taken:
    """One question of a selection, as far as it is compared."""

    question_id: str
    domain: str
    source: str
    num_characters: int
    """Of the question's text."""
    trace_length: int | None
    """Thinking tokens; None without a trace."""

    @classmethod
    def of(cls, row: SelectedQuestion) -> "Taken":
        """A row of ``selection.jsonl``."""
        return cls(
            question_id=row.question_id,
            domain=row.domain,
            source=row.source,
            num_characters=len(row.question),
            trace_length=row.trace_length if row.thinking else None,
        )


@dataclass(frozen=True, slots=True)
class Shift:
    """How the shares of some groups move from one selection to another."""

    distance: float
    """Total variation: the share of the second that would have to change groups to get the first's shares, 0 to 1."""
    counts: tuple[tuple[str, int, int], ...]
    """Group, number in the first, number in the second; those that move most first."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long what was taken is."""

    num: int
    mean: float
    median: float
    longest: int

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Lengths | None":
        """None where nothing has a length."""
        return cls(len(lengths), fmean(lengths), median(lengths), max(lengths)) if lengths else None


@dataclass(frozen=True, slots=True)
class SelectionComparison:
    """Everything about two selections."""

    num_first: int
    num_second: int
    num_shared: int
    jaccard: float | None
    domains: Shift
    sources: Shift
    characters: tuple[Lengths | None, Lengths | None]
    traces: tuple[Lengths | None, Lengths | None]


@dataclass(frozen=True, slots=True)
class Stability:
    """How much of a selection the seed decides."""

    num_draws: int
    mean_jaccard: float
    min_jaccard: float
    num_always: int
    """Questions that every draw took."""
    num_ever: int
    """Questions that some draw took."""
    num_expected: float
    """Mean number of questions of a draw."""

    @property
    def share_stable(self) -> float:
        """Share of a draw's questions that every draw took."""
        return self.num_always / self.num_expected if self.num_expected else 0.0


def jaccard(first: Set[str], second: Set[str]) -> float | None:
    """Size of what both have over size of what either has; None for two empty sets."""
    either = len(first | second)
    return len(first & second) / either if either else None


def compare_selections(first: Sequence[Taken], second: Sequence[Taken]) -> SelectionComparison:
    """Overlap by question id, and shifts of everything else."""
    first_ids, second_ids = ({item.question_id for item in items} for items in (first, second))
    return SelectionComparison(
        num_first=len(first),
        num_second=len(second),
        num_shared=len(first_ids & second_ids),
        jaccard=jaccard(first_ids, second_ids),
        domains=shift_of(first, second, lambda item: item.domain),
        sources=shift_of(first, second, lambda item: item.source),
        characters=(_characters(first), _characters(second)),
        traces=(_traces(first), _traces(second)),
    )


def shift_of(first: Sequence[Taken], second: Sequence[Taken], group: Callable[[Taken], str]) -> Shift:
    """How the shares of groups move; of an empty selection no share is known, which counts as a distance of 1."""
    counts = [Counter(group(item) for item in items) for items in (first, second)]
    sizes = [max(1, len(first)), max(1, len(second))]
    moves = {
        name: counts[1][name] / sizes[1] - counts[0][name] / sizes[0] for name in sorted(counts[0].keys() | counts[1])
    }
    distance = sum(map(abs, moves.values())) / 2 if first and second else float(bool(first) != bool(second))
    ordered = sorted(moves, key=lambda name: (-abs(moves[name]), name))
    return Shift(distance, tuple((name, counts[0][name], counts[1][name]) for name in ordered))


def _characters(items: Sequence[Taken]) -> Lengths | None:
    return Lengths.of([item.num_characters for item in items])


def _traces(items: Sequence[Taken]) -> Lengths | None:
    return Lengths.of([item.trace_length for item in items if item.trace_length is not None])


def stability_of(draws: Sequence[Set[str]]) -> Stability:
    """How alike the draws of several seeds are, every two of them compared.

    Raises:
        ValueError: there are fewer than two draws.
    """
    if len(draws) < 2:
        raise ValueError(f"{len(draws)} draws cannot be compared with one another; ask for 2 seeds or more")
    alike = [jaccard(first, second) or 0.0 for first, second in combinations(draws, 2)]
    counts = Counter(identity for drawn in draws for identity in drawn)
    return Stability(
        num_draws=len(draws),
        mean_jaccard=fmean(alike),
        min_jaccard=min(alike),
        num_always=sum(count == len(draws) for count in counts.values()),
        num_ever=len(counts),
        num_expected=fmean(map(len, draws)),
    )
