"""Hashes of what decides a run's tokens: models by their contents, benchmarks by their questions.

Knows folders of models and chat formats; servers and the machine are described elsewhere.

Example::

    describe_models({"tuned": Path("models/train/tuned")}, chat=params.chat)["tuned"].weights      # '0c5d…'
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from s1.chat import ChatFormat
from s1.comparing.identity import ModelIdentity
from s1.config import ChatParams
from s1.models import resolve_model
from s1.records import Question

_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")
_CONFIG_NOISE = ("_name_or_path", "transformers_version", "torch_dtype", "dtype")
"""Keys of ``config.json`` that say how a model was stored; the number format that it runs in is recorded apart."""
_PROBE = "How many legs have two spiders?"


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
