"""What ``data/generate`` was made with, written beside it: noted while models decode, put together when all is done.

A stage may be stopped and go on with another version of an engine, or on other machines, so every opening of a model is
noted in its folder of unfinished work, and the record names every engine that had a part. Knows the environment's
words for servers; what is recorded and why is in ``s1.comparing.identity``.

Example::

    note_session(work_folder, model=model, jobs=jobs, engine=params.generate.engine)
    write_run_identity(path, models=folders, work_folders=work_folders, questions=questions, ...)
"""

import argparse
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from infra.device import device_name
from infra.redaction import redact
from s1.comparing.hashing import describe_benchmarks, describe_models
from s1.comparing.identity import EngineIdentity, RunIdentity
from s1.config import ChatParams, EngineParams, GenerateParams
from s1.engine.model import AnsweringModel, Job
from s1.records import Question, Record
from tasks.journal import Journal

_SESSIONS = "sessions.jsonl"
_PACKAGES = ("torch", "transformers", "tokenizers")
_SECRET_OPTIONS = ("--api-key", "--hf-token")
NameT = TypeVar("NameT", bound=str)


class Session(Record):
    """One opening of a model for decoding."""

    engine: EngineIdentity
    settings: dict[str, dict[str, JsonValue]]
    """Setting -> its forcing spec, and the sentence in its prompt where it has one."""


def note_session(work_folder: Path, *, model: AnsweringModel, jobs: Iterable[Job], engine: EngineParams) -> None:
    """Note with what a model is about to decode; the same thing is noted once."""
    settings = {
        spec.name: {**to_jsonable_python(asdict(spec)), "sentence": job.control} for job in jobs for spec in job.specs
    }
    session = Session(engine=describe_engine(model, engine), settings=settings)
    key = hashlib.sha256(session.model_dump_json().encode()).hexdigest()[:16]
    with Journal(work_folder / _SESSIONS, kind=Session) as journal:
        if key not in journal:
            journal.add(key, [session])


def describe_engine(
    model: AnsweringModel, engine: EngineParams, *, environment: Mapping[str, str] = os.environ
) -> EngineIdentity:
    """The engine that a model decodes on."""
    if engine.kind == "local":
        return EngineIdentity(
            kind="local",
            version=version("transformers"),
            dtype=engine.dtype,
            batch_size=engine.batch_size,
            device=device_name(),
        )
    from s1.engine.vllm import VllmClient

    assert isinstance(model.engine, VllmClient)
    found = EngineIdentity(
        kind="vllm",
        version=", ".join(model.engine.versions),
        dtype=engine.dtype,
        num_servers=model.engine.num_servers,
        tensor_parallel=None,
    )
    return describe_servers(found, environment=environment)


def describe_servers(engine: EngineIdentity, *, environment: Mapping[str, str]) -> EngineIdentity:
    """Add what the environment tells of servers that the stage started; of other people's it tells nothing."""
    from infra.vllm_servers import plan_servers

    plan = plan_servers(environment)
    if plan.urls:
        return engine
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    parser.add_argument("--tensor-parallel-size", "-tp", type=int, default=1)
    for option in _SECRET_OPTIONS:
        parser.add_argument(option)
    known, others = parser.parse_known_args(list(plan.arguments))
    told = {
        "tensor_parallel": known.tensor_parallel_size,
        "arguments": tuple(redact(other) for other in others),
        "device": device_name(),
    }
    return engine.model_copy(update=told)


def write_run_identity(
    path: Path,
    *,
    models: Mapping[NameT, Path],
    work_folders: Mapping[NameT, Path],
    questions: Sequence[Question],
    generate: GenerateParams,
    chat: ChatParams,
    seed: int,
) -> RunIdentity:
    """Put together what the sessions of all models noted and write it.

    Args:
        models: name -> model folder, all of its weights are read.
        work_folders: name -> where its sessions were noted, the tuned model's first.
    """
    sessions = {str(name): _read_sessions(folder) for name, folder in work_folders.items()}
    engines = {name: of_model[-1].engine for name, of_model in sessions.items()}
    engine = next(iter(engines.values()))
    identity = RunIdentity(
        models=describe_models(dict(models.items()), chat=chat),
        engine=engine,
        other_engines={name: other for name, other in engines.items() if other != engine},
        earlier_engines=tuple(
            dict.fromkeys(
                session.engine for name in sessions for session in sessions[name] if session.engine != engines[name]
            )
        ),
        settings={
            f"{name}/{setting}": spec
            for name in sessions
            for session in sessions[name]
            for setting, spec in session.settings.items()
        },
        benchmarks=describe_benchmarks(questions),
        temperature=generate.temperature,
        num_samples=generate.num_samples,
        num_parallel=generate.num_parallel,
        parallel_temperature=generate.parallel_temperature,
        seed=seed,
        packages=_package_versions(),
    )
    path.write_text(identity.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return identity


def _read_sessions(folder: Path) -> list[Session]:
    with Journal(folder / _SESSIONS, kind=Session) as journal:
        return [session for key in journal for session in journal.records(key)]


def _package_versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a machine that decodes on servers only
            continue
    return found
