"""The scaling result as a plain-text table for the end of a run: at most 100 columns, no colour codes.

Knows ``metrics/score.json`` through ``reading``; knows no page. ASCII only, since a terminal may be anything.

Example::

    print(render_table(json.loads(Path("metrics/score.json").read_text())))
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from s1.report.reading import read_results
from s1.report.results import BenchmarkResult, Point
from s1.report.words import NOT_MEASURED, amount, percent, percent_interval, points, setting_words
from s1.setting_names import MADE_OF_SAMPLES, SettingKind

HEADINGS = ("model and setting", "accuracy", "interval", "thinking tokens", "over base")
GROUPS: tuple[tuple[SettingKind, ...], ...] = (
    ("budget",),
    ("wait",),
    ("other",),
    ("tokens", "steps", "class"),
    ("parallel", *MADE_OF_SAMPLES),
)
"""Kinds of settings that stand together."""
MAX_NAME = 44
"""Longest name of a setting, so that a table has at most 100 columns."""


def render_table(score_metrics: Mapping[str, JsonValue]) -> str:
    """Accuracy with interval and mean thinking tokens of every setting, beside the base model.

    The last column is the difference to the base model in percentage points.

    Raises:
        ValueError: the figures are not those of the ``score`` stage (names the key).
    """
    results = read_results(score_metrics)
    return "\n\n".join(_render_benchmark(result) for result in results) if results else "No benchmark was scored."


def _render_benchmark(result: BenchmarkResult) -> str:
    base = result.base
    first = ("base model, direct", *[NOT_MEASURED] * 3, "") if base is None else _row("base model, direct", base, None)
    groups = [[first], *([_row(_name(point), point, base) for point in result.of_kind(*kinds)] for kinds in GROUPS)]
    rows = [row for group in groups for row in group]
    widths = [max(len(cells[column]) for cells in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_plain(result.name), rule, _align(HEADINGS, widths)]
    for group in groups:
        if group:
            lines += [rule, *(_align(row, widths) for row in group)]
    return "\n".join([*lines, rule, *_unanswered(result)])


def _name(point: Point) -> str:
    return _setting(point, before="tuned, ")


def _setting(point: Point, *, before: str = "") -> str:
    return _plain(f"{before}{setting_words(point).replace('×', 'x')}", longest=MAX_NAME)


def _unanswered(result: BenchmarkResult) -> list[str]:
    """A line under the table where generations failed: they count as wrong, which accuracy does not show."""
    shares = [(dict(point.shares).get("answered"), point) for point in result.in_order]
    failed = [(1 - answered, point) for answered, point in shares if answered is not None and answered < 1]
    if not failed:
        return []
    share, worst = max(failed, key=lambda pair: pair[0])
    return [f"No gradable answer, counted as wrong: up to {percent(share)} ({_setting(worst)}). The report has all."]


def _plain(text: str, *, longest: int = 100) -> str:
    """ASCII, whatever the text, and no longer than a column may be."""
    ascii_only = text.encode("ascii", "replace").decode()
    return ascii_only if len(ascii_only) <= longest else f"{ascii_only[: longest - 3]}..."


def _row(name: str, point: Point, base: Point | None) -> tuple[str, ...]:
    over = "" if base is None else _over(point, base)
    interval = percent_interval(point.interval)
    return (name, percent(point.accuracy), interval, amount(point.mean_thinking_tokens, digits=1), over)


def _over(point: Point, base: Point) -> str:
    if point.accuracy is None or base.accuracy is None:
        return NOT_MEASURED
    return points(point.accuracy - base.accuracy).replace("−", "-")


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
