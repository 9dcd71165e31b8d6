"""`attempt` and `generate` with an untrained nano model: every question under every setting, graded or to be graded."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import AttemptParams, ControlParams, ForcingParams, GenerateParams, LocalEngine, ProceduralSource
from s1.decisions import Decision
from s1.engine.local import LocalEngine as LocalDecoder
from s1.engine.model import Job
from s1.engine.protocol import Completion, FollowUp, Request
from s1.forcing import ForcingState
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from s1.records import Attempt, Generation, Question, Segment
from s1.sources import read_source
from tasks import attempt, generate
from tasks.paths import (
    ATTEMPTS,
    BENCHMARKS,
    CURATED,
    DIFFICULTY,
    GENERATIONS,
    LARGE_MODEL,
    SMALL_MODEL,
    TUNED_MODEL,
)
from tasks.stage import ShardRunner, StageContext
from tests.delimiters import S1_DELIMITERS

ENGINE = LocalEngine(kind="local", dtype="float32", batch_size=8)
ATTEMPT = AttemptParams(engine=ENGINE, max_new_tokens=5, temperature=0.0, shard_size=4)
GENERATE = GenerateParams(
    engine=ENGINE,
    benchmarks=["nano-test"],
    budgets=[4, 8],
    wait_counts=[0, 2],
    max_thinking_tokens=12,
    max_answer_tokens=3,
    temperature=0.0,
    num_samples=1,
)


def ask(num: int, *, seed: int, source: str) -> list[Question]:
    made = ProceduralSource(kind="procedural", name=source, num=num, seed=seed)
    return [item for item in read_source(made, seed=0) if isinstance(item, Question)]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_tokenizer()
    spec = NanoModelSpec(hidden_size=32, num_layers=1, num_heads=2, intermediate_size=32)
    with torch.random.fork_rng():
        build_model(spec, tokenizer, seed=0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in (SMALL_MODEL, LARGE_MODEL, TUNED_MODEL):
        shutil.copytree(model_folder, folder)
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, ask(6, seed=1, source="procedural"))
    benchmarks = [*ask(3, seed=2, source="nano-test"), *ask(2, seed=3, source="nano-dev")]
    with ArtifactWriter(BENCHMARKS.parent) as artifact:
        artifact.write_jsonl(BENCHMARKS.name, benchmarks)
    return tmp_path


def make_stage(folder: Path, *, run_shard: ShardRunner | None = None) -> StageContext:
    return StageContext(
        "test", folder / "work", lambda done, total, note: None, run_shard or run_directly, lambda step, figures: None
    )


def run_directly(name: str, work: Callable[[], None]) -> None:
    work()


def test_both_base_models_attempt_every_curated_question(workspace: Path) -> None:
    metrics = attempt.run(make_stage(workspace), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    attempts = read_jsonl(ATTEMPTS, Attempt)
    curated = [question.id for question in read_jsonl(CURATED, Question)]
    assert [(row.model, row.question_id) for row in attempts] == [
        (name, question_id) for name in ("small", "large") for question_id in curated
    ]
    assert metrics["num_questions"] == 6
    assert metrics["num_too_easy"] == len({row.question_id for row in attempts if row.correct})
    assert all(row.num_tokens is not None and row.num_tokens <= 5 for row in attempts)


def test_a_cut_attempt_is_wrong_and_has_no_answer(workspace: Path) -> None:
    attempt.run(make_stage(workspace), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    cut = [row for row in read_jsonl(ATTEMPTS, Attempt) if row.state == "cut_at_length"]
    assert cut
    assert {(row.answer, row.correct) for row in cut} == {(None, False)}


def test_a_question_too_long_for_the_model_stays_ungraded(workspace: Path) -> None:
    long = Question.create(question="word " * 2000, solution="1", answer="1", source="procedural")
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, [long])
    metrics = attempt.run(make_stage(workspace), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    assert [(row.state, row.correct) for row in read_jsonl(ATTEMPTS, Attempt)] == [("cut_at_context", None)] * 2
    assert [(row.reason, row.kept) for row in read_jsonl(DIFFICULTY, Decision)] == [("not_attempted", False)]
    assert metrics["models"]["small"]["accuracy"] is None  # type: ignore[index,call-overload]


def test_the_tuned_model_answers_under_every_setting_and_the_base_model_directly(workspace: Path) -> None:
    stage = make_stage(workspace)
    metrics = generate.run(stage, generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    generations = read_jsonl(GENERATIONS, Generation)
    benchmark = [question.id for question in read_jsonl(BENCHMARKS, Question) if question.source == "nano-test"]
    settings = ["max-4", "max-8", "wait-0", "wait-2"]
    expected = [("tuned", question_id, setting) for question_id in benchmark for setting in settings]
    expected += [("base", question_id, "direct") for question_id in benchmark]
    assert [(row.model, row.question_id, row.setting) for row in generations] == expected
    assert list(metrics) == ["tuned", "base"]
    assert list(stage.quantities) == ["decoded_tokens"]


def test_generations_keep_their_budgets_and_name_what_was_forced(workspace: Path) -> None:
    generate.run(make_stage(workspace), generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    for row in read_jsonl(GENERATIONS, Generation):
        limit = {"max-4": 4, "max-8": 8, "wait-0": 12, "wait-2": 12, "direct": 0}[row.setting]
        assert row.num_thinking_tokens <= limit
        thinking = [part for part in row.segments if part.phase == "thinking"]
        assert row.num_thinking_tokens == sum(len(part.token_ids) for part in thinking)
        if row.thinking_end == "budget":
            forced = next(part for part in row.segments if part.phase == "answer")
            assert forced.forced
            assert forced.text.lstrip("\n") == "<|im_start|>answer\nFinal Answer:"


def test_decoded_tokens_are_those_that_the_engine_sampled(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    num_sampled = 0
    decode = LocalDecoder.generate

    def count(engine: LocalDecoder, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        def take(completion: Completion) -> Sequence[Request]:
            nonlocal num_sampled
            num_sampled += len(completion.token_ids) + (completion.stop_id is not None)
            return on_finish(completion)

        decode(engine, requests, on_finish=take)

    monkeypatch.setattr(LocalDecoder, "generate", count)
    stage = make_stage(workspace)
    generate.run(stage, generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    separately = sum(row.num_sampled_tokens for row in read_jsonl(GENERATIONS, Generation))
    assert 0 < stage.quantities["decoded_tokens"] == num_sampled < separately


def test_a_killed_generation_goes_on_from_its_finished_questions(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = make_stage(workspace)
    generate.run(undisturbed, generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    whole = GENERATIONS.read_text()
    shutil.rmtree(workspace / "work")
    shutil.rmtree(GENERATIONS.parent)
    decoded: list[tuple[str, str]] = []
    to_generation = generate._to_generation

    def die_at_the_second_question(job: Job, state: ForcingState, segments: list[Segment], *, name: Any) -> Generation:
        decoded.append((name, job.question.id))
        if len({question for _, question in decoded}) == 2:
            raise KeyboardInterrupt
        return to_generation(job, state, segments, name=name)

    monkeypatch.setattr(generate, "_to_generation", die_at_the_second_question)
    with pytest.raises(KeyboardInterrupt):
        generate.run(make_stage(workspace), generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    assert not GENERATIONS.exists()
    first = decoded[0]
    decoded = []

    def note(job: Job, state: ForcingState, segments: list[Segment], *, name: Any) -> Generation:
        decoded.append((name, job.question.id))
        return to_generation(job, state, segments, name=name)

    monkeypatch.setattr(generate, "_to_generation", note)
    resumed = make_stage(workspace)
    generate.run(resumed, generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    assert resumed.quantities == undisturbed.quantities
    assert first not in decoded
    assert len(set(decoded)) == 5  # two questions of the tuned model, three of the base model
    assert GENERATIONS.read_text() == whole


def test_after_an_engines_failure_everything_else_is_kept_and_only_the_failed_is_asked_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate.run(make_stage(workspace), generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    whole = GENERATIONS.read_text()
    shutil.rmtree(workspace / "work")
    decode = LocalDecoder.generate
    asked: list[int] = []

    def fail_on_the_first(engine: LocalDecoder, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        asked.append(len({request.group for request in requests}))
        for request in (item for item in requests if item.group == "0"):
            on_finish(Completion(request=request, token_ids=(), finish="error", error="broken"))
        decode(engine, [item for item in requests if item.group != "0"], on_finish=on_finish)

    broken, mended = make_stage(workspace), make_stage(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(LocalDecoder, "generate", fail_on_the_first)
        generate.run(broken, generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    assert asked == [3, 3]
    failed = [row for row in read_jsonl(GENERATIONS, Generation) if row.state == "engine_error"]
    assert len(failed) == 4 + 1  # one question of the tuned model and one of the base model
    assert (len(broken.kept_work), broken.opened_work) == (2, [])

    def note(engine: LocalDecoder, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        asked.append(len({request.group for request in requests}))
        decode(engine, requests, on_finish=on_finish)

    monkeypatch.setattr(LocalDecoder, "generate", note)
    generate.run(mended, generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    assert asked == [3, 3, 1, 1]
    assert GENERATIONS.read_text() == whole
    assert (mended.kept_work, len(mended.opened_work)) == ([], 2)


def test_an_attempt_on_which_the_engine_failed_stays_ungraded(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(engine: LocalDecoder, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        for request in requests:
            on_finish(Completion(request=request, token_ids=(), finish="error", error="broken"))

    monkeypatch.setattr(LocalDecoder, "generate", fail)
    attempt.run(make_stage(workspace), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    assert {(row.state, row.correct) for row in read_jsonl(ATTEMPTS, Attempt)} == {("engine_error", None)}


def test_nothing_is_loaded_when_everything_is_decoded(workspace: Path) -> None:
    generate.run(make_stage(workspace), generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    names: list[str] = []

    def run_shard(name: str, work: Callable[[], None]) -> None:
        names.append(name)

    generate.run(make_stage(workspace, run_shard=run_shard), generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    assert names == []


def test_parallel_samples_and_controls_are_points_of_their_own(workspace: Path) -> None:
    wanted = GenerateParams(
        **GENERATE.model_dump(exclude={"temperature", "num_parallel", "controls", "settings"}),
        temperature=1.0,
        num_parallel=3,
        controls=[ControlParams(kind="tokens", amounts=[4], force=True), ControlParams(kind="class")],
        settings=[ForcingParams(name="exact-6", max_thinking_tokens=6, min_thinking_tokens=6)],
    )
    generate.run(make_stage(workspace), generate=wanted, chat=S1_DELIMITERS, seed=0)
    rows = [row for row in read_jsonl(GENERATIONS, Generation) if row.model == "tuned"]
    plain = ["max-4", "max-8", "wait-0", "wait-2", "exact-6"]
    controls = ["tokens-4-forced", "class-short", "class-long"]
    first = rows[0].question_id
    assert [(row.sample, row.setting) for row in rows if row.question_id == first] == [
        *((0, name) for name in [*plain, "parallel", *controls]),
        (1, "parallel"),
        (2, "parallel"),
    ]
    by_name = {(row.question_id, row.sample, row.setting): row for row in rows}
    for (question, sample, setting), row in by_name.items():
        if setting == "parallel" and sample == 0:  # the same trace: it is plain thinking
            assert row.segments == by_name[question, 0, "wait-0"].segments
        if setting == "tokens-4-forced":
            assert row.num_thinking_tokens <= 4
        if setting == "exact-6":
            assert row.num_thinking_tokens == 6


def test_parallel_samples_are_drawn_at_a_temperature_of_their_own_beside_greedy_points(workspace: Path) -> None:
    generate.run(make_stage(workspace), generate=GENERATE, chat=S1_DELIMITERS, seed=0)
    greedy = [row for row in read_jsonl(GENERATIONS, Generation) if row.setting != "parallel"]
    wanted = GENERATE.model_copy(update={"num_parallel": 3, "parallel_temperature": 1.0})
    generate.run(make_stage(workspace), generate=wanted, chat=S1_DELIMITERS, seed=0)
    rows = read_jsonl(GENERATIONS, Generation)
    assert [row for row in rows if row.setting != "parallel"] == greedy
    drawn = [row for row in rows if row.setting == "parallel"]
    assert [(row.question_id, row.sample) for row in drawn] == [
        (question, sample) for question in dict.fromkeys(row.question_id for row in greedy) for sample in range(3)
    ]
    for question in {row.question_id for row in drawn}:
        texts = {str(row.segments) for row in drawn if row.question_id == question}
        plain = next(row for row in greedy if (row.question_id, row.setting) == (question, "wait-0"))
        assert len(texts | {str(plain.segments)}) == 4


def test_a_benchmark_without_questions_is_named(workspace: Path) -> None:
    wanted = GENERATE.model_copy(update={"benchmarks": ["nano-test", "aime24"]})
    with pytest.raises(ValueError, match="aime24"):
        generate.run(make_stage(workspace), generate=wanted, chat=S1_DELIMITERS, seed=0)
