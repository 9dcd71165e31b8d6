"""Minimum, exact, other texts, thresholds, loops and marks of steps, one step at a time."""

from dataclasses import replace
from typing import Any

import pytest

from s1.config import LoopParams
from s1.forcing import ForcingError, ForcingSpec, ForcingState, Step, TokenRun, begin
from tests.forcing.tokens import STOPS, TOKENS


def start(budget: int = 100, **settings: Any) -> ForcingState:
    return begin(
        ForcingSpec(name="test", max_thinking_tokens=budget, max_answer_tokens=4, **settings), TOKENS, room=1000
    )


def feed_ends(state: ForcingState, *lengths: int) -> ForcingState:
    """Rounds of thinking of these lengths, each ended by the model."""
    for length in lengths:
        state = state.feed([30] * length, "stop")
    return state


def forced_texts(state: ForcingState) -> list[tuple[int, ...]]:
    return [run.token_ids for run in state.runs if run.forced and run.phase == "thinking"]


def test_an_end_before_the_minimum_is_suppressed_however_often_it_comes() -> None:
    state = feed_ends(start(min_thinking_tokens=7), 1, 1, 1)
    assert (state.num_waits, state.num_thinking_tokens, state.thinking_end) == (3, 6, "none")
    ended = feed_ends(state, 2)
    assert (ended.num_waits, ended.num_thinking_tokens, ended.thinking_end) == (3, 8, "natural")


def test_waits_count_from_the_minimum_on() -> None:
    state = feed_ends(start(min_thinking_tokens=3, num_waits=1), 1, 1)
    assert (state.num_waits, state.num_below_minimum) == (2, 1)
    assert feed_ends(state, 1).thinking_end == "natural"


def test_a_minimum_holds_where_its_text_finds_no_place() -> None:
    state = feed_ends(start(4, min_thinking_tokens=4), 3)
    assert state.step == Step(append=(), min_new_tokens=1, max_new_tokens=1, stop_ids=STOPS)
    assert state.feed([31], "length").num_thinking_tokens == 4


def test_minimum_and_maximum_alike_make_thinking_exactly_so_long() -> None:
    for lengths in ((1,) * 40, (5, 1, 3) * 10, (19, 1)):
        state = start(20, min_thinking_tokens=20)
        for length in lengths:
            assert state.step is not None
            if state.thinking_end != "none":
                break
            cut = length >= state.step.max_new_tokens
            state = state.feed([30] * min(length, state.step.max_new_tokens), "length" if cut else "stop")
        assert (state.num_thinking_tokens, state.thinking_end) == (20, "budget")


def test_other_texts_are_appended_in_turn() -> None:
    state = feed_ends(start(num_waits=3, texts=("h", "ha")), 2, 2, 2, 2)
    assert forced_texts(state) == [(10,), (10, 11), (10,)]


def test_an_empty_text_forbids_the_end_for_one_token_and_appends_nothing() -> None:
    state = feed_ends(start(num_waits=1, texts=("",)), 3)
    assert state.step == Step(append=(), min_new_tokens=1, max_new_tokens=97, stop_ids=STOPS)
    assert state.num_waits == 1
    assert feed_ends(state, 2).runs[0] == TokenRun((30,) * 5, False, "thinking")


def test_a_wait_under_a_threshold_comes_only_where_the_end_was_improbable() -> None:
    state = start(num_waits=2, only_below=0.9).feed([30], "stop", stop_probability=0.8)
    assert state.num_waits == 1
    ended = state.feed([30], "stop", stop_probability=0.9)
    assert (ended.num_waits, ended.thinking_end) == (1, "natural")


def test_a_threshold_needs_an_engine_that_tells_the_probability() -> None:
    with pytest.raises(ForcingError, match=r"only_below is 0\.5, but the engine did not say"):
        start(num_waits=1, only_below=0.5).feed([30], "stop")


LOOPS = LoopParams(max_period=3, min_repeats=2, min_tokens=6, check_every=8)


def test_thinking_is_decoded_in_pieces_up_to_the_next_look_for_loops() -> None:
    state = start(20, loops=LOOPS)
    assert state.step == Step(append=(), min_new_tokens=1, max_new_tokens=8, stop_ids=STOPS)
    state = state.feed(range(30, 38), "length")
    assert state.step == Step(append=(), min_new_tokens=0, max_new_tokens=8, stop_ids=STOPS)
    state = state.feed(range(40, 48), "length")
    assert state.step == Step(append=(), min_new_tokens=0, max_new_tokens=4, stop_ids=STOPS)
    assert state.runs == (TokenRun((*range(30, 38), *range(40, 48)), False, "thinking"),)


def test_thinking_in_circles_ends_without_an_answer() -> None:
    state = start(loops=LOOPS).feed([40, 41, 30, 31, 30, 31, 30, 31], "length")
    assert (state.outcome, state.thinking_end, state.step) == ("looped", "loop", None)


def test_a_look_that_an_appended_text_passes_comes_right_behind_it() -> None:
    loops = LoopParams(max_period=4, min_repeats=2, min_tokens=8, check_every=8)
    state = feed_ends(start(num_waits=2, loops=loops), 3)
    assert state.step == Step(append=(7,), min_new_tokens=1, max_new_tokens=4, stop_ids=STOPS)
    assert feed_ends(state, 3).outcome == "looped"


def test_a_budget_at_the_same_token_comes_before_the_look() -> None:
    assert start(8, loops=LOOPS).feed([30] * 8, "length").thinking_end == "budget"


def test_a_stop_that_opens_a_mark_of_a_step_goes_on_thinking() -> None:
    marked = start(has_step_marks=True).feed([30, 31], "stop", stop_id=1)
    assert marked.step == Step(append=(1,), min_new_tokens=0, max_new_tokens=1, stop_ids=STOPS | {5})
    state = marked.feed([40], "length")
    assert state.step == Step(append=(), min_new_tokens=0, max_new_tokens=96, stop_ids=STOPS)
    assert state.runs == (TokenRun((30, 31, 1, 40), False, "thinking"),)
    assert state.num_sampled_tokens == 4


def test_a_stop_before_the_answers_name_ends_marked_thinking() -> None:
    state = start(has_step_marks=True).feed([30, 31], "stop", stop_id=1).feed([], "stop", stop_id=5)
    assert state.thinking_end == "natural"
    assert state.runs == (TokenRun((30, 31), False, "thinking"), TokenRun((1, 5), True, "answer"))


def test_another_stop_ends_marked_thinking_at_once() -> None:
    assert start(has_step_marks=True).feed([30], "stop", stop_id=2).thinking_end == "natural"


def test_a_mark_needs_room_for_itself_and_one_token() -> None:
    assert start(3, has_step_marks=True).feed([30, 31], "stop", stop_id=1).thinking_end == "budget"
    assert start(4, has_step_marks=True).feed([30, 31], "stop", stop_id=1).is_at_mark


def test_a_mark_where_no_token_is_shared_is_an_end() -> None:
    spec = ForcingSpec(name="test", max_thinking_tokens=50, max_answer_tokens=4, has_step_marks=True)
    state = begin(spec, replace(TOKENS, step_mark=None), room=1000).feed([30], "stop", stop_id=1)
    assert state.thinking_end == "natural"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"min_thinking_tokens": -1}, "min_thinking_tokens is -1"),
        ({"min_thinking_tokens": 101}, "min_thinking_tokens is 101, above max_thinking_tokens 100"),
        ({"only_below": 1.5, "num_waits": 1}, "above 0, up to 1"),
        ({"only_below": 0.0, "num_waits": 1}, "would suppress nothing"),
        ({"min_thinking_tokens": 3, "has_step_marks": True}, "marks of steps"),
        ({"only_below": 0.5}, "no end is suppressed; give num_waits"),
        ({"only_below": 0.5, "num_waits": 1, "min_thinking_tokens": 3}, "leave one of them out"),
        ({"only_below": 0.5, "num_waits": 1, "has_step_marks": True}, "marks of steps"),
        ({"texts": ("h",)}, "never appended; give num_waits or min_thinking_tokens"),
        ({"budget": -2500}, "max_thinking_tokens is -2500; give 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_reason(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ForcingError, match=reason):
        start(**settings)


@pytest.mark.parametrize("settings", [{"min_thinking_tokens": 4}, {"texts": ("h",)}, {"only_below": 0.5}])
def test_a_direct_answer_refuses_what_thinking_needs(settings: dict[str, Any]) -> None:
    with pytest.raises(ForcingError, match="without thinking; set max_thinking_tokens"):
        ForcingSpec(name="direct", max_thinking_tokens=None, max_answer_tokens=4, **settings)
