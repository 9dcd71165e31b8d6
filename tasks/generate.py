"""Checkpoint and benchmarks -> generations: forced decoding over budgets, Wait counts and whatever else is a point.

The tuned model answers every benchmark question under each maximum (``max-<budget>``), each number of Waits
(``wait-<n>``), the further settings and, each with a prompt of its own, the prompted controls; the base model it was
tuned from answers directly (``direct``). What settings share is decoded once. Every sample of a question is kept as
soon as it has ended, so a stage that is killed, or whose server dies, loses only what was under way. Knows the
engine and where artifacts lie; grades nothing.

Example::

    metrics = run(stage, generate=params.generate, chat=params.chat, seed=params.seed)
    metrics["tuned"]["max-64"]["mean_thinking_tokens"]      # 61.3
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Literal

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import ChatParams, GenerateParams
from s1.control_points import ControlPoint, control_points
from s1.engine.model import AnsweringModel, Job
from s1.forcing import ForcingSpec, ForcingState, control_setting, direct_setting, of_sample
from s1.records import Generation, Question, Segment
from tasks.answering import answering_model
from tasks.journal import Journal
from tasks.paths import BENCHMARKS, GENERATIONS, LARGE_MODEL, RUN_IDENTITY, TUNED_MODEL
from tasks.run_identity import note_session, write_run_identity
from tasks.stage import Metrics, StageContext, fingerprint

_NUM_SHOWN = 20
"""How often progress is shown in the decoding of one model."""

ModelName = Literal["tuned", "base"]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A job before its settings are known: ``auto`` needs the model."""

    question: Question
    sample: int
    control: ControlPoint | None = None

    @property
    def key(self) -> str:
        control = "" if self.control is None else f"/{self.control.name}"
        return f"{self.question.source}/{self.question.id}/{self.sample}{control}"


@dataclass(slots=True)
class _Tally:
    """Figures of generations that need not stay in memory for it."""

    num_decoded: int = 0
    """Tokens that were decoded: what the settings of a job share is counted once."""
    rows: dict[tuple[str, str], list[Generation]] = field(default_factory=dict)
    """Generations without their tokens, by model and setting."""

    def add(self, generations: Sequence[Generation]) -> None:
        """Count the generations of one job."""
        self.num_decoded += len({beginning for row in generations for beginning in _sampled_beginnings(row)})
        for row in generations:
            self.rows.setdefault((row.model, row.setting), []).append(row.model_copy(update={"segments": []}))


def run(stage: StageContext, *, generate: GenerateParams, chat: ChatParams, seed: int) -> Metrics:
    """Decode the named benchmarks with the tuned model and its base."""
    questions = _read_benchmarks(generate.benchmarks)
    tally = _Tally()
    work_folders = {
        name: stage.open_work(fingerprint(generate, chat, seed, questions, folder)) for name, folder in _MODELS.items()
    }
    with ExitStack() as stack, ArtifactWriter(GENERATIONS.parent) as artifact:
        journals = {
            name: stack.enter_context(
                _decoded(stage, name, work_folder, questions, generate=generate, chat=chat, seed=seed)
            )
            for name, work_folder in work_folders.items()
        }
        artifact.write_jsonl(GENERATIONS.name, _in_order(journals, questions, generate, tally))
        write_run_identity(
            artifact.path(RUN_IDENTITY.name),
            models=_MODELS,
            work_folders=work_folders,
            questions=questions,
            generate=generate,
            chat=chat,
            seed=seed,
        )
    stage.add_quantity("decoded_tokens", tally.num_decoded)
    return _measure(tally)


_MODELS: dict[ModelName, Path] = {"tuned": TUNED_MODEL, "base": LARGE_MODEL}


def _read_benchmarks(names: Sequence[str]) -> list[Question]:
    questions = [question for question in read_jsonl(BENCHMARKS, Question) if question.source in names]
    missing = sorted(set(names) - {question.source for question in questions})
    if missing:
        raise ValueError(f"{BENCHMARKS} has no question of {missing}, named in generate.benchmarks; add a source")
    return questions


def _plan(name: ModelName, questions: Sequence[Question], generate: GenerateParams) -> list[_Planned]:
    """The jobs of a model by question and sample, behind each the controls' (another prompt is another job)."""
    points = control_points(generate.controls) if name == "tuned" else []
    num_samples = max(generate.num_samples, generate.num_parallel) if name == "tuned" else generate.num_samples
    return [
        _Planned(question, sample, control)
        for question in questions
        for sample in range(num_samples)
        for control in (None, *(points if sample < generate.num_samples else ()))
    ]


def _decoded(
    stage: StageContext,
    name: ModelName,
    work_folder: Path,
    questions: Sequence[Question],
    *,
    generate: GenerateParams,
    chat: ChatParams,
    seed: int,
) -> Journal[Generation]:
    """The journal of one model with every planned job in it; what is there already is not decoded again."""
    plan = _plan(name, questions, generate)
    journal = Journal(work_folder / f"generate-{name}.journal", kind=Generation)
    try:
        left = [planned for planned in plan if not _is_done(planned.key, journal)]

        def work() -> None:
            with answering_model(_MODELS[name], engine=generate.engine, chat=chat) as model:
                jobs = _jobs(name, model, left, generate)
                note_session(work_folder, model=model, jobs=jobs, engine=generate.engine)
                by_key = {planned.key: job for planned, job in zip(left, jobs, strict=True)}
                _decode(stage, name, model, by_key, journal, total=len(plan), generate=generate, seed=seed)

        if left:
            stage.run_shard(f"generate {name}", work)
        stage.progress(len(plan), len(plan), f"generate {name}")
    except BaseException:
        journal.close()
        raise
    return journal


def _is_done(key: str, journal: Journal[Generation]) -> bool:
    """Whether a job has ended; one on which the engine failed is tried again by the next run."""
    return key in journal and all(row.state != "engine_error" for row in journal.records(key))


def _decode(
    stage: StageContext,
    name: ModelName,
    model: AnsweringModel,
    jobs: Mapping[str, Job],
    journal: Journal[Generation],
    *,
    total: int,
    generate: GenerateParams,
    seed: int,
) -> None:
    keys = {id(job): key for key, job in jobs.items()}
    every = max(1, total // _NUM_SHOWN)

    def keep(job: Job, states: Sequence[ForcingState]) -> None:
        rows = [_to_generation(job, state, model.segments(state), name=name) for state in states]
        journal.add(keys[id(job)], rows)
        if len(journal) % every == 0:
            stage.progress(len(journal), total, f"generate {name}")

    model.decode(list(jobs.values()), temperature=generate.temperature, seed=seed, on_done=keep)


def _jobs(name: ModelName, model: AnsweringModel, left: Sequence[_Planned], generate: GenerateParams) -> list[Job]:
    """Planned jobs with their settings.

    ``auto`` is what the context leaves for the longest prompt of all questions, those that are done already too.
    """
    if name == "base":
        direct = (direct_setting(max_answer_tokens=generate.max_answer_tokens),)
        return [Job(planned.question, planned.sample, direct) for planned in left]
    questions = _read_benchmarks(generate.benchmarks)
    specs = model.settings(generate, questions)
    points = control_points(generate.controls)
    limit = model.max_thinking_tokens(generate, questions, controls=[None, *(point.sentence for point in points)])
    controlled = {point.name: _control_spec(point, generate, limit=limit) for point in points}
    model.check_room(list(controlled.values()), questions)
    return [
        Job(planned.question, planned.sample, of_sample(specs, generate, sample=planned.sample))
        if planned.control is None
        else Job(planned.question, planned.sample, (controlled[planned.control.name],), planned.control.sentence)
        for planned in left
    ]


def _control_spec(point: ControlPoint, generate: GenerateParams, *, limit: int) -> ForcingSpec:
    return control_setting(
        generate,
        point.name,
        max_thinking_tokens=limit if point.max_thinking_tokens is None else point.max_thinking_tokens,
        has_step_marks=point.has_step_marks,
    )


def _in_order(
    journals: dict[ModelName, Journal[Generation]],
    questions: Sequence[Question],
    generate: GenerateParams,
    tally: _Tally,
) -> Iterator[Generation]:
    """All generations by model, question, sample and setting, read one job at a time and counted on the way."""
    for name, journal in journals.items():
        for planned in _plan(name, questions, generate):
            rows = journal.records(planned.key)
            tally.add(rows)
            yield from rows


def _to_generation(job: Job, state: ForcingState, segments: list[Segment], *, name: ModelName) -> Generation:
    assert state.outcome is not None
    return Generation(
        benchmark=job.question.source,
        question_id=job.question.id,
        model=name,
        setting=state.spec.name,
        sample=job.sample,
        segments=segments,
        thinking_end=state.thinking_end,
        num_waits=state.num_waits,
        state=state.outcome,
        num_thinking_tokens=state.num_thinking_tokens,
        num_sampled_tokens=state.num_sampled_tokens,
    )


def _sampled_beginnings(generation: Generation) -> list[int]:
    """A hash of all tokens up to each sampled one; equal hashes were decoded once."""
    beginnings, running = [], 0
    for segment in generation.segments:
        for token in segment.token_ids:
            running = hash((running, token))
            if not segment.forced:
                beginnings.append(running)
    return beginnings


def _measure(tally: _Tally) -> Metrics:
    models: dict[str, Metrics] = {}
    for (model, setting), rows in tally.rows.items():
        models.setdefault(model, {})[setting] = {
            "num_generations": len(rows),
            "mean_thinking_tokens": fmean(row.num_thinking_tokens for row in rows),
            "mean_waits": fmean(row.num_waits for row in rows),
            "share_ended_by_budget": fmean(row.thinking_end == "budget" for row in rows),
            "share_cut": fmean(row.state != "answered" for row in rows),
            "share_failed": fmean(row.state == "engine_error" for row in rows),
        }
    return {**models}
