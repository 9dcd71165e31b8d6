"""Resumable states on disk: sealed when whole, checked when read, removed when old.

DeepSpeed writes a folder per state, one file per rank, in no atomic way. So a state is written under another name,
sealed by a small file that names every file's size, and renamed. Contents are vouched for by the CRC-32 that torch
stores with each tensor and does not check itself when it loads: reading it back costs one pass at some 3 GB/s per rank
(sha256: 1.8), and nothing when saving. Knows files; does not know ranks or what a state holds.

Example::

    make_room(folder, num_bytes=2_000_000)                      # or TrainingError: ... remove something
    engine.save_checkpoint(str(folder), tag=unfinished_tag(100))                # every rank
    seal(folder, 100, num_ranks=16, recipe=recipe)                              # then one of them
    newest_whole(folder)                                                        # 100
"""

import logging
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from s1.artifacts import sync, write_text_atomically
from s1.training.guards import TrainingError

logger = logging.getLogger(__name__)

SEAL = "whole.json"
_PREFIX = "step-"
_UNFINISHED = ".tmp"
_BROKEN = ".broken"
NUM_KEPT = 2
"""Older states are removed; the last but one stays in case a disk loses the last."""


class Seal(BaseModel):
    """What vouches for a state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: PositiveInt
    """Optimizer steps that are in it."""
    num_ranks: PositiveInt
    """Ranks that it is spread over; another number needs a conversion (``s1.training.reshaping``)."""
    recipe: dict[str, str]
    """What was trained on what, by key; a run with another one never goes on from here."""
    files: dict[str, NonNegativeInt]
    """Bytes of each file, by its path in the state."""

    @property
    def num_bytes(self) -> int:
        """Of the whole state."""
        return sum(self.files.values())


def tag_of(step: int) -> str:
    """Name of the folder that holds the state after a step."""
    return f"{_PREFIX}{step:06d}"


def unfinished_tag(step: int) -> str:
    """Name of that folder while it is written."""
    return tag_of(step) + _UNFINISHED


def seal(folder: Path, step: int, *, num_ranks: int, recipe: Mapping[str, str]) -> Seal:
    """Vouch for a state whose files are all written and flushed, give it its name, then remove older ones."""
    unfinished, state = folder / unfinished_tag(step), folder / tag_of(step)
    files = {
        path.relative_to(unfinished).as_posix(): path.stat().st_size
        for path in sorted(unfinished.rglob("*"))
        if path.is_file()
    }
    vouched = Seal(step=step, num_ranks=num_ranks, recipe=dict(recipe), files=files)
    write_text_atomically(unfinished / SEAL, vouched.model_dump_json(indent=1) + "\n")
    sync(unfinished)
    if state.exists():  # of an earlier try, whole here but not on every node
        shutil.rmtree(state)
    unfinished.rename(state)
    sync(folder)
    for old in whole_steps(folder)[NUM_KEPT:]:
        shutil.rmtree(folder / tag_of(old))
    for broken in folder.glob(f"{_PREFIX}*{_BROKEN}"):
        shutil.rmtree(broken)
    return vouched


def read_seal(folder: Path, step: int) -> Seal:
    """The seal of a state that ``whole_steps`` named."""
    return Seal.model_validate_json((folder / tag_of(step) / SEAL).read_bytes())


def whole_steps(folder: Path) -> list[int]:
    """Steps whose states are whole by their files' sizes, newest first; says what is wrong with the others."""
    found = []
    for state in sorted(folder.glob(f"{_PREFIX}*"), reverse=True):
        if state.suffix in (_UNFINISHED, _BROKEN):
            continue
        damage = _size_damage(state)
        if damage is None:
            found.append(int(state.name.removeprefix(_PREFIX)))
        else:
            logger.warning("the checkpoint %s cannot be used: %s", state.name, damage)
    return found


def newest_whole(folder: Path) -> int | None:
    """The last step whose state is whole by its files' sizes, or None."""
    return next(iter(whole_steps(folder)), None)


def _size_damage(state: Path) -> str | None:
    try:
        vouched = Seal.model_validate_json((state / SEAL).read_bytes())
    except (OSError, ValidationError) as error:
        return f"{state / SEAL} cannot be read ({type(error).__name__})"
    for name, size in vouched.files.items():
        path = state / name
        if not path.is_file():
            return f"{path} is missing"
        if path.stat().st_size != size:
            return f"{path} holds {path.stat().st_size:,} bytes of {size:,}"
    return None


def content_damage(paths: Iterable[Path]) -> str | None:
    """Read files of a state back and compare them with their own CRC-32; None when all is well."""
    for path in paths:
        try:
            with zipfile.ZipFile(path) as archive:
                wrong = archive.testzip()
        except (OSError, zipfile.BadZipFile) as error:
            return f"{path} cannot be read: {error}"
        if wrong is not None:
            return f"{path} is damaged (CRC-32 of {wrong})"
    return None


def set_aside(folder: Path, step: int, *, damage: str) -> None:
    """Give a damaged state another name, under which nothing finds it; it stays until the next one is sealed.

    Not removed at once: a disk that does not answer for a moment looks the same.
    """
    broken = folder / f"{tag_of(step)}{_BROKEN}"
    logger.warning(
        "%s. The checkpoint of step %d is set aside as %s; an older one is used if there is one", damage, step, broken
    )
    shutil.rmtree(broken, ignore_errors=True)
    (folder / tag_of(step)).rename(broken)


def clear_unfinished(folder: Path) -> None:
    """Remove what a kill left half written."""
    for state in folder.glob(f"{_PREFIX}*{_UNFINISHED}"):
        logger.warning("removing %s: it was being written when the run was stopped", state)
        shutil.rmtree(state)


def size_text(num_bytes: int) -> str:
    """Bytes for people: ``1.40 GB``."""
    return f"{num_bytes / 1e9:,.2f} GB" if num_bytes >= 10**9 else f"{num_bytes / 1e6:,.2f} MB"


def free_bytes(folder: Path) -> int:
    """Of the disk that a folder lies on."""
    return shutil.disk_usage(folder).free


def make_room(
    folder: Path, *, num_bytes: int, what: str = "a checkpoint", free: Callable[[Path], int] = free_bytes
) -> None:
    """Have space on the disk, if need be at the price of the older of two states.

    Args:
        what: needs the space, in words.
        free: bytes that can still be written; asked again after a removal.

    Raises:
        TrainingError: even then there is too little; says how much is needed and what may go.
    """
    missing = num_bytes - free(folder)
    spare = whole_steps(folder)[1:] if missing > 0 else []
    if spare and missing <= sum(read_seal(folder, old).num_bytes for old in spare):
        for old in spare:
            logger.warning("the disk is nearly full: removing the older checkpoint %s", folder / tag_of(old))
            shutil.rmtree(folder / tag_of(old))
    if free(folder) < num_bytes:
        raise TrainingError(explain_full_disk(folder, num_bytes=num_bytes, what=what))


def explain_full_disk(folder: Path, *, num_bytes: int, what: str = "a checkpoint") -> str:
    """What is missing, what is safe and what to do."""
    newest = newest_whole(folder)
    kept = f"the checkpoint of step {newest} is whole" if newest else "there is no checkpoint yet"
    needed, free = size_text(num_bytes), size_text(free_bytes(folder))
    return (
        f"no space for {what} in {folder}: it needs {needed} and {free} are free. "
        f"Remove unfinished work of other runs beside {folder.parent}, or `dvc gc -w` old results; {kept}, "
        "and the next run goes on from there"
    )
