"""At a temperature every point of a shared trace is distributed as if it were decoded alone, checked by enumeration."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from s1.config import LoopParams
from s1.engine.forced import Curve
from s1.engine.local import LocalEngine
from s1.forcing import ForcingSpec, ForcingState, ForcingTokens, begin
from tests.engine.tiny import build_tiny_model, decode_curves, plain_logits

NUM_TOKEN_IDS = 6
MODEL = build_tiny_model(seed=1, vocab_size=NUM_TOKEN_IDS)
PROMPT = (3, 4, 3)
TEMPERATURE = 2.0
NUM_SAMPLES = 3000
TOKENS = ForcingTokens(
    newline=(0,),
    wait=(5,),
    answer_start=(1,),
    final_answer_start=(1, 0),
    think_stops=frozenset({1, 2}),
    answer_stops=frozenset({2}),
    ends_in_newline=lambda token: token == 0,
    encode=lambda text: (4,) * len(text),
)


def spec(name: str, budget: int, **settings: Any) -> ForcingSpec:
    return ForcingSpec(name=name, max_thinking_tokens=budget, max_answer_tokens=1, **settings)


SPECS = (
    spec("max-1", 1),
    spec("max-2", 2),
    spec("wait-0", 4),
    spec("wait-1", 4, num_waits=1),
    spec("nothing-2", 4, num_waits=2, texts=("",)),
    spec("min-2", 4, min_thinking_tokens=2),
    spec("exact-3", 3, min_thinking_tokens=3, texts=("",)),
    spec("unsure-1", 4, num_waits=1, only_below=0.4),
    # In pieces of one token an end is suppressed at the very place where the piece began: the draw must be a new one.
    spec("pieces-3", 3, min_thinking_tokens=3, texts=("",), loops=LoopParams(check_every=1)),
)


def probabilities(token_ids: tuple[int, ...], *, banned: list[int], temperature: float) -> list[float]:
    logits = plain_logits(MODEL, token_ids).clone()
    logits[banned] = float("-inf")
    chances: list[float] = torch.softmax(logits / temperature, -1).tolist()
    return chances


def enumerate_ends(state: ForcingState) -> dict[tuple[int, ...], float]:
    """Probability of everything that may stand behind the prompt, from the model's probabilities alone."""
    if state.step is None:
        return {state.token_ids: 1.0}
    step = state.step
    ends: dict[tuple[int, ...], float] = {}
    open_paths: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    while open_paths:
        sampled, chance = open_paths.pop()
        context = PROMPT + state.token_ids + sampled
        if len(sampled) == step.max_new_tokens:
            after = [(state.feed(sampled, "length"), chance)]
        else:
            banned = sorted(step.stop_ids) if len(sampled) < step.min_new_tokens else []
            chances = probabilities(context, banned=banned, temperature=TEMPERATURE)
            open_paths += [
                ((*sampled, token), chance * chances[token])
                for token in range(NUM_TOKEN_IDS)
                if token not in step.stop_ids and chances[token]
            ]
            plain = probabilities(context, banned=[], temperature=1.0)
            stop_probability = sum(plain[stop] for stop in step.stop_ids)
            stop_chance = sum(chances[stop] for stop in step.stop_ids)
            after = [(state.feed(sampled, "stop", stop_probability=stop_probability), chance * stop_chance)]
        for next_state, next_chance in after:
            if next_chance:
                for token_ids, share in enumerate_ends(next_state).items():
                    ends[token_ids] = ends.get(token_ids, 0.0) + next_chance * share
    return ends


@pytest.fixture(scope="module")
def sampled() -> list[list[ForcingState]]:
    curves = [
        Curve(name=str(seed), prompt_ids=PROMPT, specs=SPECS, seed=seed, temperature=TEMPERATURE)
        for seed in range(NUM_SAMPLES)
    ]
    return decode_curves(LocalEngine(MODEL, batch_size=1000), curves, TOKENS)


@pytest.mark.parametrize("index", range(len(SPECS)), ids=[setting.name for setting in SPECS])
def test_a_point_of_a_shared_trace_is_distributed_as_alone(index: int, sampled: list[list[ForcingState]]) -> None:
    expected = enumerate_ends(begin(SPECS[index], TOKENS, room=100))
    assert sum(expected.values()) == pytest.approx(1.0)
    counts = Counter(states[index].token_ids for states in sampled)
    assert set(counts) <= set(expected)
    likely = [token_ids for token_ids, chance in expected.items() if chance * NUM_SAMPLES >= 5]
    observed = np.array([*(counts[token_ids] for token_ids in likely), 0.0])
    wanted = np.array([*(expected[token_ids] * NUM_SAMPLES for token_ids in likely), 0.0])
    observed[-1], wanted[-1] = NUM_SAMPLES - observed.sum(), NUM_SAMPLES - wanted.sum()
    statistic = float(((observed - wanted) ** 2 / np.maximum(wanted, 1e-9))[wanted > 1].sum())
    freedom = len(likely)
    # Chi-square: mean `freedom`, variance twice that. The draws are seeded, so this passes or fails for ever.
    assert statistic < freedom + 3.5 * (2 * freedom) ** 0.5
    assert freedom >= 5


def test_points_of_one_sample_are_paired(sampled: list[list[ForcingState]]) -> None:
    for states in sampled[:200]:
        short, longer, waited = (states[index].token_ids[: states[index].num_thinking_tokens] for index in (0, 1, 3))
        assert longer[: len(short)] == short
        assert waited[: len(longer)] == longer
