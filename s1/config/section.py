"""What every section of ``params.yaml`` is built on: an immutable model that refuses unknown keys, and number types.

Knows pydantic; does not know any key. The sentence under a field is its help (``s1.config.helps`` reads it, forms show
it), so it is written for somebody who sees the field for the first time, with unit and the paper's value.

Example::

    class ScoreParams(Section):
        confidence: Fraction  # its help is the string in the next line
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveInt = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""What every random number generator here accepts."""
Count = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Base of every section: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
