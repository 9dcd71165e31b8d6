"""Figures that a running stage leaves for the process that tracks it: steps as they come, and a receipt at the end.

Knows files under ``.s1/runs/<invocation>/``; does not know MLflow. The stage only appends lines, so tracking costs it
nothing and cannot fail it; ``infra.tracking`` reads them, in the parent flow's process or in a thread of the stage.
A stage without a receipt did not run: DVC took its result as it was.

Example::

    spool = Spool("box-4711-1700000000", "train")
    spool.add_step(1, {"loss": 3.2})
    spool.read_new_steps()          # [StepFigures(step=1, time_ms=..., figures={'loss': 3.2})]
"""

import contextlib
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from infra.settings import RUNS_FOLDER
from s1.artifacts import write_text_atomically


class StepFigures(BaseModel):
    """Figures of one step of a stage; a loss may be NaN, and is kept so."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    step: int
    time_ms: int
    """Unix time in milliseconds, when the stage reported it."""
    figures: dict[str, float]


class Receipt(BaseModel):
    """Proof that a stage's own process ran to a good end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    flow_run_id: str | None
    """The Prefect flow run of the stage, where there was one."""


class Spool:
    """One stage's figures of one invocation."""

    def __init__(self, invocation: str, stage: str, *, folder: Path = RUNS_FOLDER) -> None:
        self.stage = stage
        self._steps = folder / invocation / f"{stage}.steps.jsonl"
        self._receipt = folder / invocation / f"{stage}.receipt.json"
        self._offset = 0

    def start(self) -> None:
        """Forget what an earlier try of the same invocation left."""
        self._steps.parent.mkdir(parents=True, exist_ok=True)
        self._steps.unlink(missing_ok=True)
        self._receipt.unlink(missing_ok=True)
        self._offset = 0

    @property
    def has_started(self) -> bool:
        """Whether the stage's process has begun; DVC may still find that it need not."""
        return self._steps.parent.is_dir()

    def add_step(self, step: int, figures: dict[str, float]) -> None:
        """Append one step's figures; an invocation without ``start`` gets its folder here."""
        line = StepFigures(step=step, time_ms=int(time.time() * 1000), figures=figures).model_dump_json()
        self._steps.parent.mkdir(parents=True, exist_ok=True)
        with self._steps.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def read_new_steps(self) -> list[StepFigures]:
        """Steps that were added since the last call; a half-written last line waits for the next one."""
        try:
            with self._steps.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [StepFigures.model_validate_json(line) for line in whole.splitlines()]

    def write_receipt(self, flow_run_id: str | None) -> None:
        """Say that the stage ran and ended well."""
        receipt = Receipt(stage=self.stage, flow_run_id=flow_run_id)
        write_text_atomically(self._receipt, receipt.model_dump_json() + "\n")

    def read_receipt(self) -> Receipt | None:
        """The receipt, or None when the stage did not run (or not to a good end)."""
        if not self._receipt.is_file():
            return None
        return Receipt.model_validate_json(self._receipt.read_text(encoding="utf-8"))

    def remove(self) -> None:
        """Drop the files; they are of no use once tracked."""
        self._steps.unlink(missing_ok=True)
        self._receipt.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # other stages' files are still there, or never was a folder
            self._steps.parent.rmdir()
