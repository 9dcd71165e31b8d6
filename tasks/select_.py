"""Traces and domains -> the selection, and a decision for every curated question.

Knows ``s1.selection`` and where artifacts lie; lengths are counted with the tokenizer of the model to be trained.

Example::

    metrics = run(stage, select=params.select, seed=params.seed)
    metrics["funnel"]         # {'collected': 6060, ..., 'hard': 3100, 'traced': 3100, 'selected': 1000}
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import SelectParams
from s1.curation import count_steps
from s1.difficulty import judge_difficulty
from s1.grading import extract_answer, grade
from s1.records import Attempt, Decision, DomainLabel, Question, SelectedQuestion, Trace
from s1.selection.pool import Candidate, Material, Pool, build_pool, index_by_question
from s1.selection.recipes import Draw, Pick, draw
from s1.tokens import load_token_counter
from tasks.paths import (
    ATTEMPTS,
    CURATE_DECISIONS,
    CURATED,
    DOMAINS,
    LARGE_MODEL,
    PLOTS_FOLDER,
    SELECT_DECISIONS,
    SELECTION,
    TRACES,
)
from tasks.plots import write_plot
from tasks.stage import Metrics, StageContext

NOT_DRAWN = "not_drawn"
DOMAINS_PLOT = PLOTS_FOLDER / "select" / "domains.json"
"""Questions by domain for ``dvc plots``."""
_PROGRESS_EVERY = 200


def run(stage: StageContext, *, select: SelectParams, seed: int) -> Metrics:
    """Build the pool, draw from it, and say why for every question."""
    material = _read_material()
    pool = build_pool(
        material,
        recipe=select.recipe,
        count_tokens=load_token_counter(LARGE_MODEL),
        judge=_Judge(stage, num_traces=len(material.traces)),
    )
    if not pool.candidates:
        reasons = dict(Counter(rejection.reason for rejection in pool.rejections.values()))
        raise ValueError(f"no question can be selected: {reasons}. Collect more or harder questions, or distill again.")
    drawn = draw(pool.candidates, params=select, seed=seed)
    with ArtifactWriter(SELECTION.parent) as artifact:
        artifact.write_jsonl(SELECTION.name, [_selected(pick) for pick in drawn.picks])
        artifact.write_jsonl(SELECT_DECISIONS.name, _decide(material.questions, pool, drawn))
    write_plot(DOMAINS_PLOT, _count_domains(pool, drawn))
    return {"funnel": _funnel(material, pool, drawn), **_measure(pool, drawn, select)}


class _Judge:
    """Grades the teacher's answers and reports progress: symbolic grading of many thousands takes minutes."""

    def __init__(self, stage: StageContext, *, num_traces: int) -> None:
        self._stage = stage
        self._num_traces = num_traces
        self._num_done = 0

    def __call__(self, answer: str, question: Question) -> bool | None:
        self._num_done += 1
        if self._num_done % _PROGRESS_EVERY == 0:
            self._stage.progress(self._num_done, self._num_traces, "grade the teacher's answers")
        return grade(extract_answer(answer, kind=question.answer_kind), question)


def _read_material() -> Material:
    questions = read_jsonl(CURATED, Question)
    return Material(
        questions=questions,
        difficulty=judge_difficulty(questions, read_jsonl(ATTEMPTS, Attempt)),
        traces=index_by_question(read_jsonl(TRACES, Trace), what="traces"),
        labels=index_by_question(read_jsonl(DOMAINS, DomainLabel), what="domain labels"),
    )


def _selected(pick: Pick) -> SelectedQuestion:
    candidate = pick.candidate
    return SelectedQuestion(
        question_id=candidate.question.id,
        question=candidate.question.question,
        source=candidate.question.source,
        domain=candidate.domain,
        thinking=candidate.trace.thinking,
        answer=candidate.trace.answer,
        reason=pick.reason,
        trace_length=candidate.trace_length,
    )


def _decide(questions: Sequence[Question], pool: Pool, drawn: Draw) -> list[Decision]:
    """One decision per curated question, in the curated order."""
    picks = {pick.candidate.question.id: pick for pick in drawn.picks}
    candidates = {candidate.question.id: candidate for candidate in pool.candidates}
    decisions: list[Decision] = []
    for question in questions:
        if question.id in picks:
            reason, detail = picks[question.id].reason, picks[question.id].detail
        elif question.id in candidates:
            candidate = candidates[question.id]
            reason, detail = NOT_DRAWN, f"domain {candidate.domain}, {candidate.trace_length} thinking tokens"
        else:
            reason, detail = pool.rejections[question.id].reason, pool.rejections[question.id].detail
        decisions.append(
            Decision(
                question_id=question.id,
                source=question.source,
                kept=question.id in picks,
                reason=reason,
                detail=detail,
            )
        )
    return decisions


def _count_domains(pool: Pool, drawn: Draw) -> list[Metrics]:
    """Every domain of the pool, with the number of its questions and of those selected."""
    in_pool = Counter(candidate.domain for candidate in pool.candidates)
    selected = Counter(pick.candidate.domain for pick in drawn.picks)
    return [
        {"domain": domain, "num_selected": selected[domain], "num_in_pool": in_pool[domain]}
        for domain in sorted(in_pool)
    ]


def _funnel(material: Material, pool: Pool, drawn: Draw) -> Metrics:
    """Questions left after each step, from collection on."""
    return {
        **count_steps(read_jsonl(CURATE_DECISIONS, Decision)),
        "hard": sum(verdict.is_hard for verdict in material.difficulty.values()),
        "traced": len(pool.candidates),
        "selected": len(drawn.picks),
    }


def _measure(pool: Pool, drawn: Draw, select: SelectParams) -> Metrics:
    selection = [pick.candidate for pick in drawn.picks]
    num_short = 0 if select.recipe == "full" else max(0, select.num_examples - len(selection))
    rejected = Counter(rejection.reason for rejection in pool.rejections.values())
    reasons = Counter(pick.reason for pick in drawn.picks) + rejected
    reasons[NOT_DRAWN] = len(pool.candidates) - len(selection)
    by_reason: Metrics = dict(sorted(reasons.items()))
    weights: Metrics = dict(drawn.domain_weights)
    return {
        "num_selected": len(selection),
        "num_short_of_wanted": num_short,
        "num_repeated_draws": drawn.num_repeats,
        "reasons": by_reason,
        "domain_weights": weights,
        "pool": _describe(pool.candidates),
        "selection": _describe(selection),
    }


def _describe(candidates: Sequence[Candidate]) -> Metrics:
    """Size, domains, trace length and the teacher's accuracy; ungraded answers are no part of the accuracy."""
    graded = [candidate.correct for candidate in candidates if candidate.correct is not None]
    domains: Metrics = dict(sorted(Counter(candidate.domain for candidate in candidates).items()))
    return {
        "num": len(candidates),
        "num_domains": len(domains),
        "domains": domains,
        "mean_trace_length": fmean(candidate.trace_length for candidate in candidates) if candidates else None,
        "teacher_accuracy": fmean(graded) if graded else None,
        "num_ungraded": len(candidates) - len(graded),
    }
