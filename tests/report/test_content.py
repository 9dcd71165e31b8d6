"""Totals are the sums of their parts."""

from s1.report.content import CostLedger, StageCost


def test_the_total_is_the_sum_of_the_parts_that_were_measured() -> None:
    total = CostLedger(
        (
            StageCost("base", 10.0, 0.1, 0.0, 0.1, (("target", 5.0),)),
            StageCost("train", 20.0, 0.2, 1.5, 0.2, (("target", 7.0), ("answer", 1.0))),
            StageCost("generate", None, None, None, None),
        )
    ).total
    assert (total.wall_seconds, total.cpu_hours, total.gpu_hours) == (30.0, 0.1 + 0.2, 1.5)
    assert total.dollars == 0.1 + 0.2
    assert total.tokens == (("target", 12.0), ("answer", 1.0))


def test_a_total_of_nothing_measured_is_not_measured() -> None:
    total = CostLedger((StageCost("base", None, None, None, None),)).total
    assert (total.wall_seconds, total.dollars, total.tokens) == (None, None, ())
