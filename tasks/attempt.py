"""Curated questions -> attempts: both base models answer directly, and their answers are graded.

Knows the engine, the grader and where artifacts lie. A question that either model gets right is too easy (paper
section 2.2); who acts on that is ``select``.

Example::

    metrics = run(stage, attempt=params.attempt, chat=params.chat, seed=params.seed)
    metrics["share_too_easy"]       # 0.41
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import fmean

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import AttemptParams, ChatParams
from s1.engine.forced import CurveResult
from s1.engine.model import AnsweringModel, Job
from s1.forcing import ForcingState, direct_setting
from s1.grading import extract_answer, grade
from s1.records import Attempt, Question
from tasks.answering import answering_model
from tasks.paths import ATTEMPTS, BASE_MODELS, CURATED
from tasks.stage import Metrics, StageContext, fingerprint, map_shards


def run(stage: StageContext, *, attempt: AttemptParams, chat: ChatParams, seed: int) -> Metrics:
    """Let both base models answer every curated question."""
    questions = read_jsonl(CURATED, Question)
    attempts = [
        row
        for name, folder in BASE_MODELS.items()
        for row in _attempt(stage, name, folder, questions, attempt=attempt, chat=chat, seed=seed)
    ]
    with ArtifactWriter(ATTEMPTS.parent) as artifact:
        artifact.write_jsonl(ATTEMPTS.name, attempts)
    stage.add_quantity("decoded_tokens", sum(row.num_tokens for row in attempts))
    return _measure(questions, attempts)


def _attempt(
    stage: StageContext,
    name: str,
    folder: Path,
    questions: Sequence[Question],
    *,
    attempt: AttemptParams,
    chat: ChatParams,
    seed: int,
) -> list[Attempt]:
    specs = (direct_setting(max_answer_tokens=attempt.max_new_tokens),)
    with ExitStack() as stack:

        @cache
        def model() -> AnsweringModel:
            return stack.enter_context(answering_model(stage, folder, engine=attempt.engine, chat=chat))

        def answer(shard: Sequence[Question]) -> list[Attempt]:
            rows: dict[str, Attempt] = {}

            def keep(job: Job, result: CurveResult) -> None:
                rows[job.question.id] = _to_attempt(model(), job.question, result.states[0], name=name)

            jobs = [Job(question, 0, specs, temperature=attempt.temperature) for question in shard]
            model().decode(jobs, seed=seed, on_done=keep)
            return [rows[question.id] for question in shard]

        return map_shards(
            stage,
            f"attempt {name}",
            questions,
            answer,
            kind=Attempt,
            shard_size=attempt.shard_size,
            key=fingerprint(attempt, chat, seed, questions, folder),
        )


def _to_attempt(model: AnsweringModel, question: Question, state: ForcingState, *, name: str) -> Attempt:
    """Grade one response.

    A response cut at its limit gave no answer and is wrong. A prompt that did not fit, or on which the engine failed,
    was no attempt: nothing shows that its question is hard, so it stays ungraded.
    """
    assert state.outcome is not None
    response = "".join(part.text for part in model.segments(state))
    answer = extract_answer(response, kind=question.answer_kind) if state.outcome == "answered" else None
    return Attempt(
        question_id=question.id,
        model=name,
        response=response,
        answer=answer,
        correct=None if state.outcome in ("cut_at_context", "engine_error") else grade(answer, question),
        state=state.outcome,
        num_tokens=state.num_sampled_tokens,
    )


def _measure(questions: Sequence[Question], attempts: Sequence[Attempt]) -> Metrics:
    solved = {row.question_id for row in attempts if row.correct}
    return {
        "num_questions": len(questions),
        "num_too_easy": len(solved),
        "share_too_easy": len(solved) / len(questions) if questions else None,
        "models": {name: _measure_model([row for row in attempts if row.model == name]) for name in BASE_MODELS},
    }


def _measure_model(attempts: Sequence[Attempt]) -> Metrics:
    graded = [row for row in attempts if row.correct is not None]
    return {
        "accuracy": fmean(bool(row.correct) for row in graded) if graded else None,
        "num_graded": len(graded),
        "num_no_answer": sum(row.state == "answered" and row.answer is None for row in attempts),
        "num_cut": sum(row.state != "answered" for row in attempts),
        "mean_answer_tokens": fmean(row.num_tokens for row in attempts) if attempts else None,
    }
