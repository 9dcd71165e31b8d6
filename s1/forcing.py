"""Budget forcing (paper section 3.1) as a pure state machine over token ids.

Knows delimiters, budgets, what to append and when to answer. Knows no engine and no tokenizer: ids come in, ids go
out, and every ``ForcingState`` is immutable, so one thinking trace may be carried on in several ways. Each request
advances by itself; nothing waits for a batch.

What happens, as in the reference: the prompt ends in the start of thinking (the caller's part). *Natural end*: the
model samples a stop, the start of the answer is appended. *Wait*: while Waits are left, the stop is dropped and
``Wait`` appended straight after the text. *Maximum*: at the budget a newline (unless the text ends in one), the start
of the answer and ``Final Answer:`` are appended. Each round of thinking samples at least one token.

Deliberate differences from the reference:

- A Wait round gets what is left of the budget, not a fresh one cut afterwards; Wait tokens count as thinking.
- A Wait is appended only where it and one sampled token fit into the budget; else the thinking ends naturally.
- Whether a newline is needed is read from the text as cut, and empty thinking gets one.
- The first round too samples at least one token, so that every smaller budget or Wait count is a prefix of a larger.
- Room for prompt, budget, newline, delimiter and answer is checked before anything is decoded; where it lacks, the
  request ends at once as ``cut_at_context`` and the budget is never silently lowered.

Example::

    state = begin(ForcingSpec(name="max-64", max_thinking_tokens=64, max_answer_tokens=16), tokens, room=900)
    while state.step is not None:                       # decode what the step asks for
        state = state.feed(sampled_ids, "stop")
    state.outcome                                       # 'answered'
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from s1.records import GenerationState, Segment, ThinkingEnd

Finish = Literal["stop", "length", "context"]
"""How sampling ended: a stop id was sampled (and dropped), the limit was reached, or the context cannot hold it."""

Phase = Literal["thinking", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcingTokens:
    """Everything that forcing appends or looks for, as ids of one tokenizer."""

    newline: tuple[int, ...]
    wait: tuple[int, ...]
    answer_start: tuple[int, ...]
    """Appended after a natural end."""
    final_answer_start: tuple[int, ...]
    """Appended when the budget ends thinking; begins with ``answer_start``."""
    think_stops: frozenset[int]
    answer_stops: frozenset[int]
    ends_in_newline: Callable[[int], bool]
    """Whether the text of a token ends in a newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcingSpec:
    """One setting of forced decoding; a point of a curve.

    Raises:
        ValueError: a budget or count is impossible.
    """

    name: str
    max_thinking_tokens: int | None
    """Thinking tokens in all, Wait tokens included; None: no thinking, the model answers directly."""
    num_waits: int = 0
    """How often the model's own end of thinking is suppressed."""
    max_answer_tokens: int

    def __post_init__(self) -> None:
        if self.max_answer_tokens < 1:
            raise ValueError(f"{self.name}: max_answer_tokens is {self.max_answer_tokens}; an answer needs at least 1")
        if self.num_waits < 0:
            raise ValueError(f"{self.name}: num_waits is {self.num_waits}; give 0 or more")
        if self.max_thinking_tokens is None and self.num_waits:
            raise ValueError(f"{self.name}: num_waits is {self.num_waits} without thinking; set max_thinking_tokens")
        if self.max_thinking_tokens is not None and self.max_thinking_tokens < 0:
            raise ValueError(
                f"{self.name}: max_thinking_tokens is {self.max_thinking_tokens}; give 0 or more, or None to answer "
                "directly. Where it is what a context leaves, prompt and answer already fill the context."
            )


@dataclass(frozen=True, slots=True)
class Step:
    """What to decode next: append ``append`` to all tokens so far, then sample."""

    append: tuple[int, ...]
    min_new_tokens: int
    max_new_tokens: int
    stop_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class TokenRun:
    """Tokens of one origin."""

    token_ids: tuple[int, ...]
    forced: bool
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcingState:
    """How far one request is. Exactly one of ``step`` and ``outcome`` is set."""

    spec: ForcingSpec
    tokens: ForcingTokens
    runs: tuple[TokenRun, ...] = ()
    """All tokens behind the prompt, in order; a sampled stop is dropped and stands in no run."""
    step: Step | None = None
    outcome: GenerationState | None = None
    thinking_end: ThinkingEnd = "none"
    num_waits: int = 0
    num_sampled_tokens: int = 0
    """Tokens that the model decoded, dropped stops included."""

    @property
    def token_ids(self) -> tuple[int, ...]:
        """All tokens behind the prompt."""
        return tuple(token for run in self.runs for token in run.token_ids)

    @property
    def num_thinking_tokens(self) -> int:
        """Tokens of the thinking phase, Waits included."""
        return sum(len(run.token_ids) for run in self.runs if run.phase == "thinking")

    def feed(self, sampled: Sequence[int], finish: Finish) -> "ForcingState":
        """Take what the current step sampled and find the next step, or the outcome.

        Args:
            sampled: the sampled ids without a final stop id.

        Raises:
            ValueError: the request has ended already, or more was sampled than asked for.
        """
        if self.step is None:
            raise ValueError(f"{self.spec.name}: this request has ended as {self.outcome!r} and takes no more tokens")
        if len(sampled) > self.step.max_new_tokens:
            raise ValueError(f"{self.spec.name}: {len(sampled)} tokens sampled, {self.step.max_new_tokens} asked for")
        phase: Phase = "answer" if self._is_answering else "thinking"
        state = self._with_run(tuple(sampled), forced=False, phase=phase)
        state = replace(state, num_sampled_tokens=state.num_sampled_tokens + len(sampled) + (finish == "stop"))
        if finish == "context":
            return replace(state, step=None, outcome="cut_at_context")
        if phase == "answer":
            return replace(state, step=None, outcome="answered" if finish == "stop" else "cut_at_length")
        if finish == "length":
            return state._close_at_budget()
        return state._after_own_end()

    @property
    def _is_answering(self) -> bool:
        return self.thinking_end != "none" or self.spec.max_thinking_tokens is None

    def _after_own_end(self) -> "ForcingState":
        wait = self.tokens.wait
        if self.num_waits < self.spec.num_waits and self._num_left >= len(wait) + 1:
            waiting = replace(self, num_waits=self.num_waits + 1)._with_run(wait, forced=True, phase="thinking")
            return waiting._think(append=wait)
        return replace(self, thinking_end="natural")._answer(append=self.tokens.answer_start)

    def _close_at_budget(self) -> "ForcingState":
        thinking = self.token_ids
        has_newline = bool(thinking) and self.tokens.ends_in_newline(thinking[-1])
        append = (() if has_newline else self.tokens.newline) + self.tokens.final_answer_start
        return replace(self, thinking_end="budget")._answer(append=append)

    def _think(self, *, append: tuple[int, ...]) -> "ForcingState":
        return replace(self, step=Step(append, 1, self._num_left, self.tokens.think_stops))

    def _answer(self, *, append: tuple[int, ...]) -> "ForcingState":
        state = self._with_run(append, forced=True, phase="answer")
        return replace(state, step=Step(append, 0, self.spec.max_answer_tokens, self.tokens.answer_stops))

    @property
    def _num_left(self) -> int:
        assert self.spec.max_thinking_tokens is not None
        return self.spec.max_thinking_tokens - self.num_thinking_tokens

    def _with_run(self, token_ids: tuple[int, ...], *, forced: bool, phase: Phase) -> "ForcingState":
        return replace(self, runs=(*self.runs, TokenRun(token_ids, forced, phase))) if token_ids else self


def begin(spec: ForcingSpec, tokens: ForcingTokens, *, room: int) -> ForcingState:
    """Start one request.

    Args:
        room: how many tokens the context holds behind the prompt (which includes the start of thinking).

    Returns:
        A state with its first step, or one that has ended as ``cut_at_context`` where ``room`` is too small.
    """
    state = ForcingState(spec=spec, tokens=tokens)
    if num_needed(spec, tokens) > room:
        return replace(state, outcome="cut_at_context")
    if spec.max_thinking_tokens is None:
        return state._answer(append=())
    return state._think(append=()) if spec.max_thinking_tokens else state._close_at_budget()


def num_needed(spec: ForcingSpec, tokens: ForcingTokens) -> int:
    """The most tokens that a setting may need behind its prompt."""
    if spec.max_thinking_tokens is None:
        return spec.max_answer_tokens
    closing = max(len(tokens.newline) + len(tokens.final_answer_start), len(tokens.answer_start))
    return spec.max_thinking_tokens + closing + spec.max_answer_tokens


def to_segments(state: ForcingState, decode: Callable[[Sequence[int]], str]) -> list[Segment]:
    """The tokens behind the prompt as records; ``decode`` turns ids into text, special tokens shown."""
    return [
        Segment(text=decode(run.token_ids), token_ids=list(run.token_ids), forced=run.forced, phase=run.phase)
        for run in state.runs
    ]


def direct_setting(*, max_answer_tokens: int) -> ForcingSpec:
    """No thinking: the model answers at once."""
    return ForcingSpec(name="direct", max_thinking_tokens=None, max_answer_tokens=max_answer_tokens)


def forced_settings(
    *, budgets: Sequence[int], wait_counts: Sequence[int], max_thinking_tokens: int, max_answer_tokens: int
) -> list[ForcingSpec]:
    """The points of a curve: ``max-<budget>`` for every budget, ``wait-<n>`` under ``max_thinking_tokens``."""
    maxima = [
        ForcingSpec(name=f"max-{budget}", max_thinking_tokens=budget, max_answer_tokens=max_answer_tokens)
        for budget in budgets
    ]
    waits = [
        ForcingSpec(
            name=f"wait-{count}",
            max_thinking_tokens=max_thinking_tokens,
            num_waits=count,
            max_answer_tokens=max_answer_tokens,
        )
        for count in wait_counts
    ]
    return [*maxima, *waits]
