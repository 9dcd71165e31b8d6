"""The chart of the training loss: every step, and a mean that does not lag.

Knows losses and charts; knows no scores.

Example::

    loss_chart([LossPoint(1, 2.0), LossPoint(2, 1.2)])
"""

from collections.abc import Sequence
from itertools import accumulate

from s1.report.axes import linear_axis
from s1.report.charts import Chart, Mark, Series
from s1.report.content import LossPoint

MAX_LOSS_MARKS = 600
"""More points than pixels say nothing and weigh the page down."""

SMOOTHING_STEPS = 15


def loss_chart(losses: Sequence[LossPoint], *, window: int = SMOOTHING_STEPS) -> Chart | None:
    """Training loss by step: the raw values, and their mean over ``window`` steps around each."""
    if len(losses) < 2:
        return None
    means = moving_mean([point.loss for point in losses], window=window)
    stride = -(-len(losses) // MAX_LOSS_MARKS)
    kept = sorted({*range(0, len(losses), stride), len(losses) - 1})
    raw = tuple(Mark(losses[index].step, losses[index].loss) for index in kept)
    smooth = tuple(Mark(losses[index].step, means[index]) for index in kept)
    return Chart(
        title="Training loss by optimizer step",
        description=f"Over {len(losses):,} steps the loss goes from {losses[0].loss:.3f} to {losses[-1].loss:.3f} "
        f"(smoothed over {window} steps: {means[-1]:.3f}).",
        x=linear_axis([mark.x for mark in raw], "optimizer step", tight=True),
        y=linear_axis([mark.y for mark in raw], "loss (nats per target token)", from_zero=True),
        series=(
            Series("series-raw", raw, "none", name="loss of each optimizer step"),
            Series("series-tuned", smooth, "none", name=f"mean over {window} steps"),
        ),
    )


def moving_mean(values: Sequence[float], *, window: int) -> list[float]:
    """Mean over ``window`` values around each place (an odd number, fewer at the ends), which does not lag."""
    half = window // 2
    sums = [0.0, *accumulate(values)]
    means = []
    for index in range(len(values)):
        start, end = max(0, index - half), min(len(values), index + half + 1)
        means.append((sums[end] - sums[start]) / (end - start))
    return means
