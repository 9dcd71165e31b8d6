"""Budget forcing step by step: natural end, maximum, Wait, direct answers, and what is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1.forcing import (
    Finish,
    ForcingSpec,
    ForcingState,
    Step,
    TokenRun,
    begin,
    num_needed,
    to_segments,
)
from tests.forcing.tokens import STOPS, TOKENS


def start(budget: int | None, *, waits: int = 0, room: int = 1000) -> ForcingState:
    spec = ForcingSpec(name="test", max_thinking_tokens=budget, num_waits=waits, max_answer_tokens=4)
    return begin(spec, TOKENS, room=room)


def test_thinking_starts_with_the_whole_budget_and_at_least_one_token() -> None:
    assert start(10).step == Step(append=(), min_new_tokens=1, max_new_tokens=10, stop_ids=STOPS)


def test_a_natural_end_appends_the_start_of_the_answer_without_newlines() -> None:
    state = start(10).feed([30, 31], "stop")
    assert state.step == Step(append=(1, 5), min_new_tokens=0, max_new_tokens=4, stop_ids=frozenset({2}))
    assert state.thinking_end == "natural"


def test_the_budget_appends_newline_start_of_the_answer_and_final_answer() -> None:
    state = start(2).feed([30, 31], "length")
    assert state.step is not None
    assert state.step.append == (9, 1, 5, 9, 6)
    assert state.thinking_end == "budget"


def test_the_budget_appends_no_newline_to_text_that_ends_in_one() -> None:
    state = start(2).feed([30, 9], "length")
    assert state.step is not None
    assert state.step.append == (1, 5, 9, 6)


def test_a_budget_of_zero_answers_at_once_after_a_newline() -> None:
    state = start(0)
    assert state.step is not None
    assert state.step.append == (9, 1, 5, 9, 6)
    assert state.num_thinking_tokens == 0


def test_wait_replaces_the_end_and_gets_what_is_left_of_the_budget() -> None:
    state = start(10, waits=1).feed([30, 31, 32], "stop")
    assert state.step == Step(append=(7,), min_new_tokens=1, max_new_tokens=6, stop_ids=STOPS)
    assert state.num_waits == 1


def test_after_the_last_wait_the_end_of_thinking_counts() -> None:
    state = start(10, waits=1).feed([30], "stop").feed([31], "stop")
    assert state.thinking_end == "natural"
    assert state.token_ids == (30, 7, 31, 1, 5)


def test_a_round_that_ends_by_length_takes_no_further_wait() -> None:
    state = start(5, waits=3).feed([30], "stop").feed([31, 32, 33], "length")
    assert state.thinking_end == "budget"
    assert state.num_waits == 1


@pytest.mark.parametrize(("num_sampled", "num_waits"), [(2, 1), (3, 0)])
def test_wait_needs_room_for_itself_and_one_token(num_sampled: int, num_waits: int) -> None:
    state = start(4, waits=1).feed([30] * num_sampled, "stop")
    assert state.num_waits == num_waits


def test_wait_tokens_count_as_thinking_and_delimiters_do_not() -> None:
    state = start(10, waits=1).feed([30, 31], "stop").feed([32], "stop").feed([40], "stop")
    assert state.num_thinking_tokens == 4
    assert state.outcome == "answered"


def test_sampled_tokens_count_dropped_stops_and_no_forced_ones() -> None:
    state = start(10, waits=1).feed([30, 31], "stop").feed([32], "stop").feed([40], "stop")
    assert state.num_sampled_tokens == 3 + 2 + 2


def test_sampled_and_forced_tokens_are_told_apart() -> None:
    state = start(10, waits=1).feed([30], "stop").feed([31], "stop").feed([40], "stop")
    assert state.runs == (
        TokenRun((30,), False, "thinking"),
        TokenRun((7,), True, "thinking"),
        TokenRun((31,), False, "thinking"),
        TokenRun((1, 5), True, "answer"),
        TokenRun((40,), False, "answer"),
    )


def test_an_answer_that_reaches_its_limit_is_cut() -> None:
    assert start(1).feed([30], "length").feed([40, 41, 42, 43], "length").outcome == "cut_at_length"


def test_a_direct_answer_has_neither_thinking_nor_forced_tokens() -> None:
    state = start(None)
    assert state.step == Step(append=(), min_new_tokens=0, max_new_tokens=4, stop_ids=frozenset({2}))
    done = state.feed([40], "stop")
    assert done.runs == (TokenRun((40,), False, "answer"),)
    assert done.thinking_end == "none"


def test_what_may_not_fit_the_context_ends_before_anything_is_decoded() -> None:
    spec = ForcingSpec(name="test", max_thinking_tokens=10, max_answer_tokens=4)
    assert num_needed(spec, TOKENS) == 10 + 5 + 4
    assert begin(spec, TOKENS, room=19).outcome is None
    cut = begin(spec, TOKENS, room=18)
    assert (cut.outcome, cut.step, cut.runs) == ("cut_at_context", None, ())


def test_an_engine_out_of_context_cuts_the_request() -> None:
    assert start(10).feed([], "context").outcome == "cut_at_context"


@pytest.mark.parametrize(
    ("budget", "waits", "answer", "key"),
    [(-1, 0, 4, "max_thinking_tokens"), (8, -1, 4, "num_waits"), (None, 1, 4, "num_waits"), (8, 0, 0, "max_answer")],
)
def test_impossible_settings_are_refused_with_their_key(budget: int | None, waits: int, answer: int, key: str) -> None:
    with pytest.raises(ValueError, match=key):
        ForcingSpec(name="bad", max_thinking_tokens=budget, num_waits=waits, max_answer_tokens=answer)


def test_more_tokens_than_asked_for_are_refused() -> None:
    with pytest.raises(ValueError, match="3 tokens sampled, 2 asked for"):
        start(2).feed([30, 31, 32], "length")


def test_an_ended_request_takes_no_more_tokens() -> None:
    with pytest.raises(ValueError, match="has ended"):
        start(None).feed([40], "stop").feed([41], "stop")


def test_segments_hold_text_and_origin() -> None:
    state = start(1).feed([30], "length").feed([40], "stop")
    segments = to_segments(state, lambda ids: "".join(f"<{token}>" for token in ids))
    assert [(part.text, part.forced, part.phase) for part in segments] == [
        ("<30>", False, "thinking"),
        ("<9><1><5><9><6>", True, "answer"),
        ("<40>", False, "answer"),
    ]


def test_an_engine_that_failed_ends_the_request_with_what_it_said() -> None:
    state = start(10).feed([], "error", error="the server is gone")
    assert (state.outcome, state.step, state.error) == ("engine_error", None, "the server is gone")


@given(
    budget=st.integers(0, 30),
    waits=st.integers(0, 4),
    rounds=st.lists(st.integers(1, 12), min_size=6, max_size=6),
)
def test_thinking_never_exceeds_its_budget(budget: int, waits: int, rounds: Sequence[int]) -> None:
    state = start(budget, waits=waits)
    lengths = iter(rounds)
    while state.step is not None:
        length = min(next(lengths), state.step.max_new_tokens)
        finish: Finish = "length" if length == state.step.max_new_tokens else "stop"
        state = state.feed([30] * length, finish)
    assert state.num_thinking_tokens <= budget
    assert (state.num_thinking_tokens == budget) or state.thinking_end == "natural"
    assert state.num_waits <= waits
