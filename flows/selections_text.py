"""Compared selections as text for a terminal: what they share, and how domains, sources and lengths shift.

Plain text without colours. Knows ``s1.selection.comparison`` and ``s1.selection.reference``; prints nothing.

Example::

    print(render_comparison(comparison, first="main", second="."))
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from s1.selection.comparison import Lengths, SelectionComparison, Shift, Stability
from s1.selection.reference import NEAR, ReferenceMatch

_MAX_GROUPS = 12
_MAX_NEAR = 5


def render_comparison(comparison: SelectionComparison, *, first: str, second: str) -> str:
    """Everything about two selections."""
    return "\n\n".join(
        [
            _heading(comparison, first=first, second=second),
            _overlap(comparison),
            _shift("domain", comparison.domains),
            _shift("source", comparison.sources),
            _lengths(
                [("question, characters", comparison.characters), ("thinking, tokens", comparison.traces)],
            ),
        ]
    )


def _heading(comparison: SelectionComparison, *, first: str, second: str) -> str:
    return (
        f"first:  {first} ({comparison.num_first:,} questions)\nsecond: {second} ({comparison.num_second:,} questions)"
    )


def _overlap(comparison: SelectionComparison) -> str:
    shares = [
        f"{comparison.num_shared / num:.1%} of the {name}"
        for name, num in (("first", comparison.num_first), ("second", comparison.num_second))
        if num
    ]
    alike = "undefined" if comparison.jaccard is None else f"{comparison.jaccard:.3f}"
    return f"shared questions: {comparison.num_shared:,} ({', '.join(shares)}); Jaccard index {alike}"


def _shift(what: str, shift: Shift) -> str:
    """How far shares of groups differ, those that differ most first."""
    head = f"{what} shift: total variation {shift.distance:.3f} (0: the same shares, 1: nothing in common)"
    rows = [(what, "first", "second"), *((name, f"{a:,}", f"{b:,}") for name, a, b in shift.counts[:_MAX_GROUPS])]
    rest = len(shift.counts) - _MAX_GROUPS
    return "\n".join([head, *_table(rows), *([f"  and {rest} more"] if rest > 0 else [])])


def _lengths(lines: Sequence[tuple[str, tuple[Lengths | None, Lengths | None]]]) -> str:
    rows: list[Sequence[str]] = [("length", "mean", "", "median", "", "longest", "", "measured", "")]
    for name, pair in lines:
        figures = [_figures(lengths) for lengths in pair]
        rows.append((name, *(cell for both in zip(*figures, strict=True) for cell in both)))
    return "\n".join(["lengths, first and second under each heading", *_table(rows)])


def _figures(lengths: Lengths | None) -> tuple[str, str, str, str]:
    if lengths is None:
        return ("-", "-", "-", "0")
    return (f"{lengths.mean:,.0f}", f"{lengths.median:,.0f}", f"{lengths.longest:,}", f"{lengths.num:,}")


def render_stability(
    stability: Stability,
    *,
    label: str,
    first_seed: int,
    stable_reasons: Sequence[str],
    domain_shifts: Sequence[float],
) -> str:
    """How much of a selection the seed decides."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(Counter(stable_reasons).items()))
    return "\n".join(
        [
            f"{label} drawn {stability.num_draws} times, seeds {first_seed} to {first_seed + stability.num_draws - 1}",
            f"  Jaccard index of two draws: mean {stability.mean_jaccard:.3f}, smallest {stability.min_jaccard:.3f}",
            f"  in every draw: {stability.num_always:,} of {stability.num_expected:,.0f} questions "
            f"({stability.share_stable:.1%})" + (f": {reasons}" if reasons else ""),
            f"  in some draw: {stability.num_ever:,} questions",
            f"  domain shift from the first draw to another: total variation {fmean(domain_shifts):.3f} on average",
        ]
    )


def render_reference(
    comparison: SelectionComparison,
    match: ReferenceMatch,
    *,
    label: str,
    classifier: str,
    solutions: tuple[Lengths | None, Lengths | None],
) -> str:
    """Ours beside the real s1K."""
    near = [f"  {ours}  {like.score:.2f}  {like.key}" for ours, like in match.near[:_MAX_NEAR]]
    rest = len(match.near) - _MAX_NEAR
    return "\n\n".join(
        [
            _heading(comparison, first=label, second="the real s1K"),
            _overlap(comparison),
            "\n".join(
                [
                    f"nearly the same text (at least {NEAR:.0%} of the pairs of words): {len(match.near):,} more",
                    *near,
                    *([f"  and {rest} more"] if rest > 0 else []),
                ]
            ),
            "\n".join(
                [
                    "what became of s1K's questions in this run",
                    *_table([("decided", "questions"), *((name, f"{count:,}") for name, count in match.fates)]),
                ]
            ),
            f"domains of both by {classifier}\n{_shift('domain', comparison.domains)}",
            _lengths([("question, characters", comparison.characters), ("solution, characters", solutions)]),
            "The file of s1K has no thinking and no sources, so neither can be compared.",
        ]
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
