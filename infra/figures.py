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
    """The scaling curves of ``metrics/score.json``: accuracy with the budget, or the number of Waits, as the step.

    So that MLflow draws them: one metric per curve, for example ``score/nano-test/tuned/accuracy_by_budget``. Settings
    with neither budget nor Wait count (direct answers) stay plain metrics.
    """
    curve: list[CurvePoint] = []
    for benchmark, models in score.items():
        for model, settings in models.items():
            for point in settings.values():
                for name, key in (("budget", "budget"), ("waits", "wait_count")):
                    if isinstance(point, Mapping) and "accuracy" in point and point.get(key) is not None:
                        base = _FORBIDDEN.sub("_", f"score/{benchmark}/{model}")
                        curve.extend(_curve_figures(point, base=base, name=name, step=int(point[key])))
    return curve


def _curve_figures(point: Mapping[str, Any], *, base: str, name: str, step: int) -> list[CurvePoint]:
    return [
        CurvePoint(f"{base}/{figure}_by_{name}", step, float(point[figure]))
        for figure in ("accuracy", "mean_thinking_tokens")
        if point.get(figure) is not None
    ]
