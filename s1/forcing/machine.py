"""The state machine of budget forcing: from what was sampled to what is decoded next.

Knows ids and settings; knows no engine and no tokenizer. Every ``ForcingState`` is immutable, so one thinking trace may
be carried on in several ways. What it does, and where it differs from the reference, is told in ``s1.forcing``.

Example::

    state = begin(spec, tokens, room=900)
    while state.step is not None:                       # decode what the step asks for
        state = state.feed(sampled_ids, "stop")
    state.outcome                                       # 'answered'
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from s1.forcing.loops import loop_period
from s1.forcing.spec import ForcingError, ForcingSpec, ForcingTokens, num_needed
from s1.records import GenerationState, Phase, Segment, ThinkingEnd

Finish = Literal["stop", "length", "context", "error"]
"""How sampling ended: a stop id was sampled (and dropped), the limit was reached, the context cannot hold it, or the
engine failed on it for good."""


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
    error: str | None = None
    """What went wrong, where the outcome is ``engine_error``."""
    thinking_end: ThinkingEnd = "none"
    num_waits: int = 0
    """How many ends of thinking were suppressed."""
    num_below_minimum: int = 0
    """How many of them because they came before the minimum."""
    num_sampled_tokens: int = 0
    """Tokens that the model decoded, dropped stops included."""
    is_at_mark: bool = False
    """Whether the last token may open a mark of a step; the next one tells."""

    @property
    def token_ids(self) -> tuple[int, ...]:
        """All tokens behind the prompt."""
        return tuple(token for run in self.runs for token in run.token_ids)

    @property
    def num_thinking_tokens(self) -> int:
        """Tokens of the thinking phase, appended texts included."""
        return sum(len(run.token_ids) for run in self.runs if run.phase == "thinking")

    def feed(
        self,
        sampled: Sequence[int],
        finish: Finish,
        *,
        stop_id: int | None = None,
        stop_probability: float | None = None,
        error: str | None = None,
    ) -> "ForcingState":
        """Take what the current step sampled and find the next step, or the outcome.

        Args:
            sampled: the sampled ids without a final stop id.
            stop_id: which stop was sampled, where known.
            stop_probability: how probable the stops were together where one was sampled; needed by ``only_below``.
            error: what went wrong where the finish is ``error``.

        Raises:
            ValueError: the request has ended already, or more was sampled than asked for, or the probability lacks.
        """
        self._check(sampled)
        phase: Phase = "answer" if self._is_answering else "thinking"
        state = self._with_run(tuple(sampled), forced=False, phase=phase)
        num_sampled = state.num_sampled_tokens + len(sampled) + (finish == "stop")
        state = replace(state, num_sampled_tokens=num_sampled, step=None, is_at_mark=False)
        if finish == "error":
            return replace(state, outcome="engine_error", error=error)
        if finish == "context":
            return replace(state, outcome="cut_at_context")
        if phase == "answer":
            return replace(state, outcome="answered" if finish == "stop" else "cut_at_length")
        # Where the text was last looked at for loops: before the mark, if there is one.
        seen = self.num_thinking_tokens - self.is_at_mark
        if finish == "length":
            return state._close_at_budget() if not state._num_left else state._think(minimum=0, seen=seen)
        if self.is_at_mark:
            return state._without_mark()._after_end(None, seen=seen)
        if self._opens_mark(stop_id):
            return state._look_behind_mark()
        return state._after_end(stop_probability, seen=seen)

    def _check(self, sampled: Sequence[int]) -> None:
        if self.step is None:
            raise ValueError(f"{self.spec.name}: this request has ended as {self.outcome!r} and takes no more tokens")
        if len(sampled) > self.step.max_new_tokens:
            raise ValueError(f"{self.spec.name}: {len(sampled)} tokens sampled, {self.step.max_new_tokens} asked for")

    @property
    def _is_answering(self) -> bool:
        return self.thinking_end != "none" or not self.spec.thinks

    @property
    def _num_left(self) -> int:
        assert self.spec.max_thinking_tokens is not None
        return self.spec.max_thinking_tokens - self.num_thinking_tokens

    def _after_end(self, stop_probability: float | None, *, seen: int) -> "ForcingState":
        """The model has ended its thinking: suppress that, or begin the answer."""
        is_early = self.num_thinking_tokens < self.spec.min_thinking_tokens
        text = self._next_text() if is_early or self._may_wait(stop_probability) else None
        if text is not None and len(text) + 1 > self._num_left:
            # A minimum holds even where its text finds no place; a Wait is there for its text.
            text = () if is_early else None
        if text is None:
            return replace(self, thinking_end="natural")._answer(append=self.tokens.answer_start)
        waiting = replace(
            self, num_waits=self.num_waits + 1, num_below_minimum=self.num_below_minimum + is_early
        )._with_run(text, forced=True, phase="thinking")
        return waiting._think(append=text, minimum=1, seen=seen)

    def _may_wait(self, stop_probability: float | None) -> bool:
        if self.num_waits - self.num_below_minimum >= self.spec.num_waits:
            return False
        if self.spec.only_below is None:
            return True
        if stop_probability is None:
            raise ForcingError(
                f"setting {self.spec.name!r}: only_below is {self.spec.only_below}, but the engine did not say how "
                "probable the end was; use an engine that does, or leave only_below out"
            )
        return stop_probability < self.spec.only_below

    def _next_text(self) -> tuple[int, ...]:
        if not self.spec.texts:
            return self.tokens.wait
        return self.tokens.encode(self.spec.texts[self.num_waits % len(self.spec.texts)])

    def _opens_mark(self, stop_id: int | None) -> bool:
        mark = self.tokens.step_mark
        return self.spec.has_step_marks and mark is not None and stop_id in (None, mark)

    def _look_behind_mark(self) -> "ForcingState":
        """Keep the stop that was sampled and ask for one token more: the answer's name ends thinking, others do not."""
        assert self.tokens.step_mark is not None
        if self._num_left < 2:
            return self._close_at_budget()
        marked = self._with_run((self.tokens.step_mark,), forced=False, phase="thinking")
        stops = self.tokens.think_stops | {self.tokens.answer_start[1]}
        return replace(marked, step=Step((self.tokens.step_mark,), 0, 1, stops), is_at_mark=True)

    def _without_mark(self) -> "ForcingState":
        *before, last = self.runs
        kept = (replace(last, token_ids=last.token_ids[:-1]),) if len(last.token_ids) > 1 else ()
        return replace(self, runs=(*before, *kept))

    def _close_at_budget(self) -> "ForcingState":
        thinking = self.token_ids
        has_newline = bool(thinking) and self.tokens.ends_in_newline(thinking[-1])
        append = (() if has_newline else self.tokens.newline) + self.tokens.final_answer_start
        return replace(self, thinking_end="budget")._answer(append=append)

    def _think(self, *, append: tuple[int, ...] = (), minimum: int, seen: int) -> "ForcingState":
        """Think on, at most to the next look for loops; ``seen`` thinking tokens have been looked at."""
        limit = self._num_left
        if self.spec.loops is not None:
            every, length = self.spec.loops.check_every, self.num_thinking_tokens
            if length // every > seen // every and loop_period(self.token_ids, self.spec.loops) is not None:
                return replace(self, thinking_end="loop", outcome="looped")
            limit = min(limit, every - length % every)
        return replace(self, step=Step(append, minimum, limit, self.tokens.think_stops))

    def _answer(self, *, append: tuple[int, ...]) -> "ForcingState":
        state = self._with_run(append, forced=True, phase="answer")
        return replace(state, step=Step(append, 0, self.spec.max_answer_tokens, self.tokens.answer_stops))

    def _with_run(self, token_ids: tuple[int, ...], *, forced: bool, phase: Phase) -> "ForcingState":
        if not token_ids:
            return self
        *before, last = self.runs or (TokenRun((), forced, phase),)
        if (last.forced, last.phase) == (forced, phase):
            return replace(self, runs=(*before, TokenRun(last.token_ids + token_ids, forced, phase)))
        return replace(self, runs=(*self.runs, TokenRun(token_ids, forced, phase)))


def begin(spec: ForcingSpec, tokens: ForcingTokens, *, room: int) -> ForcingState:
    """Start one request.

    Args:
        room: how many tokens the context holds behind the prompt (which includes the start of thinking).

    Returns:
        A state with its first step, or one that has ended as ``cut_at_context`` where ``room`` is too small.

    Raises:
        ForcingError: a text of the setting cannot be appended.
    """
    for text in spec.texts:
        tokens.encode(text)  # now, rather than in the middle of a trace
    state = ForcingState(spec=spec, tokens=tokens)
    if num_needed(spec, tokens) > room:
        return replace(state, outcome="cut_at_context")
    if spec.max_thinking_tokens is None:
        return state._answer(append=())
    return state._think(minimum=1, seen=0) if spec.max_thinking_tokens else state._close_at_budget()


def to_segments(state: ForcingState, decode: Callable[[Sequence[int]], str]) -> list[Segment]:
    """The tokens behind the prompt as records; ``decode`` turns ids into text, special tokens shown."""
    return [
        Segment(text=decode(run.token_ids), token_ids=list(run.token_ids), forced=run.forced, phase=run.phase)
        for run in state.runs
    ]
