"""Curated questions -> attempts and difficulty: both base models answer directly, and their answers are graded.

Knows the engine, the grader and where artifacts lie. A question that either model gets right is too easy (paper
section 2.2); that is decided here, once, for all later stages. Recorded attempts stand for models that are not run
(``tasks.recorded_attempts``).

Example::

    metrics = run(stage, attempt=params.attempt, chat=params.chat, seed=params.seed)
    metrics["share_too_easy"]       # 0.41
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import fmean

from infra.prices import tokens_of_model
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.attempts.grading import grade_attempt, judge_attempts
from s1.config import AttemptParams, ChatParams, EngineParams, Judge, RecordedEngine
from s1.decisions import Decision
from s1.difficulty import MODELS, NOT_ATTEMPTED, TOO_EASY_REASONS, decide_difficulty
from s1.engine.forced import CurveResult
from s1.engine.model import AnsweringModel, Job
from s1.forcing import ForcingState, direct_setting
from s1.recordings import RecordingReading
from s1.records import Attempt, Question
from s1.teacher.archive import Archive
from tasks.answering import answering_model
from tasks.paths import ATTEMPT_REFUSED, ATTEMPTS, BASE_MODELS, CURATED, DIFFICULTY
from tasks.recorded_attempts import read_recorded_attempts
from tasks.stage import Metrics, StageContext, fingerprint, map_shards


def run(stage: StageContext, *, attempt: AttemptParams, chat: ChatParams, seed: int) -> Metrics:
    """Have both base models' attempts on every curated question, and decide which questions are hard."""
    questions = read_jsonl(CURATED, Question)
    readings: list[RecordingReading] = []
    if isinstance(attempt.engine, RecordedEngine):
        recorded = read_recorded_attempts(stage, attempt.engine, questions)
        attempts, readings = recorded.attempts, recorded.readings
    else:
        attempts = _decode(stage, questions, engine=attempt.engine, attempt=attempt, chat=chat, seed=seed)
    judged: Metrics = {}
    if attempt.judge is not None:
        attempts, judged = _judge(stage, attempts, questions, judge=attempt.judge)
    decisions = decide_difficulty(questions, attempts, not_attempted=attempt.not_attempted, ungraded=attempt.ungraded)
    with ArtifactWriter(ATTEMPTS.parent) as artifact:
        artifact.write_jsonl(ATTEMPTS.name, attempts)
        artifact.write_jsonl(DIFFICULTY.name, decisions)
        artifact.write_jsonl(ATTEMPT_REFUSED.name, [row for reading in readings for row in reading.refusals])
    files: Metrics = {reading.file: reading.figures() for reading in readings}
    return {**_measure(attempts, decisions), **({"files": files} if files else {}), **judged}


def _decode(
    stage: StageContext,
    questions: Sequence[Question],
    *,
    engine: EngineParams,
    attempt: AttemptParams,
    chat: ChatParams,
    seed: int,
) -> list[Attempt]:
    """Let both base models answer every question."""
    attempts = [
        row
        for name, folder in BASE_MODELS.items()
        for row in _attempt(stage, name, folder, questions, engine=engine, attempt=attempt, chat=chat, seed=seed)
    ]
    stage.add_quantity("decoded_tokens", sum(row.num_tokens or 0 for row in attempts))
    return attempts


def _attempt(
    stage: StageContext,
    name: str,
    folder: Path,
    questions: Sequence[Question],
    *,
    engine: EngineParams,
    attempt: AttemptParams,
    chat: ChatParams,
    seed: int,
) -> list[Attempt]:
    specs = (direct_setting(max_answer_tokens=attempt.max_new_tokens),)
    with ExitStack() as stack:

        @cache
        def model() -> AnsweringModel:
            return stack.enter_context(answering_model(stage, folder, engine=engine, chat=chat))

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
            key=fingerprint(_decoding_of(attempt), chat, seed, questions, folder),
        )


def _decoding_of(attempt: AttemptParams) -> AttemptParams:
    """The parameters without what is decided after decoding: another judge or policy keeps what is decoded."""
    return attempt.model_copy(update={"judge": None, "not_attempted": "out", "ungraded": "out"})


def _to_attempt(model: AnsweringModel, question: Question, state: ForcingState, *, name: str) -> Attempt:
    assert state.outcome is not None
    return grade_attempt(
        question,
        response="".join(part.text for part in model.segments(state)),
        state=state.outcome,
        model=name,
        num_tokens=state.num_sampled_tokens,
    )


def _judge(
    stage: StageContext, attempts: Sequence[Attempt], questions: Sequence[Question], *, judge: Judge
) -> tuple[list[Attempt], Metrics]:
    """Ask the judge about what cannot be graded; its tokens go into the stage's ledger, whenever they were paid for."""
    judged = judge_attempts(
        attempts,
        {question.id: question for question in questions},
        judge=judge,
        archive=Archive(stage.archive_folder / "judge"),
        progress=lambda done, total: stage.progress(done, total, f"attempts judged by {judge.model}"),
    )
    # Equal prompts share one opinion, which is paid for once.
    paid = {item.prompt: opinion.usage for item, opinion in zip(judged.items, judged.opinions, strict=True)}.values()
    tokens = tokens_of_model(
        judge.model,
        prompt_tokens=sum(usage.prompt_tokens for usage in paid),
        output_tokens=sum(usage.thinking_tokens + usage.answer_tokens for usage in paid),
    )
    for name, amount in tokens.items():
        stage.add_quantity(name, amount)
    table: Metrics = {name: {**counts} for name, counts in judged.table.items()}
    return judged.attempts, {"judge": {"num_judged": len(judged.items), "table": table}}


def _measure(attempts: Sequence[Attempt], decisions: Sequence[Decision]) -> Metrics:
    reasons = Counter(decision.reason for decision in decisions)
    num_too_easy = sum(reasons[reason] for reason in TOO_EASY_REASONS)
    by_reason: Metrics = dict(sorted(reasons.items()))
    return {
        "num_questions": len(decisions),
        "num_attempted": len(decisions) - reasons[NOT_ATTEMPTED],
        "num_too_easy": num_too_easy,
        "num_hard": sum(decision.kept for decision in decisions),
        "share_too_easy": num_too_easy / len(decisions) if decisions else None,
        "reasons": by_reason,
        "models": {name: _measure_model([row for row in attempts if row.model == name]) for name in MODELS},
    }


def _measure_model(attempts: Sequence[Attempt]) -> Metrics:
    graded = [row for row in attempts if row.correct is not None]
    lengths = [row.num_tokens for row in attempts if row.num_tokens is not None]
    return {
        "accuracy": fmean(bool(row.correct) for row in graded) if graded else None,
        "num_graded": len(graded),
        "num_no_answer": sum(row.state == "answered" and row.answer is None for row in attempts),
        "num_cut": sum(row.state != "answered" for row in attempts),
        "mean_answer_tokens": fmean(lengths) if lengths else None,
    }
