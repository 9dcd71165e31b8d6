"""Files of verdicts, and shares of a population from a sample in strata."""

from pathlib import Path

import pytest

from bench.decontamination_evidence import LABELS
from bench.decontamination_labels import Label, LabelError, read_labels
from bench.decontamination_shares import Read, estimate_share
from s1.records import question_id


def label(text: str, verdict: str) -> str:
    """A line of a file of verdicts."""
    return (
        f'{{"question_id": "{question_id(text)}", "source": "book", "benchmark": "bench", "item_id": "item", '
        f'"verdict": "{verdict}", "reason": "made up", "stratum": "whole", "weight": 1, "found_by": "ngram8"}}'
    )


def test_a_line_that_is_no_verdict_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(label("one", "copy") + "\n" + label("two", "perhaps") + "\n")
    with pytest.raises(LabelError, match=r"labels\.jsonl, line 2: verdict: Input should be 'copy'"):
        read_labels(path, Label)


def test_two_verdicts_on_one_question_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(label("one", "copy") + "\n" + label("one", "related") + "\n")
    with pytest.raises(LabelError, match="line 2: .* was judged in line 1 already"):
        read_labels(path, Label)


def test_the_verdicts_in_the_repository_are_many_and_each_stratum_has_one_weight() -> None:
    labels = read_labels(LABELS / "decontamination.jsonl", Label)
    assert sum(label.found_by == "ngram8" for label in labels) >= 250
    assert sum(label.found_by != "ngram8" for label in labels) >= 80
    weights: dict[str, set[float]] = {}
    for found in labels:
        weights.setdefault(found.stratum, set()).add(found.weight)
    assert all(len(of_stratum) == 1 for of_stratum in weights.values())
    assert max(len(label.reason) for label in labels) <= 60  # verdicts, not texts


def test_the_share_of_a_population_that_was_read_whole_has_no_interval() -> None:
    share = estimate_share([Read("a", 1, True), Read("a", 1, False), Read("b", 1, False), Read("b", 1, False)])
    assert share is not None
    assert (share.share, share.low, share.high, share.num_read, share.total) == (0.25, 0.25, 0.25, 4, 4)
    assert str(share) == "25.0% (all read)"


def test_what_was_read_counts_for_what_it_stands_for() -> None:
    share = estimate_share([Read("whole", 1, True)] * 30 + [Read("drawn", 9, False)] * 30)
    assert share is not None
    assert share.share == pytest.approx(0.1)
    assert share.total == pytest.approx(300)
    assert share.low < 0.1 < share.high


def test_a_sample_without_anything_right_in_it_does_not_say_that_there_is_nothing() -> None:
    share = estimate_share([Read("drawn", 10, False)] * 14)
    assert share is not None
    assert share.share == share.low == 0
    assert 0.02 < share.high < 0.3


def test_a_share_of_nothing_is_none() -> None:
    assert estimate_share([]) is None
