"""What a stage's task is given by its runner, and how long stages survive a kill.

A task is ``run(stage: StageContext, *, <sections of params.yaml>) -> Metrics``: the names of its keyword arguments
are the sections it reads, and ``dvc.yaml`` declares the same ones (tested). It reads and writes the files named in
``tasks.paths`` and returns its figures. Nothing here knows Prefect or MLflow: the runner passes both in as callables.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from infra.settings import ARCHIVE_FOLDER
from s1.artifacts import read_jsonl, write_text_atomically
from tasks.paths import MANIFESTS_FOLDER

if TYPE_CHECKING:
    from s1.sources.manifest import SourceFiles

Metrics = dict[str, JsonValue]
"""Figures of a stage, nested by name; numbers become MLflow metrics, the rest stays in ``metrics/<stage>.json``."""

ItemT = TypeVar("ItemT", bound=BaseModel)
RecordT = TypeVar("RecordT", bound=BaseModel)


class Progress(Protocol):
    """Told how far a stage is; shows it on the terminal and, where there is one, in Prefect."""

    def __call__(self, done: int, total: int, note: str) -> None: ...


class ShardRunner(Protocol):
    """Runs one shard's work, as a Prefect task where there is a server, else by calling it."""

    def __call__(self, name: str, work: Callable[[], None]) -> None: ...


class StepTracker(Protocol):
    """Receives figures of one step (loss, learning rate) while the stage runs."""

    def __call__(self, step: int, figures: dict[str, float]) -> None: ...


@dataclass(frozen=True, slots=True)
class StageContext:
    """What one run of a stage is given."""

    name: str
    work_folder: Path
    """Private to the stage, kept when it is killed, removed when it ends well."""
    progress: Progress
    run_shard: ShardRunner
    track_step: StepTracker
    code: str = ""
    """Hash of the code that decides the stage's result; work of other code is never continued."""
    archive_folder: Path = ARCHIVE_FOLDER
    """Responses that were paid for, shared by every workspace of a checkout (``infra.settings.archive_folder``)."""
    data_folder: Path | None = None
    """Where paths start that begin with ``$S1_DATA/`` (``infra.settings.data_folder``)."""
    quantities: dict[str, float] = field(default_factory=dict)
    opened_work: list[Path] = field(default_factory=list)
    """Folders of unfinished work that this run made use of: what the runner removes when the stage ends well."""
    kept_work: list[Path] = field(default_factory=list)
    """Those that stay, see ``keep_work``."""
    gpus: list[int | None] = field(default_factory=list)
    """Told by ``use_gpus``."""

    def source_files(self) -> "SourceFiles":
        """The files from outside the project that the stage may open: those that its manifest declares.

        Raises:
            SourceError: the manifest is damaged.
        """
        # Imported here: most stages read no source, and it brings the adapters and graders along.
        from s1.sources.manifest import SourceFiles, read_manifest

        manifest = MANIFESTS_FOLDER / f"{self.name}.yaml"
        return SourceFiles(self.data_folder, read_manifest(manifest), manifest=str(manifest))

    def open_work(self, key: str) -> Path:
        """The folder of unfinished work under ``key``, the ``fingerprint`` of everything but code that decides it.

        Other keys' folders are left alone: another profile's checkpoints and answers wait for its next run.
        """
        folder = self.work_folder / (f"{key}-{self.code}" if self.code else key)
        self.opened_work.append(folder)
        return folder

    def keep_work(self) -> None:
        """Keep the work although the stage ends well: when it is run again, it goes on from there."""
        self.kept_work.extend(self.opened_work)
        self.opened_work.clear()

    def use_gpus(self, num_gpus: int | None) -> None:
        """Tell how many GPUs other processes keep busy for the stage; None: somebody else's, so nobody knows."""
        self.gpus.append(num_gpus)

    def add_quantity(self, name: str, amount: float) -> None:
        """Count something that costs (``thinking_tokens``, ``gpu_seconds``) into the stage's ledger."""
        self.quantities[name] = self.quantities.get(name, 0.0) + amount


_PACE = {"engine": {"batch_size"}}
"""How many sequences are decoded at once decides no result: who lowers it for lack of memory keeps what is finished."""


def fingerprint(*parts: BaseModel | Sequence[BaseModel] | Path | str | int) -> str:
    """Hash of everything that decides a stage's unfinished work, so that other inputs never pick it up.

    A path stands for the names, sizes and modification times of its files: rewritten means different.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_describe(part).encode() + b"\0")
    return digest.hexdigest()[:16]


def _describe(part: BaseModel | Sequence[BaseModel] | Path | str | int) -> str:
    if isinstance(part, Path):
        files = sorted(path for path in part.rglob("*") if path.is_file()) if part.is_dir() else [part]
        return repr([(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files])
    if isinstance(part, BaseModel):
        return part.model_dump_json(exclude=_PACE)
    if isinstance(part, (str, int)):
        return str(part)
    return "\n".join(item.model_dump_json() for item in part)


def map_shards(
    stage: StageContext,
    name: str,
    items: Sequence[ItemT],
    compute: Callable[[Sequence[ItemT]], list[RecordT]],
    *,
    kind: type[RecordT],
    shard_size: int,
    key: str,
) -> list[RecordT]:
    """Compute records shard by shard, keeping each finished shard on disk, and return all of them in order.

    Args:
        name: what the shards are called in progress and in Prefect, for example ``attempt small``.
        compute: pure work on one shard.
        kind: the record type, to read finished shards back.
        key: ``fingerprint`` of everything but code that decides the result.
    """
    folder = stage.open_work(key)
    records: list[RecordT] = []
    num_shards = -(-len(items) // shard_size)
    for index in range(num_shards):
        shard = items[index * shard_size : (index + 1) * shard_size]
        path = folder / f"{name.replace(' ', '-')}-{index:04d}.jsonl"

        def work(shard: Sequence[ItemT] = shard, path: Path = path) -> None:
            lines = "".join(record.model_dump_json() + "\n" for record in compute(shard))
            write_text_atomically(path, lines)

        if not path.exists():
            stage.run_shard(f"{name} {index + 1}/{num_shards}", work)
        records.extend(read_jsonl(path, kind))
        stage.progress(min((index + 1) * shard_size, len(items)), len(items), name)
    return records
