"""Refuses points most of whose generations ended without a gradable answer: their accuracy would say nothing.

Knows shares and what to do about each end; knows no files. Votes and rejection sampling are made of the parallel
samples, which are held to the limit themselves.

Example::

    check_answered({"aime24": points}, max_failed_share=0.5)        # ValueError where 60% of a point were cut
"""

from collections.abc import Mapping, Sequence

from s1.scoring.points import Point
from s1.setting_names import MADE_OF_SAMPLES

_ADVICE = {
    "no_answer": "answers end without an answer in them: look at data/score/scores.jsonl, chat.final_answer and the "
    "benchmark's answer_kind; with a judge also at its unclear replies in data/score/judge.jsonl",
    "cut_at_length": "answers are cut: raise generate.max_answer_tokens",
    "cut_at_context": "prompt, thinking and answer do not fit into the context: lower generate.budgets, "
    "max_thinking_tokens or max_answer_tokens, or raise engine.max_context",
    "looped": "thinking goes in circles: raise generate.temperature, or loosen generate.loops",
    "engine_error": "the engine failed: see .s1/logs/generate.log, mend it and run `dvc repro -f -s generate`, which "
    "asks for the failed generations only, then `dvc repro`",
}
_MAX_NAMED = 8


def check_answered(points_by_benchmark: Mapping[str, Sequence[Point]], *, max_failed_share: float) -> None:
    """Hold every measured point to the limit.

    Raises:
        ValueError: points have more failed generations; names them, their shares and what to do about each.
    """
    failed = [
        (benchmark, point)
        for benchmark, points in points_by_benchmark.items()
        for point in points
        if point.name.kind not in MADE_OF_SAMPLES and _failed(point) > max_failed_share
    ]
    if not failed:
        return
    ends = [end for end in _ADVICE if any(point.shares[end] > 0 for _, point in failed)]
    more = f"\n  and {len(failed) - _MAX_NAMED} more" if len(failed) > _MAX_NAMED else ""
    raise ValueError(
        f"{_count(len(failed))} more generations without a gradable answer than score.max_failed_share = "
        f"{max_failed_share:g} allows:\n"
        + "\n".join(f"  {benchmark} {_describe(point)}" for benchmark, point in failed[:_MAX_NAMED])
        + more
        + "\nWhat to do:\n"
        + "\n".join(f"  {end}: {_ADVICE[end]}" for end in ends)
        + "\nWhere that is what you want to measure, raise score.max_failed_share (1: never fails)."
    )


def _count(num_points: int) -> str:
    return "1 point has" if num_points == 1 else f"{num_points} points have"


def _failed(point: Point) -> float:
    return sum(share for end, share in point.shares.items() if end != "answered")


def _describe(point: Point) -> str:
    shares = ", ".join(f"{end} {share:.1%}" for end, share in point.shares.items() if end != "answered" and share)
    return f"{point.label}: {_failed(point):.1%} failed ({shares})"
