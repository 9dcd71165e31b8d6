"""Model folders: what they must hold, and pointers that stand for big ones.

The `base` stage's output is cached and versioned, which must not copy the 65 GB of a 32B model. So a model that lies
elsewhere is a *pointer*: a folder with the small files (config, tokenizer), and ``source.json`` instead of weights.
It names the hub commit or the path, and every weight file's size. ``resolve_model`` leads from either kind of folder
to one that transformers loads. Links would not do: DVC skips linked folders and copies the targets of linked files.

Example::

    folder = resolve_model(Path("models/base/large"))      # the folder itself, or where its pointer leads
    model = load_causal_model(folder, dtype=torch.float32)      # s1.model_loading
"""

import json
import math
import shutil
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field, ValidationError

from s1.artifacts import write_text_atomically
from s1.records import Record

SOURCE_FILE = "source.json"
_WEIGHTS = "model.safetensors"
_WEIGHT_INDEX = "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
_SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja")
_DOWNLOADED = (*_SMALL_FILES, "*.safetensors")


class ModelError(ValueError):
    """A model folder cannot be used; the message names the file and what to do."""


class ModelSource(Record):
    """Content of ``source.json``: where a pointer's weights are."""

    kind: Literal["hub", "path", "tokenizer"]
    repo: str = ""
    commit: str = ""
    """Commit of the hub repository that the revision stood for."""
    path: str = ""
    """As written in params.yaml: relative paths start at the project's root."""
    weights: dict[str, int]
    """Weight file -> bytes; empty for a tokenizer without a model."""
    files: dict[str, str] = Field(default={})
    """Of a tokenizer without a model: file -> SHA-256 of its content."""


class Download(Protocol):
    """Fetches (or finds on this machine) one revision of a hub model; the folder is named like the commit."""

    def __call__(self, repo: str, revision: str) -> Path:
        """The folder of ``repo`` at ``revision`` (a branch, a tag or a commit)."""
        ...


def download_from_hub(repo: str, revision: str) -> Path:
    """The local snapshot of a hub model, downloaded when it is not there.

    Raises:
        ModelError: no such model or revision, or no way to reach the hub.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(_DOWNLOADED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise ModelError(
            f"model {repo!r} at revision {revision!r} cannot be fetched: {error}. Check both names in params.yaml and "
            f"the network, log in when the model is gated, or use kind: path with a folder on this machine."
        ) from error


def locate_model(*, repo: str, revision: str, download: Download = download_from_hub) -> ModelSource:
    """Fetch a hub model and pin it to the commit that its revision stands for now."""
    folder = download(repo, revision)
    return ModelSource(kind="hub", repo=repo, commit=folder.name, weights=check_model_folder(folder))


def write_pointer(source: ModelSource, *, origin: Path, target: Path) -> None:
    """Make ``target`` a pointer: copies of the origin's small files, and ``source.json``."""
    target.mkdir(parents=True, exist_ok=True)
    for pattern in _SMALL_FILES:
        for file in origin.glob(pattern):
            if file.name not in (SOURCE_FILE, _WEIGHT_INDEX):
                shutil.copyfile(file, target / file.name)
    write_text_atomically(target / SOURCE_FILE, source.model_dump_json(indent=1) + "\n")


def resolve_model(folder: Path, *, download: Download = download_from_hub) -> Path:
    """The folder to load a model's weights from.

    Raises:
        ModelError: there is no model, or what a pointer names is gone or has other sizes than when it was recorded.
    """
    pointer = folder / SOURCE_FILE
    if not pointer.is_file():
        check_model_folder(folder)
        return folder
    try:
        source = ModelSource.model_validate_json(pointer.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ModelError(f"{pointer} is corrupt. Remove {folder.parent} and run the stage `base` again.") from error
    if source.kind == "tokenizer":
        raise ModelError(
            f"{folder} is a tokenizer without a model ({source.path}): nothing can be decoded or trained with it. Name "
            f"a model in base.{folder.name} (kind hub or path)."
        )
    origin = Path(source.path) if source.kind == "path" else download(source.repo, source.commit)
    found = check_model_folder(origin)
    if found != source.weights:
        raise ModelError(
            f"{origin} is not the model that the stage `base` recorded: weights {found}, recorded {source.weights}. "
            f"Restore it, or run the stage `base` again (`dvc repro -f base`)."
        )
    return origin


def check_model_folder(folder: Path) -> dict[str, int]:
    """Check that a folder holds config, tokenizer and complete safetensors weights; return the weight files' sizes.

    Raises:
        ModelError: names the missing or truncated file.
    """
    if not folder.exists():
        raise ModelError(f"{folder} is missing. Run the stage that makes it: `dvc repro`.")
    _require(folder / "config.json")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(f"{folder} holds no tokenizer ({', '.join(_TOKENIZERS)}). Copy the model's tokenizer there.")
    files = _weight_files(folder)
    for file in files:
        _read_shapes(file)
    return {file.name: file.stat().st_size for file in files}


def count_parameters(folder: Path) -> int:
    """Parameters stored in a folder's weight files, from their headers; tied weights count once."""
    return sum(math.prod(shape) for shape in weight_shapes(folder).values())


def weight_shapes(folder: Path) -> dict[str, list[int]]:
    """Name -> shape of every stored weight of a model folder, from the headers of its files."""
    return {name: shape for file in _weight_files(folder) for name, shape in _read_shapes(file).items()}


def _weight_files(folder: Path) -> list[Path]:
    index = folder / _WEIGHT_INDEX
    if not index.is_file():
        return [_require(folder / _WEIGHTS)]
    try:
        content: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))
        names = sorted(set(content["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{index} is corrupt ({error}). Fetch the model again.") from error
    return [_require(folder / name) for name in names]


def _require(file: Path) -> Path:
    if not file.is_file():
        raise ModelError(
            f"{file} is missing. A model folder in the transformers format holds config.json, tokenizer files and "
            f"safetensors weights; convert other weights with save_pretrained."
        )
    return file


def _read_shapes(file: Path) -> dict[str, list[int]]:
    """Name -> shape of a weight file's tensors; opening it compares its length with its header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as tensors:
            names = tensors.keys()
            return {name: tensors.get_slice(name).get_shape() for name in names}
    except SafetensorError as error:
        raise ModelError(f"{file} is truncated or no safetensors file ({error}). Fetch the model again.") from error
