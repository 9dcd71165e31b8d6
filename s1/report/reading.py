"""Reads the figures that stages wrote (``metrics/<stage>.json``, ``ledger/<stage>.json``) into the report's types.

Tolerant where a figure is optional (missing or null means not measured), strict where a number would be wrong: a value
of another type is refused with its key.

Example::

    results = read_results(json.loads(Path("metrics/score.json").read_text()))
    results[0].points[0].accuracy
"""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from s1.report.content import (
    BenchmarkResult,
    CurveFigures,
    Difference,
    DomainCount,
    FunnelStep,
    Interval,
    Point,
    SettingKind,
    StageCost,
)

Figures = Mapping[str, JsonValue]

FUNNEL = ("collected", "unique", "decontaminated", "quality", "hard", "traced", "selected")
"""Steps of the curation in the order of the chain; files are sorted by name."""

SECONDS_PER_HOUR = 3600.0
TAKEN = "taken"

_SETTINGS: dict[str, SettingKind] = {"max": "budget", "wait": "wait"}
_SETTING = re.compile(r"(max|wait)-(\d+)")
_REASON_STEPS = (
    (re.compile(r"duplicate"), "unique"),
    (re.compile(r"exact_benchmark|ngram\d+"), "decontaminated"),
    (re.compile(r"too_short|too_long|image|numbered_parts|bold_number"), "quality"),
    (re.compile(r"too_easy_\w+|not_attempted|ungraded"), "hard"),
    (re.compile(r"not_drawn"), "selected"),
    (re.compile(r"prepick|diversity|random|diverse|longest|full"), TAKEN),
)


def split_setting(setting: str) -> tuple[SettingKind, int | None]:
    """Kind and amount of a setting's name: ``max-64``, ``wait-2`` or ``direct``.

    Raises:
        ValueError: a name of none of these forms.
    """
    if setting == "direct":
        return "direct", None
    match = _SETTING.fullmatch(setting)
    if match is None:
        raise ValueError(f"setting {setting!r} is neither max-<budget> nor wait-<count> nor direct")
    return _SETTINGS[match[1]], int(match[2])


def read_funnel(curate: Figures | None, select: Figures | None) -> list[FunnelStep]:
    """Questions left after each step, with the reason codes of those that left; empty when nothing was counted."""
    counts = {**_group(curate, "funnel"), **_group(select, "funnel")}
    if not counts:
        return []
    reasons: dict[str, list[tuple[str, int]]] = {}
    for figures in (curate, select):
        group = _group(figures, "reasons")
        for reason in group:
            count = _whole(group, reason)
            if count and reason != "kept":
                reasons.setdefault(_step_of(reason), []).append((reason, count))
    return [
        FunnelStep(
            name=name,
            count=_whole(counts, name),
            reasons=tuple(reasons.get(name, [])),
            taken=tuple(reasons.get(TAKEN, [])) if name == FUNNEL[-1] else (),
        )
        for name in FUNNEL
    ]


def _step_of(reason: str) -> str:
    """The funnel's step that a reason code belongs to; traces have the codes that nothing else has."""
    return next((step for pattern, step in _REASON_STEPS if pattern.fullmatch(reason)), "traced")


def read_domains(select: Figures | None) -> list[DomainCount]:
    """Domains of the pool and of the selection, most frequent in the pool first."""
    pool, selection = (_group(_group(select, part), "domains") for part in ("pool", "selection"))
    counts = [
        DomainCount(name, pool=_whole(pool, name) or 0, selection=_whole(selection, name) or 0)
        for name in {**pool, **selection}
    ]
    return sorted(counts, key=lambda count: (-count.pool, count.domain))


def read_num_selected(select: Figures | None) -> int | None:
    """How many examples were selected."""
    return _whole(_group(select, "funnel"), FUNNEL[-1])


def read_stage_cost(stage: str, ledger: Figures | None, *, dollars: float | None) -> StageCost:
    """A stage's ledger in hours, with its tokens (quantities named ``…_tokens``) by kind; the caller prices it."""
    figures = ledger or {}
    cpu_seconds, gpu_seconds = _number(figures, "cpu_seconds"), _number(figures, "gpu_seconds")
    kinds = [name for name in figures if name.endswith("_tokens")]
    return StageCost(
        stage=stage,
        wall_seconds=_number(figures, "wall_seconds"),
        cpu_hours=None if cpu_seconds is None else cpu_seconds / SECONDS_PER_HOUR,
        gpu_hours=None if gpu_seconds is None else gpu_seconds / SECONDS_PER_HOUR,
        dollars=dollars,
        tokens=tuple((_spaced(kind.removesuffix("_tokens")), _number(figures, kind) or 0.0) for kind in kinds),
    )


def read_figures(figures: Figures | None, *, prefix: str = "") -> list[tuple[str, float | None]]:
    """A stage's own numbers under their names, for showing them as they are; what is no number is left out."""
    found: list[tuple[str, float | None]] = []
    for name, value in (figures or {}).items():
        label = f"{prefix}{_spaced(name)}"
        if isinstance(value, dict):
            found.extend(read_figures(value, prefix=f"{label}, "))
        elif value is None:
            found.append((label, None))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append((label, float(value)))
    return found


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _group(figures: Figures | None, key: str) -> Figures:
    """A nested object; empty when it is missing."""
    value = (figures or {}).get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"the figure {key!r} is {value!r}, not an object of figures; run its stage again")
    return value


def _number(figures: Figures, key: str) -> float | None:
    value = figures.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"the figure {key!r} is {value!r}, not a number; run its stage again")
    return float(value)


def _whole(figures: Figures, key: str) -> int | None:
    value = _number(figures, key)
    if value is not None and value != int(value):
        raise ValueError(f"the count {key!r} is {value!r}, not a whole number; run its stage again")
    return None if value is None else int(value)


def read_results(score_metrics: Figures) -> list[BenchmarkResult]:
    """The results of every benchmark in ``metrics/score.json`` (its form: ``tasks.score``).

    Raises:
        ValueError: the figures have another form (names the key).
    """
    return [_read_result(name, _group(score_metrics, name)) for name in score_metrics]


def _read_result(name: str, figures: Figures) -> BenchmarkResult:
    models = [model for model in figures if model not in ("differences", "curve")]
    differences, curves = _group(figures, "differences"), _group(figures, "curve")
    return BenchmarkResult(
        name=name,
        points=tuple(
            _read_point(model, setting, _group(settings, setting))
            for model in models
            for settings in [_group(figures, model)]
            for setting in settings
        ),
        differences=tuple(
            sorted((_read_difference(_group(differences, key)) for key in differences), key=_order_of_difference)
        ),
        curves=tuple(_read_curve(key, _group(curves, key)) for key in ("budgets", "waits", "all") if key in curves),
    )


def _read_point(model: str, setting: str, figures: Figures) -> Point:
    kind, amount = split_setting(setting)
    return Point(
        setting=setting,
        kind=kind,
        amount=amount,
        model=model,
        accuracy=_number(figures, "accuracy"),
        interval=_read_interval(figures),
        mean_thinking_tokens=_number(figures, "mean_thinking_tokens"),
        share_cut=_number(figures, "share_cut"),
        share_no_answer=_number(figures, "share_no_answer"),
        mean_waits=_number(figures, "mean_waits"),
        num_generations=_whole(figures, "num_generations"),
    )


def _read_difference(figures: Figures) -> Difference:
    return Difference(
        first=_text(figures, "first"),
        second=_text(figures, "second"),
        difference=_number(figures, "difference"),
        standard_error=_number(figures, "standard_error"),
        interval=_read_interval(figures),
    )


def _order_of_difference(difference: Difference) -> tuple[str, str, int]:
    """Budgets before Waits, and Waits by their number, which names sort wrongly from ten on."""
    kind, amount = split_setting(difference.first.rpartition("/")[2])
    return kind, difference.second, amount or 0


def _read_curve(name: str, figures: Figures) -> CurveFigures:
    return CurveFigures(
        curve=name,
        control=_number(figures, "control"),
        scaling_per_doubling=_number(figures, "scaling_per_doubling"),
        scaling_per_1000_tokens=_number(figures, "scaling_per_1000_tokens"),
        performance=_number(figures, "performance"),
    )


def _read_interval(figures: Figures) -> Interval | None:
    low, high = _number(figures, "low"), _number(figures, "high")
    return None if low is None or high is None else Interval(low, high)


def _text(figures: Figures, key: str) -> str:
    value = figures.get(key)
    if not isinstance(value, str):
        raise ValueError(f"the figure {key!r} is {value!r}, not a text; run its stage again")
    return value
