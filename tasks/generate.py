"""Checkpoint and benchmarks -> generations: forced decoding over budgets, Wait counts and whatever else is a point.

The tuned model answers every benchmark question under each maximum (``max-<budget>``), each number of Waits
(``wait-<n>``), the further settings and, each with a prompt of its own, the prompted controls; the base model it was
tuned from answers directly (``direct``). What settings share is decoded once. Every sample of a question is kept as
soon as it has ended, so a stage that is killed, or whose server dies, loses only what was under way; where the engine
failed on some, a run of the ended stage decodes only those. Knows the engine and where artifacts lie; grades nothing.

Example::

    metrics = run(stage, generate=params.generate, chat=params.chat, seed=params.seed)
    metrics["tuned"]["max-64"]["mean_thinking_tokens"]      # 61.3
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Literal

from pydantic import NonNegativeInt

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import ChatParams, GenerateParams
from s1.controls.points import ControlPoint, control_points
from s1.engine.forced import CurveResult
from s1.engine.model import AnsweringModel, Job
from s1.forcing import ForcingSpec, ForcingState, control_setting, direct_setting, of_sample
from s1.records import Generation, Question, Record, Segment
from tasks.answering import answering_model
from tasks.journal import Journal
from tasks.paths import BENCHMARKS, GENERATIONS, LARGE_MODEL, RUN_IDENTITY, TUNED_MODEL
from tasks.run_identity import note_session, write_run_identity
from tasks.stage import Metrics, StageContext, fingerprint

logger = logging.getLogger(__name__)

_AGAIN = "`dvc repro -f -s generate` asks for these again and for no others; then run `dvc repro`."
_NUM_SHOWN = 20
"""How often progress is shown in the decoding of one model."""

ModelName = Literal["tuned", "base"]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A job before its settings are known: ``auto`` needs the model."""

    question: Question
    sample: int
    temperature: float
    control: ControlPoint | None = None

    @property
    def key(self) -> str:
        control = "" if self.control is None else f"/{self.control.name}"
        return f"{self.question.source}/{self.question.id}/{self.sample}/{self.temperature}{control}"


class Decoded(Record):
    """A finished job, as the journal keeps it."""

    num_decoded: NonNegativeInt
    """Tokens that the engine sampled: what settings share counts once, tries on which it failed count too."""
    generations: list[Generation]
    """One per setting."""


@dataclass(slots=True)
class _Tally:
    """Figures of generations that need not stay in memory for it."""

    num_decoded: int = 0
    num_failed: int = 0
    rows: dict[tuple[str, str], list[Generation]] = field(default_factory=dict)
    """Generations without their tokens, by model and setting."""

    def add(self, decoded: Decoded) -> None:
        """Count one job."""
        self.num_decoded += decoded.num_decoded
        for row in decoded.generations:
            self.num_failed += row.state == "engine_error"
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
    if tally.num_failed:
        logger.warning("The engine failed on %d generations. %s", tally.num_failed, _AGAIN)
        stage.keep_work()
    return _measure(tally)


_MODELS: dict[ModelName, Path] = {"tuned": TUNED_MODEL, "base": LARGE_MODEL}


def _read_benchmarks(names: Sequence[str]) -> list[Question]:
    questions = [question for question in read_jsonl(BENCHMARKS, Question) if question.source in names]
    missing = sorted(set(names) - {question.source for question in questions})
    if missing:
        raise ValueError(f"{BENCHMARKS} has no question of {missing}, named in generate.benchmarks; add a source")
    return questions


def _plan(name: ModelName, questions: Sequence[Question], generate: GenerateParams) -> list[_Planned]:
    """The jobs of a model by question and sample: what shares prompt and temperature is one job."""
    is_tuned = name == "tuned"
    points = control_points(generate.controls) if is_tuned else []
    num_parallel = generate.num_parallel if is_tuned else 0
    plan = []
    for question, sample in product(questions, range(max(generate.num_samples, num_parallel))):
        curve = [generate.temperature] if sample < generate.num_samples else []
        parallel = [generate.temperature_of_parallel] if sample < num_parallel else []
        plan += [_Planned(question, sample, temperature) for temperature in dict.fromkeys(curve + parallel)]
        plan += [_Planned(question, sample, temperature, point) for temperature in curve for point in points]
    return plan


def _decoded(
    stage: StageContext,
    name: ModelName,
    work_folder: Path,
    questions: Sequence[Question],
    *,
    generate: GenerateParams,
    chat: ChatParams,
    seed: int,
) -> Journal[Decoded]:
    """The journal of one model with every planned job in it; what is there already is not decoded again."""
    plan = _plan(name, questions, generate)
    journal = Journal(work_folder / f"generate-{name}.journal", kind=Decoded)
    try:
        left = [planned for planned in plan if not _is_done(planned.key, journal)]

        def work() -> None:
            with answering_model(stage, _MODELS[name], engine=generate.engine, chat=chat) as model:
                jobs = _jobs(name, model, left, questions, generate)
                note_session(work_folder, model=model, jobs=jobs, engine=generate.engine)
                by_key = {planned.key: job for planned, job in zip(left, jobs, strict=True)}
                _decode(stage, name, model, by_key, journal, total=len(plan), seed=seed)

        if left:
            stage.run_shard(f"generate {name}", work)
        stage.progress(len(plan), len(plan), f"generate {name}")
    except BaseException:
        journal.close()
        raise
    return journal


def _is_done(key: str, journal: Journal[Decoded]) -> bool:
    """Whether a job has ended; one on which the engine failed is tried again by the next run."""
    return key in journal and all(row.state != "engine_error" for row in _read(journal, key).generations)


def _read(journal: Journal[Decoded], key: str) -> Decoded:
    [decoded] = journal.records(key)
    return decoded


def _decode(
    stage: StageContext,
    name: ModelName,
    model: AnsweringModel,
    jobs: Mapping[str, Job],
    journal: Journal[Decoded],
    *,
    total: int,
    seed: int,
) -> None:
    keys = {id(job): key for key, job in jobs.items()}
    every = max(1, total // _NUM_SHOWN)

    def keep(job: Job, result: CurveResult) -> None:
        key = keys[id(job)]
        rows = [_to_generation(job, state, model.segments(state), name=name) for state in result.states]
        num_before = _read(journal, key).num_decoded if key in journal else 0
        journal.add(key, [Decoded(num_decoded=num_before + result.num_decoded, generations=rows)])
        if len(journal) % every == 0:
            stage.progress(len(journal), total, f"generate {name}")

    model.decode(list(jobs.values()), seed=seed, on_done=keep)


def _jobs(
    name: ModelName,
    model: AnsweringModel,
    left: Sequence[_Planned],
    questions: Sequence[Question],
    generate: GenerateParams,
) -> list[Job]:
    """Planned jobs with their settings.

    ``auto`` is what the context leaves for the longest prompt of all questions, those that are done already too.
    """
    if name == "base":
        direct = (direct_setting(max_answer_tokens=generate.max_answer_tokens),)
        return [Job(item.question, item.sample, direct, temperature=item.temperature) for item in left]
    lengths = model.prompt_lengths(questions)
    specs = model.settings(generate, lengths)
    controlled = _control_specs(model, questions, generate, lengths)

    jobs = []
    for planned in left:
        wanted, sentence = of_sample(specs, generate, sample=planned.sample).get(planned.temperature, ()), None
        if planned.control is not None:
            wanted, sentence = (controlled[planned.control.name],), planned.control.sentence
        jobs.append(Job(planned.question, planned.sample, wanted, sentence, planned.temperature))
    return jobs


def _control_specs(
    model: AnsweringModel, questions: Sequence[Question], generate: GenerateParams, lengths: Sequence[int]
) -> dict[str, ForcingSpec]:
    """The controls' settings by name; their prompts are longer than the plain ones of ``lengths``."""
    points = control_points(generate.controls)
    longest = [max(lengths), *(max(model.prompt_lengths(questions, control=point.sentence)) for point in points)]
    limit = model.max_thinking_tokens(generate, longest_prompt=max(longest))
    specs = {
        point.name: control_setting(
            generate,
            point.name,
            max_thinking_tokens=point.max_thinking_tokens or limit,
            has_step_marks=point.has_step_marks,
        )
        for point in points
    }
    model.check_room(list(specs.values()), lengths)
    return specs


def _in_order(
    journals: dict[ModelName, Journal[Decoded]],
    questions: Sequence[Question],
    generate: GenerateParams,
    tally: _Tally,
) -> Iterator[Generation]:
    """All generations by model, question, sample and setting, read one job at a time and counted on the way."""
    for name, journal in journals.items():
        for planned in _plan(name, questions, generate):
            decoded = _read(journal, planned.key)
            tally.add(decoded)
            yield from decoded.generations


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
