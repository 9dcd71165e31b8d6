"""The decoding protocol: token ids in, token ids out, requests that grow out of finished ones.

Knows nothing about chat, thinking or budgets. An engine decodes requests in whatever order is fast; as soon as one is
done it hands the completion back and takes what should follow, so that a follow-up may reuse the tokens' keys and
values and no request waits for a batch.

Example::

    engine.generate([Request(group="q1", prompt_ids=ids, max_new_tokens=64, stop_ids=stops)], on_finish=take)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from s1.forcing import Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Sample up to ``max_new_tokens`` behind ``prompt_ids``."""

    group: str
    """Requests of one group begin alike; an engine may look for shared prefixes there."""
    prompt_ids: tuple[int, ...]
    min_new_tokens: int = 0
    """Stop ids cannot be sampled before so many tokens."""
    max_new_tokens: int
    """A stop id counts: after this many tokens without one the finish is ``length``."""
    stop_ids: frozenset[int]
    temperature: float = 0.0
    """0 is greedy."""
    seed: int = 0
    """Decides the draws at temperature > 0; see ``draw_key``."""
    wants_stop_probability: bool = False
    """Whether the completion should say how probable a stop was where one was sampled."""

    def __post_init__(self) -> None:
        if not self.prompt_ids:
            raise ValueError(f"request of {self.group!r} has an empty prompt; give at least one token")
        if self.max_new_tokens < 1 or self.min_new_tokens > self.max_new_tokens:
            raise ValueError(
                f"request of {self.group!r} asks for {self.min_new_tokens} to {self.max_new_tokens} new tokens; "
                "the maximum must be at least 1 and not below the minimum"
            )
        if self.temperature < 0 or self.seed < 0:
            raise ValueError(f"temperature {self.temperature} and seed {self.seed} must not be negative")

    @property
    def draw_key(self) -> tuple[int, ...]:
        """What the draws at temperature > 0 depend on, and nothing else does.

        The seed alone is not enough: a request that goes on where another ended must not draw the same numbers again,
        not even where it begins at the same place with the stop forbidden, because the first draw fell on the stop.
        """
        minimum = (self.min_new_tokens,) if self.min_new_tokens else ()
        return (self.seed, len(self.prompt_ids), *minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What became of a request."""

    request: Request
    token_ids: tuple[int, ...]
    """Sampled ids without the stop id."""
    finish: Finish
    stop_id: int | None = None
    """The stop that was sampled, where the engine tells."""
    stop_probability: float | None = None
    """Probability of all stop ids together (at temperature 1) where a stop was sampled; None where nothing was asked
    or no stop was sampled."""
    error: str | None = None
    """What went wrong, in words, where the finish is ``error``; no tokens then."""


FollowUp = Callable[[Completion], Sequence[Request]]
"""Takes a completion; returns requests to decode next."""


class Engine(Protocol):
    """Something that decodes."""

    @property
    def max_context(self) -> int:
        """Most tokens of prompt and answer together."""
        ...

    def generate(self, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        """Decode all requests and all that follow from them; returns when nothing is left.

        A request that does not fit ``max_context`` is completed at once with finish ``context`` and no tokens; one on
        which the engine has failed for good with finish ``error``.
        """
        ...
