"""Resumable states on disk: which are whole, which is newest, which may go.

DeepSpeed writes a folder per state, one file per rank, in no atomic way; a small file written last vouches for the
rest. Knows files; does not know what a state holds.

Example::

    engine.save_checkpoint(str(folder), tag=tag_of(100))        # every rank
    seal(folder, 100)                                           # then rank 0
    newest_whole(folder)                                        # 100
"""

import json
import logging
import shutil
from pathlib import Path

from s1.artifacts import write_text_atomically

logger = logging.getLogger(__name__)

_SEAL = "whole.json"
_PREFIX = "step-"
NUM_KEPT = 2
"""Older states are removed; the last but one stays in case a disk loses the last."""


def tag_of(step: int) -> str:
    """Name of the folder that holds the state after a step."""
    return f"{_PREFIX}{step:06d}"


def seal(folder: Path, step: int) -> None:
    """Vouch for a state whose files are all written, then remove older ones."""
    state = folder / tag_of(step)
    sizes = {path.relative_to(state).as_posix(): path.stat().st_size for path in state.rglob("*") if path.is_file()}
    write_text_atomically(state / _SEAL, json.dumps(sizes, indent=1, sort_keys=True) + "\n")
    whole = sorted(path for path in folder.glob(f"{_PREFIX}*") if _is_whole(path))
    for old in whole[:-NUM_KEPT]:
        shutil.rmtree(old)


def newest_whole(folder: Path) -> int | None:
    """The last step whose state is whole, or None; states that a kill left unfinished are removed."""
    newest = None
    for state in sorted(folder.glob(f"{_PREFIX}*")):
        if _is_whole(state):
            newest = int(state.name.removeprefix(_PREFIX))
        else:
            logger.warning("removing %s: it was being written when the run was stopped", state)
            shutil.rmtree(state)
    return newest


def _is_whole(state: Path) -> bool:
    try:
        sizes = json.loads((state / _SEAL).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return all((state / name).is_file() and (state / name).stat().st_size == size for name, size in sizes.items())
