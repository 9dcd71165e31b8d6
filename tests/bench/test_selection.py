"""Selecting stays fast."""

import pytest

from bench.selection import main, measure


def test_selecting_1000_out_of_60000_takes_less_than_two_seconds_of_work() -> None:
    timings = {timing.name: timing.cpu_seconds for timing in measure(60_000, recipes=["s1"])}
    assert timings["s1: pool and draw"] < 2
    assert timings["ledger, one row per question"] < 4


def test_every_part_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--num", "200"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "selecting 1,000 out of 200 questions"
    assert [line.split(":")[0].strip() for line in lines[1:6]] == ["s1", "random", "diverse", "longest", "full"]
    assert len(lines) == 9
