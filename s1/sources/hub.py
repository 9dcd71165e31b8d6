"""Rows of the Hugging Face hub's data sets, and of folders laid out like one.

Downloads go through the ``datasets`` library into its cache, which also serves runs without a network
(``HF_HUB_OFFLINE=1``). It runs no code of a data set. What a row means is ``s1.sources.rows``.

Example::

    read_hub(HubSource(kind="hub", name="math", repo="HuggingFaceH4/MATH-500", answer_field="answer"), seed=0)
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from s1.config import HubSource
from s1.sources.files import read_rows
from s1.sources.result import SourceError, SourceRead
from s1.sources.rows import Fields


def read_hub(source: HubSource, *, seed: int) -> SourceRead:
    """Read a data set of the hub, or a folder in its layout.

    Raises:
        SourceError: it cannot be had, or has no such subset, revision or split.
    """
    fields = Fields.named_by(source, wrong_choices=tuple(source.wrong_choice_fields))
    return read_hub_rows(source, fields, seed=seed)


def read_hub_rows(source: HubSource, fields: Fields, *, seed: int) -> SourceRead:
    """Read a data set whose columns are given.

    Raises:
        SourceError: see ``read_hub``.
    """
    place = f"{source.repo}{f'/{source.subset}' if source.subset else ''}, split {source.split}"
    return read_rows(_load(source), fields, name=source.name, file=place, seed=seed)


def _load(source: HubSource) -> Iterator[tuple[int, dict[str, JsonValue]]]:
    # Importing it takes a second, and most projects read files.
    import datasets

    datasets.disable_progress_bars()
    folder = Path(source.repo)
    try:
        data = datasets.load_dataset(
            str(folder.resolve()) if folder.is_dir() else source.repo,
            name=source.subset,
            split=source.split,
            revision=None if folder.is_dir() else source.revision,
        )
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(_explain(source, error)) from error
    for number, row in enumerate(data, start=1):
        yield number, dict(row)


def _explain(source: HubSource, error: Exception) -> str:
    said = str(error).strip().split("\n")[0][:300]
    what = (
        f"source {source.name!r}: data set {source.repo} (subset {source.subset}, split {source.split}) cannot be read"
    )
    if "gated" in said.lower() or "authenticated" in said.lower():
        remedy = (
            f"Accept its terms on huggingface.co/datasets/{source.repo} and set HF_TOKEN to a token of that account, "
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
