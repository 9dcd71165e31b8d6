"""What stands for a stage that a profile leaves out (``not_run``): typed figures, and marked places for its files.

DVC's graph goes on to the report whatever a profile leaves out, so the stages behind need their inputs to exist. Every
folder of such a stage holds ``not_run.json``, and its files and ``metrics/<stage>.json`` say the same: a reader that
did not look first meets a row that is none of its kind, never no rows. Knows nothing of which stages there are.

Example::

    is_not_run(json.loads(Path("metrics/score.json").read_text()))      # True
    is_marked(Path("data/score"))                                       # True
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from s1.artifacts import ArtifactWriter, write_text_atomically

MARK = "not_run.json"
"""The file that says so in each folder of a stage that was not run."""
FIGURES: Final[Mapping[str, str]] = {"state": "not_run"}
"""Content of ``metrics/<stage>.json``, of the mark, and of the files that later stages expect."""
WORDS = "not run in this profile"
"""How pages and terminals say it."""
_TEXT = json.dumps(FIGURES) + "\n"


def is_not_run(figures: Mapping[str, Any] | None) -> bool:
    """Whether a stage's figures say that it was not run."""
    return figures is not None and dict(figures) == FIGURES


def is_marked(folder: Path) -> bool:
    """Whether a folder of a stage stands for one that was not run."""
    return (folder / MARK).is_file()


def write_placeholders(folder: Path, expected: Sequence[Path]) -> None:
    """Put a marked folder in place of a stage's output.

    Args:
        expected: files and folders (which have no ending) inside it that later stages declare as inputs.
    """
    with ArtifactWriter(folder) as artifact:
        artifact.path(MARK).write_text(_TEXT, encoding="utf-8")
        for path in expected:
            name = path.relative_to(folder).as_posix()
            artifact.path(name if path.suffix else f"{name}/{MARK}").write_text(_TEXT, encoding="utf-8")


def write_empty_rows(path: Path) -> None:
    """Put a plot without points in place of a stage's plot."""
    write_text_atomically(path, "[]\n")
