"""Lengths from files and stand-ins."""

from pathlib import Path
from statistics import fmean

import pytest

from s1.planning import PlanError
from s1.planning.lengths import read_lengths, standin


@pytest.mark.parametrize(
    ("name", "mean", "over_4096"), [("s1k-short", 4600, 0.66), ("s1k-long", 5464, 0.78), ("s1k-1.1", 9661, 0.872)]
)
def test_a_standin_has_the_mean_and_the_share_of_long_examples_that_it_brackets(
    name: str, mean: float, over_4096: float
) -> None:
    lengths = standin(name)
    assert fmean(lengths) == pytest.approx(mean, abs=1)
    assert sum(length > 4096 for length in lengths) / 1000 == over_4096


def test_the_papers_facts_lie_between_the_two_standins_for_s1k() -> None:
    totals = [sum(standin(name)) for name in ("s1k-short", "s1k-long")]
    shares = [fmean(length > 4096 for length in standin(name)) for name in ("s1k-short", "s1k-long")]
    assert totals[0] < 4.7e6 < totals[1]
    assert shares[0] < 0.74 < shares[1]


@pytest.mark.parametrize(("name", "text"), [("l.json", "[5, 7, 9]"), ("l.txt", "5\n7\n9\n")])
def test_lengths_are_read_as_json_or_lines(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_lengths(tmp_path / name) == [5, 7, 9]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.txt", "5\nseven\n", "entry 2: 'seven' is no whole number"),
        ("l.json", "[5, 0]", "entry 2: 0 is no length"),
        ("l.json", '{"a": 5}', "holds no list"),
        ("l.json", "[5", "neither JSON nor text"),
        ("l.txt", "", "holds no lengths"),
    ],
)
def test_what_is_no_length_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PlanError) as caught:
        read_lengths(tmp_path / name)
    assert message in str(caught.value) and str(tmp_path / name) in str(caught.value)


def test_a_missing_file_or_unknown_name_lists_the_standins(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"is missing; .* s1k-short, s1k-long, s1k-1.1"):
        read_lengths(tmp_path / "none.txt")
    with pytest.raises(PlanError, match="s1k-short, s1k-long, s1k-1.1"):
        standin("s1k")
