"""Token for token the reference's loop, where none of its slips is touched.

The loop below is written after the reference's behaviour: the whole batch goes through every round together, every
round has the full budget, the result is cut afterwards, and only ids are looked at.
"""

import zlib
from collections import Counter
from collections.abc import Sequence

import pytest

from s1.forcing import ForcingSpec, ForcingState, begin
from tests.forcing.tokens import STOPS, TOKENS

WAIT, NEWLINE = 7, 9
ANSWER_TOKENS = 6


def next_token(token_ids: Sequence[int]) -> int:
    """A deterministic model: the last four tokens decide."""
    draw = zlib.crc32(bytes(token_ids[-4:])) % 40
    return draw if draw < 10 and draw not in (5, 6, 7) else 20 + draw


def sample(prompt: Sequence[int], *, max_tokens: int, min_tokens: int, stops: frozenset[int]) -> tuple[list[int], bool]:
    """The sampled ids without a stop, and whether one ended them."""
    sampled: list[int] = []
    while len(sampled) < max_tokens:
        token = next_token([*prompt, *sampled])
        if token in stops:
            if len(sampled) >= min_tokens:
                return sampled, True
            token = 39
        sampled.append(token)
    return sampled, False


class ReferenceLoop:
    """Forced decoding of a batch in rounds."""

    def __init__(self, prompts: Sequence[list[int]], *, budget: int, num_ignore: int) -> None:
        self.prompts = prompts
        self.budget = budget
        self.num_ignore = num_ignore
        self.slipped = [False] * len(prompts)

    def run(self) -> list[list[int]]:
        """Everything behind each prompt."""
        thinking: list[list[int]] = [[] for _ in self.prompts]
        by_stop = [False] * len(self.prompts)
        going_on = list(range(len(self.prompts)))
        for number in range(self.num_ignore + 1):
            ended = []
            for index in going_on:
                prompt = [*self.prompts[index], *thinking[index]]
                sampled, by_stop[index] = sample(prompt, max_tokens=self.budget, min_tokens=1, stops=STOPS)
                thinking[index] += sampled
                if by_stop[index] and number < self.num_ignore:
                    thinking[index].append(WAIT)
                    ended.append(index)
            going_on = ended
        return [self._answer(index, ids, by_stop[index]) for index, ids in enumerate(thinking)]

    def _answer(self, index: int, thinking: list[int], by_stop: bool) -> list[int]:
        # Its slip: later rounds may fill more than the budget, which is cut away without `Final Answer:`.
        self.slipped[index] = len(thinking) > self.budget or (by_stop and len(thinking) == self.budget)
        cut = thinking[: self.budget]
        final = [*([] if cut[-1] == NEWLINE else [NEWLINE]), 1, 5, NEWLINE, 6]
        closed = [*cut, *([1, 5] if by_stop else final)]
        answer, _ = sample(
            [*self.prompts[index], *closed], max_tokens=ANSWER_TOKENS, min_tokens=0, stops=TOKENS.answer_stops
        )
        return [*closed, *answer]


def decode(prompt: list[int], spec: ForcingSpec) -> ForcingState:
    """Our way through the same model."""
    state = begin(spec, TOKENS, room=10_000)
    while (step := state.step) is not None:
        ids, by_stop = sample(
            [*prompt, *state.token_ids],
            max_tokens=step.max_new_tokens,
            min_tokens=step.min_new_tokens,
            stops=step.stop_ids,
        )
        state = state.feed(ids, "stop" if by_stop else "length")
    return state


@pytest.mark.parametrize("budget", [3, 10, 40, 200])
def test_tokens_are_those_of_the_references_loop_where_it_does_not_slip(budget: int) -> None:
    prompts = [[30, number % 7 + 40, number] for number in range(60)]
    for num_waits in (0, 1, 2, 4):
        spec = ForcingSpec(
            name="test", max_thinking_tokens=budget, num_waits=num_waits, max_answer_tokens=ANSWER_TOKENS
        )
        loop = ReferenceLoop(prompts, budget=budget, num_ignore=num_waits)
        ends: Counter[tuple[str, int]] = Counter()
        for prompt, expected, slipped in zip(prompts, loop.run(), loop.slipped, strict=True):
            state = decode(prompt, spec)
            if slipped:
                # The thinking itself is the same as far as it goes; how it is closed is the slip.
                assert list(state.token_ids[: state.num_thinking_tokens]) == expected[: state.num_thinking_tokens]
            else:
                assert list(state.token_ids) == expected
                ends[state.thinking_end, state.num_waits] += 1
        # The comparison is about something: many natural ends with every Wait where the budget is long, cut ones else.
        assert ends["natural", num_waits] > 30 if budget == 200 else num_waits or ends["budget", 0] > 5
