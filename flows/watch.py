"""Who follows one run of the chain, and what ties its processes together. Plain data: importing it imports no Prefect.

Example::

    watch = Watch(invocation, recorder, params, ui_url="http://127.0.0.1:4200")
"""

from collections.abc import Callable
from dataclasses import dataclass

from infra.recorder import Recorder
from s1.config import Params

Tell = Callable[[str], None]
"""Takes one line that people read."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What the parent flow knows of the run besides its stages."""

    invocation: str
    recorder: Recorder
    params: Params
    ui_url: str | None
    """Address of Prefect's pages."""
    tell: Tell = print
    lock: int | None = None
    """File descriptor of the workspace's lock, which every stage's processes keep."""
