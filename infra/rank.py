"""Entry of one rank on its node: the library's worker, tied to the life of the runner that started it.

torchrun puts each rank in a session of its own, where nothing would stop it if torchrun were killed. Rank 0 alone
speaks; each other rank writes into a file of its own, and each leaves a note of how it ended.

Example::

    S1_RANK_FOLDER=ranks torchrun --nproc-per-node 2 -m infra.rank spec.json
    S1_RANK_FOLDER=ranks torchrun --nproc-per-node 2 -m infra.rank --bandwidth network.json
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from infra.processes import die_with_parent

FOLDER_VARIABLE = "S1_RANK_FOLDER"
"""Where ranks leave output and notes; without it all of them speak and none is left."""


def output_file(folder: Path, rank: int) -> Path:
    """What a rank wrote."""
    return folder / f"rank-{rank}.log"


def end_file(folder: Path, rank: int) -> Path:
    """The note of a rank's end: ``{"code": 0, "time": 1767225600.0}``; a killed rank leaves none."""
    return folder / f"rank-{rank}.json"


def _keep_output(path: Path) -> None:
    """Send both streams to a file, also those of libraries that are no Python."""
    with path.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())


def main(argv: Sequence[str]) -> int:
    """Run the worker, or the measurement of bandwidth, as this rank."""
    if argv[0] == "--bandwidth":
        from s1.training.bandwidth import main as measure

        return measure(argv[1:])
    from s1.training.worker import main as train

    return train(argv)


def _run_noted(argv: Sequence[str], *, note: Path) -> int:
    code = 1
    try:
        code = main(argv)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        note.write_text(json.dumps({"code": code, "time": time.time()}), encoding="utf-8")
    return code


if __name__ == "__main__":
    die_with_parent()
    if "LOCAL_SIZE" in os.environ:  # what DeepSpeed's launcher calls torchrun's LOCAL_WORLD_SIZE
        os.environ.setdefault("LOCAL_WORLD_SIZE", os.environ["LOCAL_SIZE"])
    _place = os.environ.get(FOLDER_VARIABLE)
    if _place is None:
        sys.exit(main(sys.argv[1:]))
    _rank = int(os.environ["RANK"])
    if _rank != 0:
        _keep_output(output_file(Path(_place), _rank))
    sys.exit(_run_noted(sys.argv[1:], note=end_file(Path(_place), _rank)))
