"""Checkpoint and benchmarks -> generations: forced decoding over budgets and Wait counts.

The tuned model answers every benchmark question under each maximum (``max-<budget>``) and each number of Waits
(``wait-<n>``); the base model it was tuned from answers directly (``direct``). Knows the engine and where artifacts
lie; grades nothing.

Example::

    metrics = run(stage, generate=params.generate, chat=params.chat, seed=params.seed)
    metrics["tuned"]["max-64"]["mean_thinking_tokens"]      # 61.3
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import ChatParams, GenerateParams
from s1.forcing import ForcingSpec, ForcingState, direct_setting, forced_settings
from s1.records import Generation, Question, Segment
from tasks.paths import BENCHMARKS, GENERATIONS, LARGE_MODEL, TUNED_MODEL
from tasks.stage import Metrics, StageContext, fingerprint, map_shards

if TYPE_CHECKING:
    from s1.engine.model import AnsweringModel


def run(stage: StageContext, *, generate: GenerateParams, chat: ChatParams, seed: int) -> Metrics:
    """Decode the named benchmarks with the tuned model and its base."""
    questions = _read_benchmarks(generate.benchmarks)
    forced = forced_settings(
        budgets=generate.budgets,
        wait_counts=generate.wait_counts,
        max_thinking_tokens=generate.max_thinking_tokens,
        max_answer_tokens=generate.max_answer_tokens,
    )
    direct = [direct_setting(max_answer_tokens=generate.max_answer_tokens)]
    generations = [
        row
        for name, folder, specs in (("tuned", TUNED_MODEL, forced), ("base", LARGE_MODEL, direct))
        for row in _decode(stage, name, folder, questions, specs, generate=generate, chat=chat, seed=seed)
    ]
    with ArtifactWriter(GENERATIONS.parent) as artifact:
        artifact.write_jsonl(GENERATIONS.name, generations)
    _count(stage, generations)
    return _measure(generations)


def _read_benchmarks(names: Sequence[str]) -> list[Question]:
    questions = [question for question in read_jsonl(BENCHMARKS, Question) if question.source in names]
    missing = sorted(set(names) - {question.source for question in questions})
    if missing:
        raise ValueError(f"{BENCHMARKS} has no question of {missing}, named in generate.benchmarks; add a source")
    return questions


def _decode(
    stage: StageContext,
    name: str,
    folder: Path,
    questions: Sequence[Question],
    specs: Sequence[ForcingSpec],
    *,
    generate: GenerateParams,
    chat: ChatParams,
    seed: int,
) -> list[Generation]:
    """All generations of one model, by question, sample and setting."""

    @cache
    def model() -> "AnsweringModel":
        # Loading torch takes seconds, which a run whose shards are all done need not spend.
        from s1.engine.model import load_model

        return load_model(folder, engine=generate.engine, chat=chat)

    place = {(question.source, question.id): index for index, question in enumerate(questions)}

    def decode(shard: Sequence[Question]) -> list[Generation]:
        first = place[shard[0].source, shard[0].id]
        every = max(1, len(shard) * generate.num_samples // 20)

        def show(num_done: int) -> None:
            if num_done % every == 0:
                stage.progress(first + num_done // generate.num_samples, len(questions), f"generate {name}")

        states = model().decode(
            shard,
            specs,
            num_samples=generate.num_samples,
            temperature=generate.temperature,
            seed=seed,
            on_done=show,
        )
        return [
            _to_generation(question, state, model().segments(state), name=name, sample=sample)
            for question, samples in zip(shard, states, strict=True)
            for sample, settings in enumerate(samples)
            for state in settings
        ]

    return map_shards(
        stage,
        f"generate {name}",
        questions,
        decode,
        kind=Generation,
        shard_size=generate.shard_size,
        key=fingerprint(generate, chat, seed, questions, folder),
    )


def _to_generation(
    question: Question, state: ForcingState, segments: list[Segment], *, name: str, sample: int
) -> Generation:
    assert state.outcome is not None
    return Generation(
        benchmark=question.source,
        question_id=question.id,
        model=name,
        setting=state.spec.name,
        sample=sample,
        segments=segments,
        thinking_end=state.thinking_end,
        num_waits=state.num_waits,
        state=state.outcome,
        num_thinking_tokens=state.num_thinking_tokens,
        num_sampled_tokens=state.num_sampled_tokens,
    )


def _count(stage: StageContext, generations: Sequence[Generation]) -> None:
    """Count the tokens that were decoded: what settings share was decoded, and is paid, once."""
    decoded = {
        (row.model, row.benchmark, row.question_id, row.sample, beginning)
        for row in generations
        for beginning in _sampled_beginnings(row)
    }
    stage.add_quantity("decoded_tokens", len(decoded))


def _sampled_beginnings(generation: Generation) -> list[int]:
    """A hash of all tokens up to each sampled one; equal hashes were decoded once."""
    beginnings, running = [], 0
    for segment in generation.segments:
        for token in segment.token_ids:
            running = hash((running, token))
            if not segment.forced:
                beginnings.append(running)
    return beginnings


def _measure(generations: Sequence[Generation]) -> Metrics:
    models: dict[str, Metrics] = {}
    groups: dict[tuple[str, str], list[Generation]] = {}
    for row in generations:
        groups.setdefault((row.model, row.setting), []).append(row)
    for (model, setting), rows in groups.items():
        models.setdefault(model, {})[setting] = {
            "num_generations": len(rows),
            "mean_thinking_tokens": fmean(row.num_thinking_tokens for row in rows),
            "mean_waits": fmean(row.num_waits for row in rows),
            "share_ended_by_budget": fmean(row.thinking_end == "budget" for row in rows),
            "share_cut": fmean(row.state != "answered" for row in rows),
        }
    return {**models}
