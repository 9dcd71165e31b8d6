"""Figures as words: how numbers are written, and what the report says about them.

Knows how to say a figure honestly: what was not measured is called so, and a difference is only called one where its
test or its interval says so. Knows no HTML.

Example::

    percent(0.4125)         # '41.2%'
    points(-0.031)          # '−3.1'
"""

import math

from s1.not_run import WORDS
from s1.records import TUNED
from s1.report.content import Flip
from s1.report.results import Difference, Interval, Point
from s1.setting_names import DIRECT, PARALLEL, parse_setting

NOT_MEASURED = "not measured"
NOT_RUN = WORDS[0].upper() + WORDS[1:]
SMALLEST_SHOWN = 0.0001

VERDICT_WORDS = {
    "right": "right",
    "wrong": "wrong",
    "no_answer": "no answer",
    "cut_at_length": "answer cut (answer limit)",
    "cut_at_context": "cut (context full)",
    "looped": "looped",
    "engine_error": "engine error",
}

END_WORDS = {**VERDICT_WORDS, "answered": "answered", "no_answer": "no answer found"}
"""How generations end."""

FLIP_WORDS: dict[Flip, str] = {
    "gained": "wrong → right",
    "lost": "right → wrong",
    "same": "same",
    "alone": "nothing to compare with",
}

_AMOUNTS = {
    "budget": "at most {:,} tokens",
    "wait": "Wait × {:,}",
    "vote": "majority of {:,}",
    "reject": "first within {:,} tokens",
    "tokens": "asked for {:,} tokens",
    "steps": "asked for {:,} steps",
}
_PLAIN = {
    DIRECT: "answers directly",
    PARALLEL: "plain thinking, parallel samples",
    "class-short": "asked to think short",
    "class-long": "asked to think long",
}


def percent(share: float | None, *, digits: int = 1) -> str:
    """A share in 0..1 as a percentage."""
    return NOT_MEASURED if share is None else f"{100 * share:.{digits}f}%"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, always signed."""
    return NOT_MEASURED if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def percent_interval(interval: Interval | None) -> str:
    """An interval of shares, ``36.4 to 46.1%``."""
    return NOT_MEASURED if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}%"


def points_interval(interval: Interval | None) -> str:
    """An interval of differences in percentage points, ``+1.2 to +8.4``."""
    return NOT_MEASURED if interval is None else f"{points(interval.low)} to {points(interval.high)}"


def slope(value: float | None) -> str:
    """A signed slope in accuracy points, two digits."""
    return NOT_MEASURED if value is None else f"{value:+,.2f}".replace("-", "−")


def amount(value: float | None, *, digits: int = 0) -> str:
    """A quantity with thousands separators."""
    return NOT_MEASURED if value is None else f"{value:,.{digits}f}"


def figure(value: float | None) -> str:
    """A number of unknown kind: whole ones in full, others to four significant digits."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def duration(seconds: float | None) -> str:
    """A wall-clock time: ``41 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return NOT_MEASURED
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def dollars(value: float | None) -> str:
    """An amount of money: cents, four digits below a dollar, and never zero for what is not."""
    if value is None:
        return NOT_MEASURED
    if 0 < value < SMALLEST_SHOWN:
        return f"<${SMALLEST_SHOWN}"
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def hours(value: float | None) -> str:
    """Machine hours to four digits, and never zero for what is not."""
    if value is None:
        return NOT_MEASURED
    if 0 < value < SMALLEST_SHOWN:
        return f"<{SMALLEST_SHOWN}"
    return f"{value:,.1f}" if value >= 100 else "0" if value == 0 else f"{value:.4f}"


def exact_dollars(value: float | None) -> str:
    """An amount of money to two significant digits, however small: ``$0.0000031``."""
    if value is None or value >= 1 or value <= 0:
        return dollars(value)
    return f"${value:.{1 - math.floor(math.log10(value))}f}"


def p_value(value: float | None) -> str:
    """A probability to two digits, ``<0.001`` below that."""
    if value is None:
        return NOT_MEASURED
    return "<0.001" if value < 0.001 else f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def count(value: float | None) -> str:
    """A count; one that is a mean over samples keeps a digit."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def setting_words(point: Point) -> str:
    """A setting for readers."""
    return describe_setting(point.setting)


def model_words(model: str) -> str:
    """Which model it is, for readers."""
    return "fine-tuned" if model == TUNED else f"{model} model"


def name_run(label: str) -> str:
    """``<model>/<setting>`` for readers: ``Wait × 2``, ``base model, answers directly``."""
    model, _, setting = label.rpartition("/")
    words = describe_setting(setting)
    return words if model == TUNED else f"{model} model, {words}"


def describe_setting(setting: str) -> str:
    """``at most 64 tokens``, ``Wait × 2``, ``answers directly``; a name that was chosen freely stays as it is."""
    name = parse_setting(setting)
    if name.amount is None:
        return _PLAIN.get(setting, setting)
    return _AMOUNTS[name.kind].format(name.amount) + (", cut there" if name.is_forced else "")


def verdict(difference: Difference) -> str:
    """What a paired difference shows: what its test said, or else what its interval says."""
    if difference.verdict is not None:
        return difference.verdict
    interval = difference.interval
    if difference.difference is None or interval is None:
        return NOT_MEASURED
    if interval.low > 0:
        return f"better: {name_run(difference.first)}"
    if interval.high < 0:
        return f"worse: {name_run(difference.first)}"
    return "no difference shown: the interval contains zero"


def shares_words(point: Point) -> str:
    """How a point's generations ended, in words: whatever happened at all."""
    known = [(end, share) for end, share in point.shares if share]
    return ", ".join(f"{END_WORDS[end]} {percent(share)}" for end, share in known) or NOT_MEASURED
