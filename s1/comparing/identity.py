"""What decides a run's tokens besides the questions' difficulty: models, tokenizer, engine, prompt, settings, seed.

``data/generate/run.json`` holds it, so that two runs can be told apart later: the same recipe has been read as 56.7 and
as 70.0 under two versions of one engine, and as 26.7 and 33 under two degrees of tensor parallelism. ``differences``
says which of two runs' differences make their scores incomparable. Knows folders of models and chat formats; does not
know where the file lies, servers or the machine: those facts are handed in.

Example::

    identity = describe_models({"tuned": Path("models/train/tuned")}, chat=params.chat)
    for difference in differences(first, second):
        print(difference)           # warning: engine version 0.11.0 against 0.6.1 …
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from s1.artifacts import ArtifactError, remake_hint
from s1.chat import ChatFormat
from s1.config import ChatParams
from s1.models import resolve_model
from s1.records import Question, Record

_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")
_CONFIG_NOISE = ("_name_or_path", "transformers_version", "torch_dtype", "dtype")
"""Keys of ``config.json`` that say how a model was stored; the number format that it runs in is recorded apart."""
_PROBE = "How many legs have two spiders?"


class ModelIdentity(Record):
    """One model, by its contents."""

    weights: str
    """Hash of all weight files' bytes."""
    config: str
    """Hash of what ``config.json`` says of the architecture."""
    tokenizer: str
    """Hash of the tokenizer as it is loaded; the chat template counts under ``prompt``."""
    prompt: str
    """Hash of a question rendered for decoding, with and without thinking, and of the delimiters."""
    prompt_text: str
    """That question as the model is asked, to be compared by eye."""


class EngineIdentity(Record):
    """What decoded, and how it was spread."""

    kind: str
    """``local`` or ``vllm``."""
    version: str
    """Of transformers, or of the vLLM server."""
    dtype: str
    batch_size: int | None = None
    """Sequences at once; None where the server decides."""
    num_servers: int = 0
    tensor_parallel: int | None = 1
    """Devices that share each layer's arithmetic; None where somebody else started the servers."""
    arguments: tuple[str, ...] = ()
    """Further flags of the servers."""
    device: str = "unknown"


class RunIdentity(Record):
    """Everything that decides the tokens of ``data/generate``."""

    models: dict[str, ModelIdentity]
    """``tuned`` and ``base``."""
    engine: EngineIdentity
    earlier_engines: tuple[EngineIdentity, ...] = ()
    """Others that decoded a part, before the stage was stopped and went on elsewhere."""
    settings: dict[str, dict[str, JsonValue]]
    """``<model>/<setting>`` -> its forcing spec, and the sentence in its prompt where it has one."""
    benchmarks: dict[str, str]
    """Name -> hash of the questions and references."""
    temperature: float
    num_samples: int
    seed: int
    packages: dict[str, str]
    """Versions of what computes: torch, transformers and the like."""


def describe_models(folders: Mapping[str, Path], *, chat: ChatParams) -> dict[str, ModelIdentity]:
    """Hash models, or the ones that their pointers lead to; reads all weights once.

    Raises:
        ModelError: a folder holds no model.
        ValueError: a tokenizer cannot carry the chat format.
    """
    return {name: _describe_model(folder, chat=chat) for name, folder in folders.items()}


def _describe_model(folder: Path, *, chat: ChatParams) -> ModelIdentity:
    from s1.model_loading import load_tokenizer

    folder = resolve_model(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in config.items() if name not in _CONFIG_NOISE}
    tokenizer = load_tokenizer(folder)
    prompt = _render_probe(ChatFormat.create(tokenizer, chat=chat))
    return ModelIdentity(
        weights=_hash_files(sorted(folder.glob("*.safetensors"))),
        config=_hash_text(json.dumps(kept, sort_keys=True)),
        tokenizer=_hash_tokenizer(tokenizer, folder),
        prompt=_hash_text(json.dumps([prompt, chat.model_dump()], sort_keys=True)),
        prompt_text=prompt["thinking"],
    )


def _hash_tokenizer(tokenizer: Any, folder: Path) -> str:
    """Of what it does, not of its files: transformers rewrites those when it saves a model."""
    if not tokenizer.is_fast:
        return _hash_files([folder / name for name in _VOCABULARIES if (folder / name).is_file()])
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    return _hash_text(json.dumps({name: content[name] for name in content if name not in ("padding", "truncation")}))


def _render_probe(chat_format: ChatFormat) -> dict[str, str]:
    return {
        "thinking": chat_format.prompt_text(_PROBE, mode="thinking"),
        "direct": chat_format.prompt_text(_PROBE, mode="direct"),
    }


def describe_benchmarks(questions: Iterable[Question]) -> dict[str, str]:
    """Hash the questions and references of every benchmark, whatever their order."""
    rows: dict[str, list[str]] = {}
    for question in questions:
        parts = [question.question, question.solution, question.answer, question.answer_kind]
        rows.setdefault(question.source, []).append(json.dumps(parts))
    return {name: _hash_text("\n".join(sorted(texts))) for name, texts in sorted(rows.items())}


def identity_tags(identity: RunIdentity) -> dict[str, str]:
    """What tells runs apart, as short tags: to be shown and searched beside a run's figures."""
    engine = identity.engine
    tags = {
        "run.engine": f"{engine.kind} {engine.version}",
        "run.dtype": engine.dtype,
        "run.tensor_parallel": "unknown" if engine.tensor_parallel is None else str(engine.tensor_parallel),
        "run.device": engine.device,
    }
    for name, model in identity.models.items():
        tags |= {f"run.{name}.weights": model.weights, f"run.{name}.prompt": model.prompt}
        tags[f"run.{name}.tokenizer"] = model.tokenizer
    return tags


def read_run_identity(path: Path) -> RunIdentity:
    """Read a ``run.json``.

    Raises:
        ArtifactError: it is missing or no such record; the message says what to do.
    """
    try:
        return RunIdentity.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path} is missing: the run was made before runs said what they were made with. Run `dvc repro generate`."
        ) from error
    except ValidationError as error:
        raise ArtifactError(
            f"{path} is no record of a run ({error.errors()[0]['msg']}). {remake_hint(path)}"
        ) from error


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hash_files(files: Sequence[Path]) -> str:
    """One hash for files by name and content; big ones are read side by side."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        hashes = pool.map(_hash_file, files)
        return _hash_text("\n".join(f"{file.name} {digest}" for file, digest in zip(files, hashes, strict=True)))


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
