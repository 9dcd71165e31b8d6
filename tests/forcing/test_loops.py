"""What counts as going in circles."""

import random

from s1.config import LoopParams
from s1.forcing import loop_period

LOOPS = LoopParams(max_period=20, min_repeats=4, min_tokens=40, check_every=64)


def noise(length: int) -> list[int]:
    rng = random.Random(0)
    return [rng.randrange(1000) for _ in range(length)]


def test_a_stretch_repeated_to_the_end_is_found_with_its_length() -> None:
    assert loop_period(noise(100) + [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] * 4, LOOPS) == 11


def test_the_end_may_stand_in_the_middle_of_a_stretch() -> None:
    assert loop_period([1, 2, 3, 4, 5] * 8 + [1, 2, 3], LOOPS) == 5


def test_too_few_repeats_are_no_loop() -> None:
    assert loop_period(noise(100) + noise(15) * 3, LOOPS) is None


def test_a_short_row_of_equal_signs_is_no_loop_and_a_long_one_is() -> None:
    assert loop_period(noise(100) + [61] * 39, LOOPS) is None
    assert loop_period(noise(100) + [61] * 40, LOOPS) == 1


def test_a_loop_that_was_left_again_is_none() -> None:
    assert loop_period([1, 2] * 50 + [3], LOOPS) is None


def test_the_smallest_change_in_a_stretch_is_no_loop() -> None:
    stretch = noise(20)
    assert loop_period(stretch * 4, LOOPS) == 20
    assert loop_period([*stretch[:10], 0, *stretch[11:], *stretch * 3], LOOPS) is None


def test_longer_stretches_than_asked_for_are_not_found() -> None:
    assert loop_period(noise(21) * 5, LOOPS) is None
