"""What a training run is told, and what it writes down of each step.

Example::

    spec = TrainSpec.model_validate_json(Path("spec.json").read_bytes())
    spec.output_folder           # PosixPath('.../tuned')
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveInt

from s1.config import TrainParams
from s1.records import Record

AttentionKernel = Literal["sdpa", "varlen"]
"""``sdpa``: one call per example, exact in every precision; ``varlen``: one call per row, on GPUs."""
LossKernel = Literal["plain", "chunked", "fused"]
"""``plain``: all logits at once; ``chunked``: some at a time, made again in backward; ``fused``: Liger, on GPUs."""


RecomputeMode = Literal["auto", "all", "none"]
"""``auto``: as few layers as memory asks."""


class Recompute(BaseModel):
    """How many layers are computed again in the backward pass, by a step's tokens per rank.

    ``auto`` recomputes as few as memory asks (``s1.training.recompute``), so short steps pay nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: RecomputeMode = "none"
    activation_bytes: NonNegativeInt = 0
    """Memory of one rank for activations; read, as all below, where ``mode`` is ``auto``."""
    kept_bytes_per_token: NonNegativeInt = 0
    """One token of one layer that is not recomputed."""
    boundary_bytes_per_token: NonNegativeInt = 0
    """One token of one layer that is recomputed: its input."""
    workspace_bytes_per_token: NonNegativeInt = 0
    """One token of what is held beside the layers' own while one of them is computed again."""
    loss_bytes: NonNegativeInt = 0
    """Held beside the layers at the loss, whatever the tokens: some logits, the head's gradient."""
    loss_bytes_per_token: NonNegativeInt = 0
    """The same, of one token: logits that are made all at once."""


class TrainSpec(BaseModel):
    """One run of the worker, the same file for all ranks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: TrainParams
    seed: int
    model_folder: Path
    """Model and tokenizer to start from, in the transformers format."""
    examples_file: Path
    run_folder: Path
    """Unfinished work of exactly this recipe; what lies here is resumed from, on whatever layout."""
    device: Literal["cpu", "cuda"]
    max_tokens_per_rank: PositiveInt
    """Tokens of one forward pass on one rank; changes speed and memory, not the result beyond rounding."""
    sequence_parallel: PositiveInt = 1
    """Ranks that share one packed row (DeepSpeed Ulysses); divides the number of ranks and of attention heads."""
    attention_weight: NonNegativeFloat = 0.0
    """What attention adds to an example's cost, per squared token, for balancing."""
    attention: AttentionKernel = "sdpa"
    loss_kernel: LossKernel = "chunked"
    recompute: Recompute = Recompute()
    storage: Literal["shared", "node-local"] = "shared"
    """Whether all nodes see the same ``run_folder``, or each has one of its own."""

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
    """The step's objective, in nats; with ``example-mean`` the mean over examples of each one's mean per target."""
    learning_rate: float
    grad_norm: float
    """Global, before clipping."""
    seconds: float
    num_tokens: int
    """Tokens of the step's examples, prompts included, padding not."""
    example_hash: str
    """What was trained on in this step, whatever the layout."""
    max_over_mean: float = 1.0
    """Tokens of the fullest rank over the mean of all: what waiting costs."""
    num_recomputed_layers: int = 0
    num_passes: int = 1
    """Forward passes of each rank."""
    example_losses: tuple[float, ...] = ()
    """Each example's mean loss per target token, in the step's order."""
    checkpoint_seconds: float = 0.0
    """What saving the state before this step took, after the step before; 0 where none was saved."""
