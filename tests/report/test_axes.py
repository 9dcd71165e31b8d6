"""Axes are honest: round ticks, and values where their numbers say."""

import pytest

from s1.report.axes import linear_axis, log2_axis, round_step, share_axis


def test_a_log2_axis_has_a_tick_at_every_power_of_two_around_the_values() -> None:
    axis = log2_axis([15.8, 260.0], "tokens")
    assert [tick for tick, _ in axis.ticks] == [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
    assert axis.position(8.0) == 0.0
    assert axis.position(64.0) == 0.5


def test_a_log2_axis_over_many_octaves_skips_ticks_and_keeps_powers_of_two() -> None:
    axis = log2_axis([1.0, 2.0**20], "tokens")
    assert [tick for tick, _ in axis.ticks] == [2.0**power for power in range(0, 21, 3)]


def test_a_single_value_on_a_log2_axis_still_spans_an_octave() -> None:
    axis = log2_axis([64.0], "tokens")
    assert (axis.low, axis.high) == (64.0, 128.0)


@pytest.mark.parametrize("values", [[], [0.0, 4.0], [-1.0]])
def test_a_log2_axis_refuses_values_that_have_no_logarithm(values: list[float]) -> None:
    with pytest.raises(ValueError, match="positive values"):
        log2_axis(values, "tokens")


def test_a_share_axis_starts_at_zero_and_ends_at_a_round_percentage() -> None:
    axis = share_axis([0.21, 0.65], "right")
    assert axis.ticks[0] == (0.0, "0%")
    assert axis.ticks[-1] == (0.8, "80%")


def test_a_tight_axis_ends_at_the_data() -> None:
    axis = linear_axis([1.0, 315.0], "step", tight=True)
    assert (axis.low, axis.high) == (1.0, 315.0)
    assert [text for _, text in axis.ticks] == ["100", "200", "300"]


def test_ticks_of_small_steps_keep_their_digits() -> None:
    assert [text for _, text in linear_axis([0.0, 0.11], "loss").ticks] == [
        "0.000", "0.025", "0.050", "0.075", "0.100", "0.125",
    ]  # fmt: skip


@pytest.mark.parametrize(("raw", "step"), [(0.9, 1), (1.0, 1), (1.2, 2), (2.2, 2.5), (3.0, 5), (6.0, 10), (0.03, 0.05)])
def test_steps_are_round(raw: float, step: float) -> None:
    assert round_step(raw) == pytest.approx(step)
