"""What a run of ``generate`` says it was made with: real models, the environment's servers, work that went on."""

from pathlib import Path

import pytest
import torch

from infra.device import device_name
from s1.comparing.identity import EngineIdentity, RunIdentity, identity_tags, read_run_identity
from s1.config import GenerateParams
from s1.controls.points import control_points
from s1.engine.model import Job, load_model
from s1.forcing import control_setting, direct_setting
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from s1.records import Question
from tasks.journal import Journal
from tasks.run_identity import Session, describe_servers, note_session, write_run_identity
from tests.delimiters import S1_DELIMITERS

GENERATE = GenerateParams.model_validate(
    {
        "engine": {"kind": "local", "dtype": "float32", "batch_size": 8},
        "benchmarks": ["nano-test"],
        "budgets": [4],
        "wait_counts": [0],
        "controls": [{"kind": "steps", "amounts": [2], "force": True}],
        "max_thinking_tokens": 12,
        "max_answer_tokens": 3,
        "temperature": 0.0,
        "num_samples": 1,
        "loops": {},
    }
)
QUESTION = Question.create(question="2+2?", solution="4", source="nano-test")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_tokenizer()
    with torch.random.fork_rng():
        build_model(
            NanoModelSpec(hidden_size=16, num_layers=1, num_heads=1, intermediate_size=16), tokenizer, seed=0
        ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_record(folder: Path, *, models: dict[str, Path], work_folders: dict[str, Path], seed: int = 0) -> RunIdentity:
    return write_run_identity(
        folder / "run.json",
        models=models,
        work_folders=work_folders,
        questions=[QUESTION],
        generate=GENERATE,
        chat=S1_DELIMITERS,
        seed=seed,
    )


def test_the_record_names_model_engine_settings_and_sentences(model_folder: Path, tmp_path: Path) -> None:
    model = load_model(model_folder, engine=GENERATE.engine, chat=S1_DELIMITERS)
    [point] = control_points(GENERATE.controls)
    spec = control_setting(GENERATE, point.name, max_thinking_tokens=200, has_step_marks=point.has_step_marks)
    jobs = [
        Job(QUESTION, 0, (direct_setting(max_answer_tokens=3),)),
        Job(QUESTION, 0, (spec,), point.sentence),
    ]
    for _ in range(2):  # a stage that was stopped notes the same again
        note_session(tmp_path / "work", model=model, jobs=jobs, engine=GENERATE.engine)
    write_record(tmp_path, models={"tuned": model_folder}, work_folders={"tuned": tmp_path / "work"}, seed=7)
    identity = read_run_identity(tmp_path / "run.json")
    assert identity.settings.keys() == {"tuned/direct", "tuned/steps-2-forced"}
    forced = identity.settings["tuned/steps-2-forced"]
    assert (forced["sentence"], forced["max_thinking_tokens"]) == ("Think for up to 2 steps.", 200)
    assert forced["loops"] == {"max_period": 200, "min_repeats": 4, "min_tokens": 400, "check_every": 512}
    assert (identity.engine.kind, identity.engine.dtype, identity.engine.batch_size) == ("local", "float32", 8)
    assert identity.engine.device == device_name()
    assert (identity.earlier_engines, identity.seed) == ((), 7)
    tags = identity_tags(identity)
    assert tags["run.tuned.weights"] == identity.models["tuned"].weights
    assert tags["run.engine"].startswith("local ")
    assert len(read_sessions(tmp_path / "work")) == 1


def read_sessions(folder: Path) -> list[str]:
    return (folder / "sessions.jsonl").read_text().splitlines()


def test_work_that_went_on_with_another_engine_says_so(model_folder: Path, tmp_path: Path) -> None:
    engines = [EngineIdentity(kind="vllm", version=version, dtype="float32") for version in ("0.6.1", "0.11.0")]
    with Journal(tmp_path / "work" / "sessions.jsonl", kind=Session) as journal:
        for engine in engines:
            journal.add(engine.version, [Session(engine=engine, settings={})])
    identity = write_record(tmp_path, models={"tuned": model_folder}, work_folders={"tuned": tmp_path / "work"})
    assert (identity.engine, identity.earlier_engines) == (engines[1], (engines[0],))


SERVED = EngineIdentity(kind="vllm", version="0.11.0", dtype="bfloat16", num_servers=2, tensor_parallel=None)


def test_started_servers_are_told_by_their_options_without_keys() -> None:
    environment = {"S1_VLLM_ARGS": "--tensor-parallel-size 8 --api-key hush --seed 1 -tp=4"}
    found = describe_servers(SERVED, environment=environment)
    assert (found.num_servers, found.tensor_parallel, found.arguments) == (2, 4, ("--seed", "1"))
    assert "hush" not in found.model_dump_json()


def test_of_other_peoples_servers_only_the_number_and_version_are_known() -> None:
    assert describe_servers(SERVED, environment={"S1_VLLM_URLS": "http://a, http://b, http://base"}) == SERVED


def test_servers_of_another_version_for_the_base_model_are_its_own_and_no_interruption(
    model_folder: Path, tmp_path: Path
) -> None:
    engines = {
        name: EngineIdentity(kind="vllm", version=version, dtype="float32", num_servers=num)
        for name, version, num in (("tuned", "0.11.0", 3), ("base", "0.6.1", 1))
    }
    for name, engine in engines.items():
        with Journal(tmp_path / name / "sessions.jsonl", kind=Session) as journal:
            journal.add("one", [Session(engine=engine, settings={})])
    models, work_folders = dict.fromkeys(engines, model_folder), {name: tmp_path / name for name in engines}
    identity = write_record(tmp_path, models=models, work_folders=work_folders)
    assert {name: identity.engine_of(name) for name in engines} == engines
    assert identity.earlier_engines == ()
