"""What a plan can fail with.

Example::

    raise PlanError("no layout of 8 GPUs holds an example of 17,908 tokens; ...")
"""


class PlanError(ValueError):
    """A run cannot be planned, or cannot fit; the message says what would."""
