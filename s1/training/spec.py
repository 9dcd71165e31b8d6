"""What a training run is told and what it says of each step: the files between the stage and its ranks.

Example::

    spec = TrainSpec.model_validate_json(Path("spec.json").read_bytes())
    spec.checkpoint_folder      # Path('.s1/work/train/3f…/checkpoints')
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from s1.config import TrainParams
from s1.records import Record


class TrainSpec(BaseModel):
    """One run of the worker, the same file for all ranks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: TrainParams
    seed: int
    model_folder: Path
    """Model and tokenizer to start from, in the transformers format."""
    examples_file: Path
    run_folder: Path
    """Unfinished work of exactly this recipe on this layout; what lies here is resumed from."""
    device: Literal["cpu", "cuda"]
    max_micro_batch_tokens: PositiveInt
    """Size of one forward pass with its padding; changes speed and memory, not the result beyond rounding."""

    @property
    def checkpoint_folder(self) -> Path:
        """Where resumable states lie, one folder each."""
        return self.run_folder / "checkpoints"

    @property
    def steps_file(self) -> Path:
        """One ``TrainStep`` per line, appended to while the run goes."""
        return self.run_folder / "steps.jsonl"

    @property
    def output_folder(self) -> Path:
        """The trained model; there only when it is whole."""
        return self.run_folder / "tuned"


class TrainStep(Record):
    """Figures of one optimizer step."""

    step: int
    """Counted from 1."""
    epoch: int
    """Counted from 0."""
    loss: float
    """Mean over the step's examples of each one's mean loss per target token, in nats."""
    learning_rate: float
    grad_norm: float
    """Global, before clipping."""
    seconds: float
    num_tokens: int
    """Tokens of the step's examples, prompts included, padding not."""
    example_hash: str
