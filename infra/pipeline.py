"""What ``dvc.yaml`` says about the stages: the one place that lists them.

Knows the file's shape; does not import DVC, whose own reading of the same file takes longer than a stage's start.

Example::

    stages = read_pipeline(Path("dvc.yaml"))
    stages["curate"].params         # ('seed', 'curate')
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PIPELINE = Path("dvc.yaml")
DVC_LOCK = Path("dvc.lock")
"""What every output was made from; DVC writes it."""


class PipelineError(ValueError):
    """``dvc.yaml`` is missing, unreadable, or does not know the stage."""


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One stage as declared; paths are relative to the project's root."""

    name: str
    command: str
    params: tuple[str, ...]
    deps: tuple[Path, ...]
    outs: tuple[Path, ...]
    """Artifacts and the ledger."""
    metrics: tuple[Path, ...]
    plots: tuple[Path, ...]


def read_pipeline(path: Path = PIPELINE) -> dict[str, StageEntry]:
    """Read all stages, in the file's order.

    Raises:
        PipelineError: no such file, or not a pipeline.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: _entry(name, body) for name, body in data["stages"].items()}
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing here. Run this in the project's root folder.") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{path} is not a DVC pipeline ({error}). `git diff {path}` shows what changed.") from error


def find_stage(name: str, path: Path = PIPELINE) -> StageEntry:
    """Read one stage.

    Raises:
        PipelineError: there is no such stage (names those there are).
    """
    stages = read_pipeline(path)
    if name not in stages:
        raise PipelineError(f"there is no stage {name!r} in {path}; stages: {', '.join(stages)}")
    return stages[name]


def _entry(name: str, body: dict[str, Any]) -> StageEntry:
    return StageEntry(
        name=name,
        command=body["cmd"],
        params=tuple(body.get("params", ())),
        deps=_paths(body.get("deps", ())),
        outs=_paths(body.get("outs", ())),
        metrics=_paths(body.get("metrics", ())),
        plots=_paths(body.get("plots", ())),
    )


def _paths(items: Any) -> tuple[Path, ...]:
    """An output is a path, or a mapping from the path to its options."""
    return tuple(Path(next(iter(item))) if isinstance(item, dict) else Path(item) for item in items)
