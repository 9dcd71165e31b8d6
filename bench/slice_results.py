"""What ``bench.slices`` measures, as it lies on disk: one record for each pass that was timed, or why it was not.

Example::

    results = Results.model_validate_json(Path("slices.json").read_bytes())
    results.find(part="layers", num_layers=4, num_tokens=4700)[0].seconds
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from s1.planning.shapes import ModelShape
from s1.training.spec import AttentionKernel, LossKernel

Part = Literal["layers", "loss", "attention", "engine"]


class Measurement(BaseModel):
    """One kind of pass, forward and backward."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: Part
    num_layers: int
    lengths: tuple[int, ...]
    """Tokens of the examples in the row."""
    recomputes: bool
    """All layers, or none."""
    loss_kernel: LossKernel
    attention: AttentionKernel
    engine: Literal["plain", "deepspeed"] = "plain"
    seconds: float | None = None
    """Median; None: not measured."""
    optimizer_seconds: float | None = None
    peak_bytes: int | None = None
    """Most that was allocated during a pass; None: not measured, or not a GPU."""
    base_bytes: int | None = None
    """What was allocated before it: weights, optimizer."""
    loss: float | None = None
    problem: str = ""
    """Why it was not measured."""

    @property
    def num_tokens(self) -> int:
        """Of the row."""
        return sum(self.lengths)


class Results(BaseModel):
    """A whole run of the bench."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    """As the driver calls it."""
    gpu: str | None
    """The kind of GPU that plans know it as."""
    shape: ModelShape
    """Of the whole model that slices are cut from."""
    dtype: str
    torch_version: str
    measurements: tuple[Measurement, ...]

    def find(
        self,
        *,
        part: Part,
        num_layers: int | None = None,
        num_tokens: int | None = None,
        recomputes: bool | None = None,
        engine: str | None = None,
    ) -> list[Measurement]:
        """What was measured of a part, in order; None: whatever it is."""
        return [
            one
            for one in self.measurements
            if one.part == part
            and num_layers in (None, one.num_layers)
            and num_tokens in (None, one.num_tokens)
            and recomputes in (None, one.recomputes)
            and engine in (None, one.engine)
        ]
