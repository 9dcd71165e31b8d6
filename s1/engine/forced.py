"""Budget forcing on an engine: every thinking trace is decoded once and carried on at every setting.

With the same draws, the thinking under a smaller budget is a prefix of the thinking under a larger one, and with k
Waits a prefix of that with k + 1. So the settings of one question share their samples: a step whose tokens are known
(or under way) from another setting takes them, and only the rest is decoded, in the end one trace and one short answer
per setting. The results are the ones that each setting alone would give (up to numerics of the batch), at any
temperature, because draws depend on the sample's seed and the position only.

Knows forcing and engines; knows no text.

Example::

    states = decode_curves(engine, [Curve(name="q1", prompt_ids=ids, specs=specs, seed=0)], tokens, temperature=0.0)
    states[0][2].outcome            # the third setting of the first question
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from s1.engine.protocol import Completion, Engine, Request
from s1.forcing import Finish, ForcingSpec, ForcingState, ForcingTokens, Step, begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One question (and sample) under all its settings, which share the prompt."""

    name: str
    """Differs among the curves of one call."""
    prompt_ids: tuple[int, ...]
    specs: tuple[ForcingSpec, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a step begins; steps that begin alike sample alike."""

    token_ids: tuple[int, ...]
    min_new_tokens: int
    stop_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Known:
    """The longest completion known of a context."""

    token_ids: tuple[int, ...]
    finish: Finish


@dataclass(slots=True)
class _CurveDecoder:
    """The settings of one question while they are decoded."""

    curve: Curve
    temperature: float
    states: list[ForcingState]
    known: dict[_Context, _Known] = field(default_factory=dict)
    under_way: set[_Context] = field(default_factory=set)
    """Contexts being decoded."""
    waiting: list[int] = field(default_factory=list)
    """Settings whose step waits for tokens, by index."""

    def start(self) -> list[Request]:
        """First requests."""
        self.waiting = [index for index, state in enumerate(self.states) if state.step is not None]
        return self._advance()

    def take(self, completion: Completion) -> list[Request]:
        """Remember a completion and carry on every setting that it helps."""
        request = completion.request
        context = _Context(request.prompt_ids, request.min_new_tokens, request.stop_ids)
        self.under_way.remove(context)
        self.known[context] = _Known(completion.token_ids, completion.finish)
        return self._advance()

    def _advance(self) -> list[Request]:
        requests: list[Request] = []
        waiting = []
        # The step that asks for most goes first; the others wait for its tokens.
        for index in sorted(self.waiting, key=self._num_asked, reverse=True):
            step = self._feed_known(index)
            if step is None:
                continue
            waiting.append(index)
            context = self._context(index, step)
            # One decoding per context at a time: a step that needs more than is under way asks when that has come.
            if context not in self.under_way:
                self.under_way.add(context)
                requests.append(self._request(context, step))
        self.waiting = waiting
        return requests

    def _num_asked(self, index: int) -> int:
        step = self.states[index].step
        return 0 if step is None else step.max_new_tokens

    def _feed_known(self, index: int) -> Step | None:
        """Feed a setting as far as tokens are known; return the step for which they are not."""
        while (step := self.states[index].step) is not None:
            known = self.known.get(self._context(index, step))
            if known is None:
                return step
            if len(known.token_ids) >= step.max_new_tokens:
                state = self.states[index].feed(known.token_ids[: step.max_new_tokens], "length")
            elif known.finish == "length":
                return step
            else:
                state = self.states[index].feed(known.token_ids, known.finish)
            self.states[index] = state
        return None

    def _context(self, index: int, step: Step) -> _Context:
        # The state's tokens end in what the step appends.
        return _Context(self.curve.prompt_ids + self.states[index].token_ids, step.min_new_tokens, step.stop_ids)

    def _request(self, context: _Context, step: Step) -> Request:
        return Request(
            group=self.curve.name,
            prompt_ids=context.token_ids,
            min_new_tokens=step.min_new_tokens,
            max_new_tokens=step.max_new_tokens,
            stop_ids=step.stop_ids,
            temperature=self.temperature,
            seed=self.curve.seed,
        )


def decode_curves(
    engine: Engine,
    curves: Sequence[Curve],
    tokens: ForcingTokens,
    *,
    temperature: float,
    on_done: Callable[[int], None] | None = None,
) -> list[list[ForcingState]]:
    """Decode every setting of every curve.

    Args:
        on_done: told the number of finished curves whenever one is finished.

    Returns:
        For each curve, in order, the final states of its settings, in order.
    """
    decoders = {
        curve.name: _CurveDecoder(
            curve,
            temperature,
            [begin(spec, tokens, room=engine.max_context - len(curve.prompt_ids)) for spec in curve.specs],
        )
        for curve in curves
    }
    if len(decoders) != len(curves):
        raise ValueError("two curves have the same name; name each by question and sample")
    requests = [request for decoder in decoders.values() for request in decoder.start()]
    num_done = sum(not decoder.waiting for decoder in decoders.values())

    def take(completion: Completion) -> list[Request]:
        nonlocal num_done
        decoder = decoders[completion.request.group]
        follow_ups = decoder.take(completion)
        if not decoder.waiting:
            num_done += 1
            decoder.known.clear()
            if on_done is not None:
                on_done(num_done)
        return follow_ups

    engine.generate(requests, on_finish=take)
    return [decoders[curve.name].states for curve in curves]
