"""What a setting of forced decoding is, and the ids that it needs: budgets, minimum, suppressed ends, loops.

Knows what is possible and refuses the rest with the reason; decodes nothing (``s1.forcing.machine``).

Example::

    ForcingSpec(name="hmm-2", max_thinking_tokens=512, num_waits=2, texts=("Hmm",), max_answer_tokens=64)
"""

from collections.abc import Callable
from dataclasses import dataclass

from s1.config import LoopParams


class ForcingError(ValueError):
    """A setting that cannot be: says which, why, and what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcingTokens:
    """Everything that forcing appends or looks for, as ids of one tokenizer."""

    newline: tuple[int, ...]
    wait: tuple[int, ...]
    answer_start: tuple[int, ...]
    """Appended after a natural end."""
    final_answer_start: tuple[int, ...]
    """Appended when the budget ends thinking; begins with the text of ``answer_start``."""
    think_stops: frozenset[int]
    answer_stops: frozenset[int]
    ends_in_newline: Callable[[int], bool]
    """Whether the text of a token ends in a newline."""
    encode: Callable[[str], tuple[int, ...]]
    """Ids of a text that a setting appends."""
    step_mark: int | None = None
    """The stop that opens the answer and the marks of steps alike (``<|im_start|>``); None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcingSpec:
    """One setting of forced decoding; a point of a curve.

    Raises:
        ForcingError: a budget, count or threshold is impossible, or two of them contradict each other.
    """

    name: str
    max_thinking_tokens: int | None
    """Thinking tokens in all, appended texts included; None: no thinking, the model answers directly."""
    min_thinking_tokens: int = 0
    """An end before so many thinking tokens is suppressed, however often it comes."""
    num_waits: int = 0
    """How often an end behind the minimum is suppressed as well."""
    texts: tuple[str, ...] = ()
    """Appended in turn where an end is suppressed, ``""`` for nothing; none given: the tokens' Wait."""
    only_below: float | None = None
    """Suppress an end only where the model gave ending a probability below this."""
    loops: LoopParams | None = None
    """When thinking that repeats itself is ended; None: never."""
    has_step_marks: bool = False
    """Whether the model writes marks of steps, which begin with the stop that also opens the answer."""
    max_answer_tokens: int

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ForcingError(f"setting {self.name!r}: {problem}")

    @property
    def thinks(self) -> bool:
        """Whether there is a thinking phase."""
        return self.max_thinking_tokens is not None

    def _problem(self) -> str | None:
        if self.max_answer_tokens < 1:
            return f"max_answer_tokens is {self.max_answer_tokens}; an answer needs at least 1"
        if self.num_waits < 0:
            return f"num_waits is {self.num_waits}; give 0 or more"
        if self.min_thinking_tokens < 0:
            return f"min_thinking_tokens is {self.min_thinking_tokens}; give 0 or more"
        if self.only_below is not None and not 0 < self.only_below <= 1:
            return f"only_below is {self.only_below}; give a probability above 0, up to 1 (0 would suppress nothing)"
        if self.max_thinking_tokens is None:
            return self._problem_without_thinking()
        return self._problem_of_thinking(self.max_thinking_tokens)

    def _problem_without_thinking(self) -> str | None:
        for key, value in (("num_waits", self.num_waits), ("min_thinking_tokens", self.min_thinking_tokens)):
            if value:
                return f"{key} is {value} without thinking; set max_thinking_tokens"
        if self.texts or self.only_below is not None:
            return "it says how ends of thinking are suppressed, without thinking; set max_thinking_tokens"
        return None

    def _problem_of_thinking(self, maximum: int) -> str | None:
        if maximum < 0:
            return (
                f"max_thinking_tokens is {maximum}; give 0 or more, or None to answer directly. "
                "Where it is what a context leaves, prompt and answer already fill the context."
            )
        if self.min_thinking_tokens > maximum:
            return (
                f"min_thinking_tokens is {self.min_thinking_tokens}, above max_thinking_tokens {maximum}; "
                "lower the minimum or raise the maximum (equal: exactly so long)"
            )
        if self.min_thinking_tokens and self.has_step_marks:
            return "min_thinking_tokens cannot be used with marks of steps, which may be its last token; leave it out"
        suppresses = bool(self.num_waits or self.min_thinking_tokens)
        if self.texts and not suppresses:
            return f"texts {list(self.texts)} are never appended; give num_waits or min_thinking_tokens"
        if self.only_below is None:
            return None
        if self.min_thinking_tokens:
            return (
                f"only_below {self.only_below} would let thinking end before min_thinking_tokens "
                f"{self.min_thinking_tokens}; leave one of them out"
            )
        if not self.num_waits:
            return f"only_below is {self.only_below}, but no end is suppressed; give num_waits"
        if self.has_step_marks:
            return "only_below cannot be used with marks of steps, whose stop is no end yet; leave it out"
        return None


def num_closing(tokens: ForcingTokens) -> int:
    """The most tokens that are appended between thinking and answer."""
    return max(len(tokens.newline) + len(tokens.final_answer_start), len(tokens.answer_start))


def num_needed(spec: ForcingSpec, tokens: ForcingTokens) -> int:
    """The most tokens that a setting may need behind its prompt."""
    if spec.max_thinking_tokens is None:
        return spec.max_answer_tokens
    return spec.max_thinking_tokens + num_closing(tokens) + spec.max_answer_tokens
