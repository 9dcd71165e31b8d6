"""One trace for a whole curve: the same tokens as when every setting is decoded by itself."""

from collections.abc import Sequence

import numpy as np
import pytest

from s1.engine.forced import Curve, decode_curves
from s1.engine.local import LocalEngine
from s1.engine.protocol import Completion, FollowUp, Request
from s1.forcing import ForcingState, begin, forced_settings
from tests.engine.tiny import MAX_CONTEXT, TOKENS, VOCAB_SIZE, build_tiny_model, decode_plainly

MODEL = build_tiny_model(seed=3)
SPECS = tuple(
    forced_settings(budgets=[1, 4, 8, 16, 48], wait_counts=[0, 1, 2, 4], max_thinking_tokens=32, max_answer_tokens=6)
)


def curves(num: int, *, seed: int = 0) -> list[Curve]:
    rng = np.random.default_rng(seed)
    return [
        Curve(
            name=f"q{index}",
            prompt_ids=tuple(rng.integers(4, VOCAB_SIZE, size=rng.integers(3, 20)).tolist()),
            specs=SPECS,
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
                ),
            )
            state = state.feed(completion.token_ids, completion.finish)
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
    shared = decode_curves(LocalEngine(MODEL, batch_size=batch_size), questions, TOKENS, temperature=0.0)
    alone = [decode_each_alone(curve) for curve in questions]
    assert [[state.runs for state in states] for states in shared] == [[s.runs for s in states] for states in alone]
    assert shared == alone
    # The comparison covers Waits, both ends of thinking, and settings that end apart.
    ends = {(state.thinking_end, state.num_waits) for states in alone for state in states}
    assert {("natural", 0), ("budget", 0), ("natural", 1)} <= ends
    assert max(num_waits for _, num_waits in ends) >= 2


def test_sampled_traces_are_shared_as_well() -> None:
    questions = curves(5)
    shared = decode_curves(LocalEngine(MODEL, batch_size=8), questions, TOKENS, temperature=1.0)
    for curve, states in zip(questions, shared, strict=True):
        for index, spec in enumerate(SPECS):
            single = Curve(name="one", prompt_ids=curve.prompt_ids, specs=(spec,), seed=curve.seed)
            alone = decode_curves(LocalEngine(MODEL, batch_size=1), [single], TOKENS, temperature=1.0)
            assert alone == [[states[index]]]


def test_each_thinking_token_is_decoded_once() -> None:
    engine = CountingEngine(batch_size=8)
    states = decode_curves(engine, curves(6), TOKENS, temperature=0.0)
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


def test_a_curve_that_cannot_fit_is_cut_and_the_others_go_on() -> None:
    long = Curve(name="long", prompt_ids=(4,) * (MAX_CONTEXT - 40), specs=SPECS, seed=0)
    done: list[int] = []
    states = decode_curves(
        LocalEngine(MODEL, batch_size=4), [long, *curves(1)], TOKENS, temperature=0.0, on_done=done.append
    )
    # 40 tokens are left: budgets up to 16 need at most 16 + 5 + 6, those of 32 and 48 do not fit.
    assert [state.outcome == "cut_at_context" for state in states[0]] == [False] * 4 + [True] * 5
    assert all(state.outcome is not None for state in states[1])
    assert done == [1, 2]


def test_two_curves_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        decode_curves(LocalEngine(MODEL, batch_size=1), curves(1) + curves(1), TOKENS, temperature=0.0)
