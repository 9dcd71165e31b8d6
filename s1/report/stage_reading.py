"""Reads what stages counted and took (``metrics/<stage>.json``, ``ledger/<stage>.json``) into the report's types.

Knows the funnel of the curation, the domains and the ledgers; scores are read by ``reading``.

Example::

    read_stage_cost("train", json.loads(Path("ledger/train.json").read_text()), dollars=0.5).wall_seconds
"""

import re

from s1.report.content import DomainCount, FunnelStep, StageCost
from s1.report.figures import Figures, group, number, whole

FUNNEL = ("collected", "unique", "decontaminated", "quality", "hard", "traced", "selected")
"""Steps of the curation in the order of the chain; files are sorted by name."""

SECONDS_PER_HOUR = 3600.0
TAKEN = "taken"

_REASON_STEPS = (
    (re.compile(r"duplicate"), "unique"),
    (re.compile(r"exact_benchmark|ngram\d*|benchmark_\w+"), "decontaminated"),
    (re.compile(r"too_short|too_long|image|numbered_parts|bold_number|picture_needed|wrong_language"), "quality"),
    (re.compile(r"too_easy_\w+|not_attempted|ungraded"), "hard"),
    (re.compile(r"not_drawn"), "selected"),
    (re.compile(r"prepick|diversity|random|diverse|longest|full"), TAKEN),
)


def read_funnel(curate: Figures | None, select: Figures | None) -> list[FunnelStep]:
    """Questions left after each step, with the reason codes of those that left; empty when nothing was counted.

    Once ``select`` has accounted for every question its ledger's count is taken, else what stages counted themselves.
    """
    ours = group(group(select, "funnels"), "ours")
    if ours:
        return [_read_step(name, group(ours, name), select) for name in FUNNEL]
    counts = {**group(curate, "funnel"), **group(select, "funnel")}
    if not counts:
        return []
    reasons: dict[str, list[tuple[str, int]]] = {}
    for figures in (curate, select):
        counted = group(figures, "reasons")
        for reason in counted:
            count = whole(counted, reason)
            if count and reason != "kept":
                reasons.setdefault(step_of_reason(reason), []).append((reason, count))
    return [
        FunnelStep(
            name=name,
            count=whole(counts, name),
            reasons=tuple(reasons.get(name, [])),
            taken=tuple(reasons.get(TAKEN, [])) if name == FUNNEL[-1] else (),
        )
        for name in FUNNEL
    ]


def read_examples_step(tokenize: Figures | None) -> FunnelStep:
    """The step behind the selection: examples to train on, and why selected questions gave none."""
    reasons = group(tokenize, "reasons")
    left = [(reason, whole(reasons, reason) or 0) for reason in reasons if reason not in ("trained", "cut")]
    return FunnelStep("examples", whole(tokenize or {}, "num_examples"), tuple(left))


def _read_step(name: str, figures: Figures, select: Figures | None) -> FunnelStep:
    dropped, given = group(figures, "dropped"), group(select, "reasons")
    taken = [(reason, whole(given, reason) or 0) for reason in given if step_of_reason(reason) == TAKEN]
    return FunnelStep(
        name=name,
        count=whole(figures, "left"),
        reasons=tuple((reason, whole(dropped, reason) or 0) for reason in dropped),
        taken=tuple(taken) if name == FUNNEL[-1] else (),
    )


def step_of_reason(reason: str) -> str:
    """The funnel's step that a reason code belongs to; traces have the codes that nothing else has."""
    return next((step for pattern, step in _REASON_STEPS if pattern.fullmatch(reason)), "traced")


def read_domains(select: Figures | None) -> list[DomainCount]:
    """Domains of the pool and of the selection, most frequent in the pool first."""
    pool, selection = (group(group(select, part), "domains") for part in ("pool", "selection"))
    counts = [
        DomainCount(name, pool=whole(pool, name) or 0, selection=whole(selection, name) or 0)
        for name in {**pool, **selection}
    ]
    return sorted(counts, key=lambda count: (-count.pool, count.domain))


def read_num_selected(select: Figures | None) -> int | None:
    """How many examples were selected."""
    return whole(group(select, "funnel"), FUNNEL[-1])


def read_stage_cost(stage: str, ledger: Figures | None, *, dollars: float | None) -> StageCost:
    """A stage's ledger in hours, with its tokens (quantities named ``…_tokens``) by kind; the caller prices it."""
    figures = ledger or {}
    cpu_seconds, gpu_seconds = number(figures, "cpu_seconds"), number(figures, "gpu_seconds")
    kinds = [name for name in figures if name.endswith("_tokens")]
    return StageCost(
        stage=stage,
        wall_seconds=number(figures, "wall_seconds"),
        cpu_hours=None if cpu_seconds is None else cpu_seconds / SECONDS_PER_HOUR,
        gpu_hours=None if gpu_seconds is None else gpu_seconds / SECONDS_PER_HOUR,
        dollars=dollars,
        tokens=tuple((_kind_of_tokens(kind), number(figures, kind) or 0.0) for kind in kinds),
    )


def _kind_of_tokens(name: str) -> str:
    """``thinking_tokens`` -> thinking; ``model/gemini-2.5-flash/input_tokens`` -> gemini-2.5-flash input."""
    model, slash, kind = name.removeprefix("model/").removesuffix("_tokens").rpartition("/")
    return f"{model}{' ' if slash else ''}{_spaced(kind)}"


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
