"""Two compared runs as text for a terminal: warnings, a table per benchmark and model, and where tokens part.

Plain text, ASCII signs of our own; texts of models are shown escaped, on one line. Knows ``s1.comparing``; prints
nothing.

Example::

    print(render_comparison(comparison, decode=None))
"""

from collections.abc import Sequence
from itertools import groupby
from statistics import median

from s1.comparing.comparison import PointComparison, RunComparison
from s1.comparing.divergence import DecodeToken, Divergence, Pair
from s1.setting_names import DIRECT

_HEADINGS = (
    "setting",
    "first",
    "second",
    "change",
    "interval",
    "gained",
    "lost",
    "p",
    "first tokens",
    "second tokens",
    "same tokens",
    "verdict",
)
_MAX_LISTED = 8
_NUM_SHOWN = 60
"""Characters of text before and behind a divergence."""


def render_comparison(comparison: RunComparison, *, decode: DecodeToken | None, setting: str | None = None) -> str:
    """Everything about two runs; of divergences those of one setting, the one with most where none is named."""
    parts = [
        f"first:  {comparison.first}\nsecond: {comparison.second}",
        _render_differences(comparison),
        *(_render_table(list(points)) for _, points in groupby(comparison.points, key=lambda point: point.place[:2])),
        _render_legend(comparison),
        _render_divergences(comparison.points, decode=decode, lists_all=setting is not None),
    ]
    return "\n\n".join(part for part in parts if part)


def render_question(comparison: RunComparison, question_id: str, *, decode: DecodeToken | None) -> str:
    """Where the runs part on one question, under every shared setting.

    Raises:
        ValueError: they do not share it.
    """
    lines = []
    for point in comparison.points:
        for pair in point.agreement.pairs:
            if _question(pair) == question_id:
                lines.append(f"{_name(pair)}: {_describe_pair(pair, decode=decode)}")
    if not lines:
        known = sorted({_question(pair) for point in comparison.points for pair in point.agreement.pairs})
        raise ValueError(
            f"the runs share no question {question_id!r}; they share {len(known)}"
            + (f", such as {known[0]} (ids stand in data/collect/benchmarks.jsonl)" if known else "")
        )
    return "\n".join(lines)


def _render_differences(comparison: RunComparison) -> str:
    unrecorded = [
        f"warning: {label} does not say what it was made with (no data/generate/run.json); whether the runs can be "
        "compared is unknown"
        for label in comparison.unrecorded
    ]
    found = [str(difference) for difference in comparison.differences]
    regraded = [point for point in comparison.points if _is_graded_differently(point)]
    if regraded:
        names = ", ".join(point.place[2] for point in regraded[:_MAX_LISTED])
        found.append(f"warning: the same tokens were graded differently ({names}): another grader or judge scored them")
    return "\n".join([*unrecorded, *found]) or "Made alike: nothing that decides tokens differs."


def _is_graded_differently(point: PointComparison) -> bool:
    return point.agreement.share_identical == 1 and bool(point.paired.num_gained + point.paired.num_lost)


def _render_table(points: Sequence[PointComparison]) -> str:
    benchmark, model, _ = points[0].place
    rows = [_HEADINGS, *(_row(point) for point in points)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in (0, len(widths) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([f"{benchmark}, {model}", *lines, *_notes(points)])


def _row(point: PointComparison) -> tuple[str, ...]:
    paired = point.paired
    share = point.agreement.share_identical
    return (
        point.place[2],
        f"{point.first_accuracy:.1%}",
        f"{point.second_accuracy:.1%}",
        f"{100 * paired.difference.value:+.1f}",
        f"{100 * paired.difference.low:+.1f} to {100 * paired.difference.high:+.1f}",
        str(paired.num_gained),
        str(paired.num_lost),
        f"{paired.p_value:.3f}",
        f"{point.first_tokens:,.1f}",
        f"{point.second_tokens:,.1f}",
        "-" if share is None else f"{share:.1%}",
        paired.verdict,
    )


def _notes(points: Sequence[PointComparison]) -> list[str]:
    left_out = max(point.num_left_out for point in points)
    compared = min(point.num_questions for point in points)
    return [f"{left_out} questions stand in one run only; compared are the {compared} of both"] if left_out else []


def _render_legend(comparison: RunComparison) -> str:
    confidence = comparison.points[0].paired.confidence
    return (
        "change: points of accuracy, second minus first, on the same questions; gained: wrong in the first and right\n"
        f"in the second. Verdicts are about the second run, at {confidence:.0%}; with several points compared, Holm's\n"
        "correction holds over all of them."
    )


def _render_divergences(points: Sequence[PointComparison], *, decode: DecodeToken | None, lists_all: bool) -> str:
    """The pairs that part earliest, of the point that has most of them."""
    parted = [(point, _parted(point.agreement.pairs)) for point in points]
    # Long traces tell more than direct answers, which part at their first token.
    point, pairs = max(parted, key=lambda item: (bool(item[1]) and item[0].place[2] != DIRECT, len(item[1])))
    num = len(point.agreement.pairs)
    if not pairs:
        return "Tokens: the same in every answer that both runs have." if num else ""
    positions = [divergence.position + 1 for _, divergence in pairs]
    head = (
        f"Tokens part in {len(pairs)} of {num} answers under {'/'.join(point.place)}: first at token {min(positions)}, "
        f"half of them by token {median(positions):g}"
    )
    shown = pairs if lists_all else pairs[:_MAX_LISTED]
    lines = [f"  {_name(pair)}: {_describe(divergence, decode=decode)}" for pair, divergence in shown]
    if len(shown) < len(pairs):
        lines.append(f"  and {len(pairs) - len(shown)} more: --setting {point.place[2]} lists all, --question ID one")
    return "\n".join([head, *lines])


def _parted(pairs: Sequence[Pair]) -> list[tuple[Pair, Divergence]]:
    known = [(pair, pair.divergence) for pair in pairs if pair.divergence is not None]
    return sorted(known, key=lambda item: (item[1].position, _question(item[0])))


def _question(pair: Pair) -> str:
    return pair.key[1]


def _name(pair: Pair) -> str:
    _, question, model, setting, sample = pair.key
    return f"{question} {model}/{setting}" + (f" sample {sample}" if sample else "")


def _describe_pair(pair: Pair, *, decode: DecodeToken | None) -> str:
    if pair.divergence is None:
        return f"all {pair.num_tokens} tokens the same"
    return _describe(pair.divergence, decode=decode)


def _describe(divergence: Divergence, *, decode: DecodeToken | None) -> str:
    before = divergence.before[-_NUM_SHOWN:]
    lines = [
        f"token {divergence.position + 1}, in the {divergence.phase}",
        f"      shared  ...{before!r}" if len(divergence.before) > len(before) else f"      shared  {before!r}",
        f"      first   {divergence.first.words(decode)}: {divergence.first.text[:_NUM_SHOWN]!r}",
        f"      second  {divergence.second.words(decode)}: {divergence.second.text[:_NUM_SHOWN]!r}",
    ]
    return "\n".join(lines)
