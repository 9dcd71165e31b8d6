"""How many questions were left after each step: in our order, and in the paper's.

Our order asks the cheap questions first: a question that is too easy is never sent to the teacher. The paper asks
everything of everybody, then drops rows with a missing feature, then by quality, then by difficulty (section 2.2).
Counted in that order, some of our questions are *not asked*: nobody knows whether a trace of them would have failed.
They are told apart, never counted as missing. Knows the ledger's tally and what stages found out; draws nothing.

Example::

    funnels = funnel_of(tally, material, taken=ids)
    funnels["paper"]["complete"]       # {'left': 54116, 'not_asked': 20000, 'dropped': {'no_reference': 4913}}
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from pydantic import JsonValue

from s1.curation.reasons import DUPLICATE, QUALITY_REASONS
from s1.records import Question
from s1.selection.ledger import NOT_DRAWN, Tally, has_reference
from s1.selection.pool import Material

NO_REFERENCE = "no_reference"
"""The source states no solution and no answer, so nothing could be graded (the paper's questions of USACO)."""
NOT_ASKED = "not_asked"
"""Never attempted or never sent to a teacher, in our order of stages."""
_UNASKED_TRACE = "not_recorded"
"""State of a trace that a replayed teacher was never asked for."""


@dataclass(slots=True)
class FunnelStep:
    """One step: how many questions are left after it, and what became of the others."""

    left: int
    dropped: Counter[str] = field(default_factory=Counter)
    """Questions that leave at this step, by reason code."""
    not_asked: int = 0
    """Of those left: the order of our stages never found out whether they belong there."""

    def as_metrics(self) -> dict[str, JsonValue]:
        """As ``metrics/select.json`` carries it."""
        dropped: dict[str, JsonValue] = dict(sorted(self.dropped.items()))
        return {"left": self.left, "not_asked": self.not_asked, "dropped": dropped}


def funnel_of(tally: Tally, material: Material, *, taken: Set[str]) -> dict[str, JsonValue]:
    """Both orders, by name (``ours``, ``paper``), step by step.

    Args:
        tally: of the whole ledger.
        material: what the stages found out about the curated questions.
        taken: ids of the selected questions.
    """
    return {
        "ours": _as_metrics(our_funnel(tally)),
        "paper": _as_metrics(paper_funnel(tally, material, taken=taken)),
    }


def _as_metrics(steps: Mapping[str, FunnelStep]) -> dict[str, JsonValue]:
    return {name: step.as_metrics() for name, step in steps.items()}


def our_funnel(tally: Tally) -> dict[str, FunnelStep]:
    """collected, unique, decontaminated, quality, hard, traced, selected: as the stages decide."""
    leaving: dict[str, Counter[str]] = {name: Counter() for name in ("unique", "decontaminated", "quality")}
    leaving |= {name: Counter() for name in ("hard", "traced", "selected")}
    num_taken = 0
    for (stage, reason), count in tally.reasons.items():
        if stage == "select" and reason != NOT_DRAWN:
            num_taken += count
        else:
            leaving[_step_of(stage, reason)][reason] += count
    left = tally.reasons.total()
    steps = {"collected": FunnelStep(left)}
    for name, dropped in leaving.items():
        left -= dropped.total()
        steps[name] = FunnelStep(left, dropped)
    assert left == num_taken
    return steps


def _step_of(stage: str, reason: str) -> str:
    if stage == "curate":
        return "unique" if reason == DUPLICATE else "quality" if reason in QUALITY_REASONS else "decontaminated"
    return {"attempt": "hard", "distill": "traced", "classify": "traced", "select": "selected"}[stage]


def paper_funnel(tally: Tally, material: Material, *, taken: Set[str]) -> dict[str, FunnelStep]:
    """pool, complete, quality, hard, selected: as the paper counts (59,029, 54,116, 51,581, 24,496, 1,000).

    The paper's pool is what is left of dedupe and decontamination. A missing feature is a reference that the source
    does not state, a trace that failed, or an attempt that could not be graded.
    """
    poor = Counter(
        {
            reason: count
            for (stage, reason), count in tally.reasons.items()
            if stage == "curate" and reason in QUALITY_REASONS
        }
    )
    poor_complete = poor - tally.unanswerable
    missing = Counter({NO_REFERENCE: tally.unanswerable.total()})
    easy, left_out = Counter[str](), Counter[str]()
    num_unasked = num_unasked_easy = 0
    for question in material.questions:
        lack, is_unasked = _features(question, material)
        reason = material.difficulty[question.id].reason
        if lack is not None:
            missing[lack] += 1
            continue
        num_unasked += is_unasked
        if reason.startswith("too_easy"):
            easy[reason] += 1
            num_unasked_easy += is_unasked
        elif question.id not in taken:
            left_out[NOT_ASKED if is_unasked else NOT_DRAWN] += 1
    num_pool = poor.total() + len(material.questions)
    num_complete = num_pool - missing.total()
    num_good = num_complete - poor_complete.total()
    return {
        "pool": FunnelStep(num_pool),
        "complete": FunnelStep(num_complete, +missing, not_asked=num_unasked + poor_complete.total()),
        "quality": FunnelStep(num_good, poor_complete, not_asked=num_unasked),
        "hard": FunnelStep(num_good - easy.total(), easy, not_asked=num_unasked - num_unasked_easy),
        "selected": FunnelStep(len(taken), left_out),
    }


def _features(question: Question, material: Material) -> tuple[str | None, bool]:
    """What a curated question lacks although it was asked for, and whether something was never asked."""
    if not has_reference(question):
        return NO_REFERENCE, False
    difficulty, trace = material.difficulty[question.id], material.traces.get(question.id)
    if difficulty.reason == "ungraded":
        return "ungraded", False
    if trace is None or trace.state == _UNASKED_TRACE:
        return None, True
    if trace.state != "answered" or not trace.has_thinking or not trace.answer.strip():
        return f"trace_{trace.state if trace.state != 'answered' else 'empty'}", False
    return None, difficulty.reason == "not_attempted"
