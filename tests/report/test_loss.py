"""The chart of the training loss keeps its ends, and its mean does not lag."""

from s1.report.content import LossPoint
from s1.report.loss import MAX_LOSS_MARKS, loss_chart, moving_mean


def test_a_long_run_is_thinned_out_and_keeps_its_ends() -> None:
    chart = loss_chart([LossPoint(step, 1.0 / step) for step in range(1, 10_001)])
    assert chart is not None
    for series in chart.series:
        assert len(series.marks) <= MAX_LOSS_MARKS + 1
        assert (series.marks[0].x, series.marks[-1].x) == (1, 10_000)


def test_one_step_is_no_curve() -> None:
    assert loss_chart([LossPoint(1, 2.0)]) is None


def test_a_moving_mean_is_centred_and_uses_fewer_values_at_the_ends() -> None:
    assert moving_mean([4.0, 2.0, 6.0, 1.0], window=3) == [3.0, 4.0, 3.0, 3.5]
