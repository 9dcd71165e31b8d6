"""One trace for a whole curve: the same tokens as when every setting is decoded by itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from s1.config import LoopParams
from s1.engine.forced import Curve, CurveResult, stream_curves
from s1.engine.local import LocalEngine
from s1.engine.protocol import Completion, FollowUp, Request
from s1.forcing import ForcingSpec, ForcingState, begin
from tests.engine.tiny import MAX_CONTEXT, TOKENS, VOCAB_SIZE, build_tiny_model, decode_curves, decode_plainly

MODEL = build_tiny_model(seed=3)
LOOPS = LoopParams(max_period=6, min_repeats=3, min_tokens=12, check_every=10)


def spec(name: str, budget: int, **settings: Any) -> ForcingSpec:
    return ForcingSpec(name=name, max_thinking_tokens=budget, max_answer_tokens=6, **settings)


SPECS = (
    *(spec(f"max-{budget}", budget) for budget in (1, 4, 8, 16, 48)),
    *(spec(f"wait-{count}", 32, num_waits=count) for count in (0, 1, 2, 4)),
)
FURTHER = (
    spec("min-12", 32, min_thinking_tokens=12),
    spec("exact-24", 24, min_thinking_tokens=24),
    spec("exact-24-h", 24, min_thinking_tokens=24, texts=("h",)),
    spec("nothing-2", 32, num_waits=2, texts=("",)),
    spec("rotation", 48, num_waits=4, texts=("h", "", "ha")),
    spec("unsure", 32, num_waits=4, only_below=0.5),
    spec("min-and-wait", 40, min_thinking_tokens=8, num_waits=2),
    spec("marked-wait", 40, num_waits=2, has_step_marks=True),
)
LOOKING = tuple(replace(setting, loops=LOOPS) for setting in (*SPECS, *FURTHER))


def curves(num: int, *, seed: int = 0, specs: tuple[ForcingSpec, ...] = SPECS) -> list[Curve]:
    rng = np.random.default_rng(seed)
    return [
        Curve(
            name=f"q{index}",
            prompt_ids=tuple(rng.integers(4, VOCAB_SIZE, size=rng.integers(3, 20)).tolist()),
            specs=specs,
            seed=index,
        )
        for index in range(num)
    ]


def decode_each_alone(curve: Curve) -> list[ForcingState]:
    """Every setting of a curve by plain greedy decoding without cache."""
    states = []
    for spec in curve.specs:
        state = begin(spec, TOKENS, room=MAX_CONTEXT - len(curve.prompt_ids))
        while (step := state.step) is not None:
            completion = decode_plainly(
                MODEL,
                Request(
                    group="",
                    prompt_ids=curve.prompt_ids + state.token_ids,
                    min_new_tokens=step.min_new_tokens,
                    max_new_tokens=step.max_new_tokens,
                    stop_ids=step.stop_ids,
                    wants_stop_probability=True,
                ),
            )
            state = state.feed(
                completion.token_ids,
                completion.finish,
                stop_id=completion.stop_id,
                stop_probability=completion.stop_probability,
            )
        states.append(state)
    return states


class CountingEngine:
    """The local engine, counting what it is asked for."""

    def __init__(self, *, batch_size: int) -> None:
        self._engine = LocalEngine(MODEL, batch_size=batch_size)
        self.max_context = self._engine.max_context
        self.completions: list[Completion] = []

    def generate(self, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        def take(completion: Completion) -> list[Request]:
            self.completions.append(completion)
            return list(on_finish(completion))

        self._engine.generate(requests, on_finish=take)


@pytest.mark.parametrize("batch_size", [2, 64])
def test_shared_traces_give_the_tokens_of_independent_runs(batch_size: int) -> None:
    questions = curves(6)
    shared = decode_curves(LocalEngine(MODEL, batch_size=batch_size), questions, TOKENS)
    alone = [decode_each_alone(curve) for curve in questions]
    assert [[state.runs for state in states] for states in shared] == [[s.runs for s in states] for states in alone]
    assert shared == alone
    # The comparison covers Waits, both ends of thinking, and settings that end apart.
    ends = {(state.thinking_end, state.num_waits) for states in alone for state in states}
    assert {("natural", 0), ("budget", 0), ("natural", 1)} <= ends
    assert max(num_waits for _, num_waits in ends) >= 2


def test_every_other_mode_gives_the_tokens_of_independent_runs() -> None:
    questions = curves(6, specs=(*SPECS, *FURTHER))
    shared = decode_curves(LocalEngine(MODEL, batch_size=16), questions, TOKENS)
    alone = [decode_each_alone(curve) for curve in questions]
    assert [[state.runs for state in states] for states in shared] == [[s.runs for s in states] for states in alone]
    assert shared == alone
    by_name = {spec.name: [states[index] for states in alone] for index, spec in enumerate(questions[0].specs)}
    # The comparison is about something: ends are suppressed in every mode, and thinking is exactly so long.
    assert all(any(state.num_waits for state in by_name[setting.name]) for setting in FURTHER)
    assert {state.num_thinking_tokens for name in ("exact-24", "exact-24-h") for state in by_name[name]} == {24}
    assert all(state.num_thinking_tokens >= 12 for state in by_name["min-12"])
    assert len({state.num_waits for state in by_name["unsure"]}) > 1
    assert any(1 in state.token_ids[: state.num_thinking_tokens] for state in by_name["marked-wait"])


def test_loops_are_found_at_the_tokens_of_independent_runs() -> None:
    questions = curves(6, specs=LOOKING)
    shared = decode_curves(LocalEngine(MODEL, batch_size=16), questions, TOKENS)
    assert shared == [decode_each_alone(curve) for curve in questions]
    outcomes = {state.outcome for states in shared for state in states}
    assert outcomes >= {"looped", "answered"}
    # A loop ends every larger budget at the same token.
    for states in shared:
        looped = {state.num_thinking_tokens for state in states[:5] if state.outcome == "looped"}
        assert len(looped) <= 1


def test_sampled_traces_are_shared_as_well() -> None:
    questions = [replace(curve, temperature=1.0) for curve in curves(5)]
    shared = decode_curves(LocalEngine(MODEL, batch_size=8), questions, TOKENS)
    for curve, states in zip(questions, shared, strict=True):
        for index, spec in enumerate(SPECS):
            alone = decode_curves(LocalEngine(MODEL, batch_size=1), [replace(curve, specs=(spec,))], TOKENS)
            assert alone == [[states[index]]]


def test_each_thinking_token_is_decoded_once() -> None:
    engine = CountingEngine(batch_size=8)
    states = decode_curves(engine, curves(6), TOKENS)
    decoded = sum(
        len(completion.token_ids)
        for completion in engine.completions
        if completion.request.stop_ids == TOKENS.think_stops
    )
    needed = 0
    for of_curve in states:
        beginnings = set()
        for state in of_curve:
            thinking: tuple[int, ...] = ()
            for run in state.runs:
                if run.phase == "thinking":
                    if not run.forced:
                        beginnings |= {(*thinking, *run.token_ids[: end + 1]) for end in range(len(run.token_ids))}
                    thinking += run.token_ids
        needed += len(beginnings)
    assert decoded == needed


def test_what_was_decoded_is_counted_with_its_stops_and_once() -> None:
    engine = CountingEngine(batch_size=8)
    counts: dict[str, int] = {}

    def count(result: CurveResult) -> None:
        counts[result.curve.name] = result.num_decoded

    stream_curves(engine, curves(6, specs=(*SPECS, *FURTHER)), TOKENS, on_done=count)
    decoded = Counter[str]()
    for completion in engine.completions:
        decoded[completion.request.group] += len(completion.token_ids) + (completion.finish == "stop")
    assert counts == decoded


def test_only_an_end_of_thinking_is_asked_how_probable_it_was() -> None:
    engine = CountingEngine(batch_size=8)
    decode_curves(engine, curves(6, specs=FURTHER), TOKENS)
    asked = {(done.request.wants_stop_probability, done.request.stop_ids) for done in engine.completions}
    assert asked >= {(True, TOKENS.think_stops), (False, TOKENS.answer_stops)}
    assert (True, TOKENS.answer_stops) not in asked
    engine.completions.clear()
    decode_curves(engine, curves(2), TOKENS)
    assert not any(done.request.wants_stop_probability for done in engine.completions)


def test_a_curve_that_cannot_fit_is_cut_and_the_others_go_on() -> None:
    long = Curve(name="long", prompt_ids=(4,) * (MAX_CONTEXT - 40), specs=SPECS, seed=0)
    states = decode_curves(LocalEngine(MODEL, batch_size=4), [long, *curves(1)], TOKENS)
    # 40 tokens are left: budgets up to 16 need at most 16 + 5 + 6, those of 32 and 48 do not fit.
    assert [state.outcome == "cut_at_context" for state in states[0]] == [False] * 4 + [True] * 5
    assert all(state.outcome is not None for state in states[1])


class FailingEngine:
    """Decodes 10 tokens that end nothing; fails on requests for more."""

    max_context = MAX_CONTEXT

    def generate(self, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        waiting = list(requests)
        while waiting:
            request = waiting.pop(0)
            if request.max_new_tokens > 10:
                waiting += on_finish(Completion(request=request, token_ids=(), finish="error", error="it is broken"))
            else:
                token_ids = (20,) * request.max_new_tokens
                waiting += on_finish(Completion(request=request, token_ids=token_ids, finish="length"))


def test_what_the_engine_failed_on_ends_as_its_error_and_other_curves_go_on() -> None:
    short, long = spec("short", 8), spec("long", 20)
    questions = [
        Curve(name="fails", prompt_ids=(4,), specs=(long,), seed=0),
        Curve(name="works", prompt_ids=(4,), specs=(short,), seed=0),
    ]
    [[failed], [worked]] = decode_curves(FailingEngine(), questions, TOKENS)
    assert (failed.outcome, failed.error) == ("engine_error", "it is broken")
    assert worked.outcome == "cut_at_length"


def test_a_setting_that_wants_more_than_is_known_goes_on_behind_it() -> None:
    # In pieces of 6, the short setting is first at 12 thinking tokens and wants 2 more; in pieces of 4 the long one
    # comes there later and wants 4.
    short, long = (
        spec(name, budget, loops=LoopParams(check_every=every)) for name, budget, every in (("s", 14, 6), ("l", 40, 4))
    )
    question = next(
        curve for curve in curves(20, specs=(short, long)) if decode_each_alone(curve)[1].num_thinking_tokens >= 16
    )
    engine = CountingEngine(batch_size=1)
    assert decode_curves(engine, [question], TOKENS) == [decode_each_alone(question)]
    asked = [
        (len(completion.request.prompt_ids) - len(question.prompt_ids), completion.request.max_new_tokens)
        for completion in engine.completions
        if completion.request.stop_ids == TOKENS.think_stops
    ]
    assert (12, 2) in asked
    assert (14, 2) in asked
    assert (12, 4) not in asked


def test_two_curves_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="named 'q0'"):
        decode_curves(LocalEngine(MODEL, batch_size=1), curves(1) + curves(1), TOKENS)
