"""Rows of the Hugging Face hub's data sets, and of folders laid out like one.

Downloads go through the ``datasets`` library into its cache, which also serves runs without a network
(``HF_HUB_OFFLINE=1``). It runs no code of a data set. What a row means is the adapter's.

Example::

    source = HubSource(kind="hub", name="math", repo="HuggingFaceH4/MATH-500", answer_field="answer")
    read_hub(source, seed=0, locate=plain_path)
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from s1.config import HubSource
from s1.sources.adapters.named import named_by
from s1.sources.files import Locate, read_rows
from s1.sources.raw import RawRow
from s1.sources.result import Item, SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPart:
    """One split of one data set."""

    repo: str
    """Owner and name on the hub."""
    split: str
    subset: str | None = None
    revision: str = "main"
    files: tuple[str, ...] = ()
    """JSON-lines files of the data set, where it comes with a loading script, which ``datasets`` does not run."""

    @property
    def shown(self) -> str:
        """What rows call it."""
        subset = f"/{self.subset}" if self.subset else ""
        return f"{self.repo}{subset}, {', '.join(self.files) if self.files else f'split {self.split}'}"


GPQA_DIAMOND = HubPart(repo="Idavidrein/gpqa", subset="gpqa_diamond", split="train")


def read_hub(source: HubSource, *, seed: int, locate: Locate) -> Iterator[Item]:
    """Read a data set of the hub, or a folder in its layout.

    Raises:
        SourceError: it cannot be had, or has no such subset, revision or split.
    """
    part = HubPart(repo=source.repo, subset=source.subset, split=source.split, revision=source.revision)
    folder = locate(source.repo) if source.repo.startswith("$") or Path(source.repo).is_dir() else None
    rows = load_part(part, name=source.name, folder=folder)
    yield from read_rows(rows, named_by(source, seed=seed), name=source.name)


def load_part(part: HubPart, *, name: str, folder: Path | None = None) -> Iterator[RawRow]:
    """The rows of one split, numbered from 1.

    Args:
        name: the source that asks, for messages.
        folder: where the data set lies in the hub's layout; None: on the hub.

    Raises:
        SourceError: it cannot be had, or has no such subset, revision or split.
    """
    # Importing it takes a second, and most projects read files.
    import datasets

    datasets.disable_progress_bars()
    here = folder.resolve() if folder is not None else None
    try:
        if here is not None and not here.is_dir():
            raise FileNotFoundError(f"there is no folder {here}")
        if part.files:
            start = str(here) if here is not None else f"hf://datasets/{part.repo}@{part.revision}"
            data = datasets.load_dataset("json", data_files=[f"{start}/{file}" for file in part.files], split="train")
        else:
            data = datasets.load_dataset(
                str(here) if here is not None else part.repo,
                name=part.subset,
                split=part.split,
                revision=None if here is not None else part.revision,
            )
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(_explain(part, error, name=name, folder=here)) from error
    for column, feature in (data.features or {}).items():
        if isinstance(
            feature, datasets.Image
        ):  # bytes where there is a picture: looking at it is nobody's business here
            data = data.cast_column(column, datasets.Image(decode=False))
    for number, row in enumerate(data, start=1):
        yield RawRow(part.shown, number, {name: _as_json(value) for name, value in row.items()})


def _as_json(value: Any) -> JsonValue:
    """A value that JSON can hold: dates as text, pictures by the name of their type."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [_as_json(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): _as_json(entry) for key, entry in value.items()}
    return f"<{type(value).__name__}>" if isinstance(value, bytes) else str(value)


def _explain(part: HubPart, error: Exception, *, name: str, folder: Path | None) -> str:
    said = str(error.__cause__ or error).strip().split("\n")[0][:300]
    what = f"source {name!r}: data set {part.repo} (subset {part.subset}, split {part.split}) cannot be read"
    if folder is not None:
        remedy = f"Make {folder} a copy of the data set as it is on the hub, its README.md included."
    elif "gated" in said.lower() or "authenticated" in said.lower():
        remedy = (
            f"Accept its terms on huggingface.co/datasets/{part.repo} and set HF_TOKEN to a token of that account, "
            "or give the path of a file with its rows."
        )
    elif os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        remedy = (
            "HF_HUB_OFFLINE is set and it is not in the cache: run the stage once with a network, or name a folder "
            "or file on this machine in params.yaml."
        )
    else:
        remedy = (
            "Correct repo, revision, subset or split in params.yaml; without a network name a folder or file on this "
            "machine."
        )
    return f"{what} ({type(error).__name__}: {said}). {remedy}"
