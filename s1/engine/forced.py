"""Budget forcing on an engine: every thinking trace is decoded once and carried on at every setting.

With the same draws, the thinking under a smaller budget is a prefix of the thinking under a larger one, and with k
Waits a prefix of that with k + 1. So the settings of one question share their samples: a step whose tokens are known
(or under way) from another setting takes them, and only the rest is decoded, in the end one trace and one short answer
per setting. Greedy, the results are the ones that each setting alone would give (up to numerics of the batch). At a
temperature each setting's answers have the distribution that they have alone, and settings of one sample are paired.

Knows forcing and engines; knows no text.

Example::

    curve = Curve(name="q1", prompt_ids=ids, specs=specs, seed=0)
    stream_curves(engine, [curve], tokens, on_done=print)       # its CurveResult, once
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from s1.engine.protocol import Completion, Engine, Request
from s1.forcing import ForcingSpec, ForcingState, ForcingTokens, Step, begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One question (and sample) under all its settings, which share the prompt."""

    name: str
    """Differs among the curves of one call."""
    prompt_ids: tuple[int, ...]
    specs: tuple[ForcingSpec, ...]
    seed: int
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class CurveResult:
    """What became of a curve."""

    curve: Curve
    states: tuple[ForcingState, ...]
    """Final states of its settings, in order."""
    num_decoded: int
    """Tokens that the engine sampled for it, dropped stops included; what settings share was sampled once."""


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a step begins; steps that begin alike sample alike."""

    token_ids: tuple[int, ...]
    min_new_tokens: int
    stop_ids: frozenset[int]

    def behind(self, token_ids: tuple[int, ...]) -> "_Context":
        """Where sampling goes on after some tokens."""
        return _Context(self.token_ids + token_ids, max(0, self.min_new_tokens - len(token_ids)), self.stop_ids)


@dataclass(slots=True)
class _CurveDecoder:
    """The settings of one question while they are decoded."""

    curve: Curve
    states: list[ForcingState]
    num_decoded: int = 0
    known: dict[_Context, Completion] = field(default_factory=dict)
    """The completion of every context that was decoded."""
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
        self.known[context] = completion
        self.num_decoded += len(completion.token_ids) + (completion.finish == "stop")
        return self._advance()

    def _advance(self) -> list[Request]:
        requests: list[Request] = []
        waiting = []
        # The step that asks for most goes first; the others wait for its tokens.
        for index in sorted(self.waiting, key=self._num_asked, reverse=True):
            missing = self._feed_known(index)
            if missing is None:
                continue
            waiting.append(index)
            # One decoding per context at a time: a step that needs more than is under way asks when that has come.
            if missing[0] not in self.under_way:
                self.under_way.add(missing[0])
                requests.append(self._request(*missing))
        self.waiting = waiting
        return requests

    def _num_asked(self, index: int) -> int:
        step = self.states[index].step
        return 0 if step is None else step.max_new_tokens

    def _feed_known(self, index: int) -> tuple[_Context, int] | None:
        """Feed a setting as far as tokens are known; return where and how many more have to be decoded."""
        while (step := self.states[index].step) is not None:
            # The state's tokens end in what the step appends.
            start = _Context(self.curve.prompt_ids + self.states[index].token_ids, step.min_new_tokens, step.stop_ids)
            token_ids: tuple[int, ...] = ()
            context = start
            # A step that wants more than was decoded goes on behind that; it does not begin again.
            while (known := self.known.get(context)) is not None:
                token_ids += known.token_ids
                if known.finish != "length" or len(token_ids) >= step.max_new_tokens:
                    break
                context = start.behind(token_ids)
            if known is None:
                return context, step.max_new_tokens - len(token_ids)
            self.states[index] = _feed(self.states[index], step, token_ids, known)
        return None

    def _request(self, context: _Context, max_new_tokens: int) -> Request:
        return Request(
            group=self.curve.name,
            prompt_ids=context.token_ids,
            min_new_tokens=context.min_new_tokens,
            max_new_tokens=max_new_tokens,
            stop_ids=context.stop_ids,
            temperature=self.curve.temperature,
            seed=self.curve.seed,
            wants_stop_probability=any(
                state.spec.only_below is not None and context.stop_ids == state.tokens.think_stops
                for state in self.states
            ),
        )


def _feed(state: ForcingState, step: Step, token_ids: tuple[int, ...], last: Completion) -> ForcingState:
    """Feed what is known of a step; ``last`` says how it ends."""
    if len(token_ids) >= step.max_new_tokens:
        return state.feed(token_ids[: step.max_new_tokens], "length")
    return state.feed(
        token_ids, last.finish, stop_id=last.stop_id, stop_probability=last.stop_probability, error=last.error
    )


def stream_curves(
    engine: Engine, curves: Sequence[Curve], tokens: ForcingTokens, *, on_done: Callable[[CurveResult], None]
) -> None:
    """Decode every setting of every curve, and hand over each curve as soon as it has ended, in any order.

    Args:
        on_done: takes each curve's result; nothing is kept afterwards.

    Raises:
        ValueError: two curves have the same name.
    """
    decoders = _begin_all(curves, tokens, max_context=engine.max_context)

    def settle(decoder: _CurveDecoder) -> None:
        if not decoder.waiting:
            del decoders[decoder.curve.name]
            on_done(CurveResult(decoder.curve, tuple(decoder.states), decoder.num_decoded))

    def take(completion: Completion) -> list[Request]:
        decoder = decoders[completion.request.group]
        follow_ups = decoder.take(completion)
        settle(decoder)
        return follow_ups

    requests = []
    for decoder in list(decoders.values()):
        requests += decoder.start()
        settle(decoder)
    engine.generate(requests, on_finish=take)


def _begin_all(curves: Sequence[Curve], tokens: ForcingTokens, *, max_context: int) -> dict[str, _CurveDecoder]:
    decoders: dict[str, _CurveDecoder] = {}
    for curve in curves:
        if curve.name in decoders:
            raise ValueError(f"two curves are named {curve.name!r}; name each by question and sample")
        room = max_context - len(curve.prompt_ids)
        decoders[curve.name] = _CurveDecoder(curve, [begin(spec, tokens, room=room) for spec in curve.specs])
    return decoders
