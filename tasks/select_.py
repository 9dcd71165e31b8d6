"""Traces and domains -> the selections, and the fate of every collected question.

Knows ``s1.selection`` and where artifacts lie; lengths are counted with the tokenizer of the model to be trained.

Example::

    metrics = run(stage, select=params.select, seed=params.seed)
    metrics["funnel"]         # {'collected': 6060, ..., 'hard': 3100, 'traced': 3100, 'selected': 1000}
"""

import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from pydantic import JsonValue

from s1.artifacts import ArtifactWriter, JsonlIndex, iterate_jsonl
from s1.config import SelectParams
from s1.decisions import Decision
from s1.records import Question, SelectedQuestion, Trace
from s1.selection.comparison import jaccard
from s1.selection.funnel import funnel_of
from s1.selection.ledger import NOT_DRAWN, Tally, account, decide, fates_of
from s1.selection.pool import Candidate, Material, Pool, build_pool
from s1.selection.recipes import Draw, Pick, draw
from s1.tokens import load_token_counter
from tasks.paths import (
    CURATE_DECISIONS,
    LARGE_MODEL,
    LEDGER,
    OTHER_SELECTIONS,
    PLOTS_FOLDER,
    QUESTIONS,
    SELECT_DECISIONS,
    SELECTION,
    TRACES,
)
from tasks.plots import write_plot
from tasks.pooling import AnswerJudge, main_entry, other_entry, params_of, read_material
from tasks.stage import Metrics, StageContext

logger = logging.getLogger(__name__)

DOMAINS_PLOT = PLOTS_FOLDER / "select" / "domains.json"
"""Questions by domain for ``dvc plots``."""
_ACCURACY_SAMPLE = 5000
"""Candidates at most whose answers are graded to know the teacher's accuracy on the pool: grading takes milliseconds
to seconds each, and the share of so many is known to within 1.4 points."""


@dataclass(frozen=True, slots=True)
class _Other:
    """One more selection that was drawn."""

    name: str
    num_wanted: int | None
    pool: Pool
    drawn: Draw


def run(stage: StageContext, *, select: SelectParams, seed: int) -> Metrics:
    """Build the pool, draw from it, and say why for every question."""
    material = read_material(select, count_tokens=load_token_counter(LARGE_MODEL))
    stage.progress(1, 3, f"read {len(material.questions)} questions and {len(material.traces)} traces")
    judge = AnswerJudge(lambda num: stage.progress(1, 3, f"graded {num} of the teacher's answers"))
    pool = build_pool(material, main_entry(select))
    _refuse_empty(pool)
    drawn = draw(pool.candidates, params=select, seed=seed, judge=judge)
    others = _draw_others(material, select, seed=seed, judge=judge)
    stage.progress(2, 3, f"drew {len(drawn.picks)} of {len(pool.candidates)}")
    tally = Tally()
    _write(material, pool, drawn, others, tally=tally)
    write_plot(DOMAINS_PLOT, _count_domains(pool, drawn))
    metrics = _measure(pool, drawn, select, judge=judge, seed=seed)
    stage.progress(3, 3, f"accounted for {tally.reasons.total()} questions")
    funnels = funnel_of(tally, material, taken=_ids_of(drawn))
    return {
        "funnel": _num_left(funnels["ours"]),
        "funnels": funnels,
        **metrics,
        "sources": _count_sources(material, pool, drawn),
        "others": {other.name: _describe_other(other, drawn) for other in others},
    }


def _ids_of(drawn: Draw) -> set[str]:
    return {pick.candidate.question.id for pick in drawn.picks}


def _refuse_empty(pool: Pool) -> None:
    if not pool.candidates:
        reasons = dict(Counter(rejection.reason for rejection in pool.rejections.values()))
        raise ValueError(
            f"no question can be selected: {reasons}. Collect more or harder questions, distill them, or count as "
            "hard what nobody attempted or could grade (attempt.not_attempted, attempt.ungraded)."
        )


def _draw_others(material: Material, select: SelectParams, *, seed: int, judge: AnswerJudge) -> list[_Other]:
    others: list[_Other] = []
    for other in select.others:
        pool = build_pool(material, other_entry(other))
        if not pool.candidates:
            reasons = dict(Counter(rejection.reason for rejection in pool.rejections.values()))
            logger.warning("the selection %s is empty, because no question can be selected: %s", other.name, reasons)
        drawn = draw(pool.candidates, params=params_of(other, select), seed=seed, judge=judge)
        others.append(_Other(other.name, None if other.recipe == "full" else other.num_examples, pool, drawn))
    return others


def _write(material: Material, pool: Pool, drawn: Draw, others: Sequence[_Other], *, tally: Tally) -> None:
    """All files of the stage; ``tally`` counts the ledger."""
    fates = fates_of(material.questions, pool, drawn)
    collected = zip(iterate_jsonl(QUESTIONS, Question), iterate_jsonl(CURATE_DECISIONS, Decision), strict=True)
    traces = JsonlIndex(TRACES, Trace, key=lambda trace: trace.question_id)
    with ArtifactWriter(SELECTION.parent) as artifact:
        artifact.write_jsonl(SELECTION.name, _selected(drawn.picks, traces))
        artifact.write_jsonl(SELECT_DECISIONS.name, decide(material.questions, fates))
        artifact.write_jsonl(LEDGER.name, account(collected, fates, tally=tally))
        for other in others:
            artifact.write_jsonl(f"{OTHER_SELECTIONS.name}/{other.name}.jsonl", _selected(other.drawn.picks, traces))


def _selected(picks: Iterable[Pick], traces: JsonlIndex[Trace, str]) -> Iterator[SelectedQuestion]:
    """Rows of a selection; the traces' texts are read one at a time."""
    for pick in picks:
        candidate = pick.candidate
        trace = traces.get(candidate.question.id) if candidate.answer is not None else None
        yield SelectedQuestion(
            question_id=candidate.question.id,
            question=candidate.question.question,
            source=candidate.question.source,
            domain=candidate.domain,
            thinking="" if trace is None else trace.thinking,
            answer="" if trace is None else trace.answer,
            reason=pick.reason,
            trace_length=candidate.trace_length,
        )


def _count_domains(pool: Pool, drawn: Draw) -> list[Metrics]:
    """Every domain of the pool, with the number of its questions and of those selected."""
    in_pool = Counter(candidate.domain for candidate in pool.candidates)
    selected = Counter(pick.candidate.domain for pick in drawn.picks)
    return [
        {"domain": domain, "num_selected": selected[domain], "num_in_pool": in_pool[domain]}
        for domain in sorted(in_pool)
    ]


def _count_sources(material: Material, pool: Pool, drawn: Draw) -> Metrics:
    """Every source of a curated question, with its questions after each step."""
    curated = Counter(question.source for question in material.questions)
    in_pool = Counter(candidate.question.source for candidate in pool.candidates)
    selected = Counter(pick.candidate.question.source for pick in drawn.picks)
    return {
        source: {"num_curated": curated[source], "num_in_pool": in_pool[source], "num_selected": selected[source]}
        for source in sorted(curated)
    }


def _num_left(steps: JsonValue) -> Metrics:
    """Questions left after each step of a funnel, from collection on."""
    assert isinstance(steps, dict)
    return {name: step["left"] for name, step in steps.items() if isinstance(step, dict)}


def _measure(pool: Pool, drawn: Draw, select: SelectParams, *, judge: AnswerJudge, seed: int) -> Metrics:
    selection = [pick.candidate for pick in drawn.picks]
    num_short = 0 if select.recipe == "full" else max(0, select.num_examples - len(selection))
    rejected = Counter(rejection.reason for rejection in pool.rejections.values())
    reasons = Counter(pick.reason for pick in drawn.picks) + rejected
    reasons[NOT_DRAWN] = len(pool.candidates) - len(selection)
    by_reason: Metrics = dict(sorted(reasons.items()))
    weights: Metrics = dict(drawn.domain_weights)
    sample = pool.candidates
    if len(sample) > _ACCURACY_SAMPLE:
        sample = random.Random(f"accuracy-{seed}").sample(sample, _ACCURACY_SAMPLE)
    return {
        "num_selected": len(selection),
        "num_short_of_wanted": num_short,
        "num_repeated_draws": drawn.num_repeats,
        "reasons": by_reason,
        "domain_weights": weights,
        "pool": {**_describe(pool.candidates), **_grade(sample, judge)},
        "selection": {**_describe(selection), **_grade(selection, judge)},
    }


def _describe(candidates: Sequence[Candidate]) -> Metrics:
    """Size, domains and trace length; the mean is over those that have a trace."""
    domains: Metrics = dict(sorted(Counter(candidate.domain for candidate in candidates).items()))
    lengths = [candidate.trace_length for candidate in candidates if candidate.answer is not None]
    return {
        "num": len(candidates),
        "num_domains": len(domains),
        "domains": domains,
        "mean_trace_length": fmean(lengths) if lengths else None,
    }


def _grade(candidates: Sequence[Candidate], judge: AnswerJudge) -> Metrics:
    """The teacher's accuracy; answers that cannot be graded are no part of it."""
    verdicts = [judge(candidate) for candidate in candidates]
    graded = [verdict for verdict in verdicts if verdict is not None]
    return {
        "teacher_accuracy": fmean(graded) if graded else None,
        "num_judged": len(verdicts),
        "num_ungraded": len(verdicts) - len(graded),
    }


def _describe_other(other: _Other, main: Draw) -> Metrics:
    """Another selection's figures, and how far it is the one that is trained on."""
    selection = [pick.candidate for pick in other.drawn.picks]
    ids = _ids_of(other.drawn)
    main_ids = _ids_of(main)
    sources: Metrics = dict(sorted(Counter(candidate.question.source for candidate in selection).items()))
    return {
        **_describe(selection),
        "num_short_of_wanted": 0 if other.num_wanted is None else other.num_wanted - len(selection),
        "num_in_pool": len(other.pool.candidates),
        "num_without_trace": sum(candidate.answer is None for candidate in selection),
        "num_shared": len(ids & main_ids),
        "jaccard": jaccard(ids, main_ids),
        "sources": sources,
    }
