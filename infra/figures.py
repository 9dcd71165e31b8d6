"""Names of figures: nested parameters and metrics as the flat keys that MLflow wants, the same in every run.

Pure; does not know MLflow. Parameters are dotted as in ``params.yaml``; metrics are joined by ``/``. Only numbers
become metrics: undefined (``None``) is left out, never zero.

Example::

    flatten_params({"select": {"num_examples": 1000}})          # {'select.num_examples': '1000'}
    flatten_metrics({"small": {"accuracy": 0.25, "note": "x"}}) # {'small/accuracy': 0.25}
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_FORBIDDEN = re.compile(r"[^\w\-. /:]")
"""What MLflow refuses in a key."""
_CURVES = {"budget": "budget", "wait": "waits", "vote": "votes"}
"""Kinds of settings whose amount is the step of a curve, and what the curve is called by."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a curve that MLflow can draw: a metric's value at a step."""

    key: str
    step: int
    value: float


def flatten_params(value: Any, prefix: str = "") -> dict[str, str]:
    """Flatten sections of parameters; lists of plain values stay together as JSON."""
    if isinstance(value, Mapping):
        children = [(str(name), child) for name, child in value.items()]
    elif isinstance(value, list) and any(isinstance(child, (Mapping, list)) for child in value):
        children = [(str(index), child) for index, child in enumerate(value)]
    else:
        return {prefix: value if isinstance(value, str) else json.dumps(value)}
    flat: dict[str, str] = {}
    for name, child in children:
        flat.update(flatten_params(child, f"{prefix}.{name}" if prefix else name))
    return flat


def flatten_metrics(value: Any, prefix: str = "") -> dict[str, float]:
    """Flatten nested metrics; whatever is no finite number (text, lists, None, booleans) is left out."""
    if isinstance(value, Mapping):
        flat: dict[str, float] = {}
        for name, child in value.items():
            flat.update(flatten_metrics(child, f"{prefix}/{name}" if prefix else str(name)))
        return flat
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return {}
    return {_FORBIDDEN.sub("_", prefix): float(value)}


def curve_points(score: Mapping[str, Any]) -> list[CurvePoint]:
    """The scaling curves of ``metrics/score.json``: accuracy with the budget, the Waits or the votes as the step.

    So that MLflow draws them: one metric per curve, for example ``accuracy_by_budget/nano-test.tuned``. The figure
    comes first because MLflow cuts long titles at the end and sorts charts by name: so the curves of all benchmarks
    stand together at the top of its page, where ``score/…/accuracy_by_budget`` and ``…_by_waits`` looked the same.
    Settings of other kinds (direct answers, texts other than Wait) stay plain metrics.
    """
    curve: list[CurvePoint] = []
    for benchmark, models in score.items():
        for model, settings in models.items():
            for point in (settings or {}).values():
                name = _CURVES.get(str(point.get("kind"))) if isinstance(point, Mapping) else None
                if name is not None and "accuracy" in point:
                    subject = _FORBIDDEN.sub("_", f"{benchmark}.{model}")
                    curve.extend(_curve_figures(point, subject=subject, name=name, step=int(point["amount"])))
    return curve


def _curve_figures(point: Mapping[str, Any], *, subject: str, name: str, step: int) -> list[CurvePoint]:
    return [
        CurvePoint(f"{figure}_by_{name}/{subject}", step, float(point[key]))
        for figure, key in (("accuracy", "accuracy"), ("thinking_tokens", "mean_thinking_tokens"))
        if point.get(key) is not None
    ]


def headline_figures(score: Mapping[str, Any]) -> dict[str, float]:
    """What a chain run shows of ``metrics/score.json`` beside its curves: answers without thinking, and the summaries.

    The stage's own run has every figure; a hundred charts of single settings would hide the curves here.
    """
    chosen: dict[str, Any] = {}
    for benchmark, models in score.items():
        direct = {
            name: {"direct": {"accuracy": settings["direct"].get("accuracy")}}
            for name, settings in models.items()
            if settings and "direct" in settings
        }
        chosen[benchmark] = {**direct, **({"curve": models["curve"]} if "curve" in models else {})}
    return flatten_metrics(chosen, "score")
