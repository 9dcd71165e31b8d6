"""What training reads and keeps: examples, schedule, checkpoints."""

import math
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from s1.artifacts import ArtifactError, ArtifactWriter
from s1.training.examples import read_examples, write_examples
from s1.training.schedule import learning_rate
from tests.training.tiny import make_examples


def test_examples_come_back_as_they_were_written(tmp_path: Path) -> None:
    examples = make_examples(5)
    write_examples(tmp_path / "examples.parquet", examples)
    assert read_examples(tmp_path / "examples.parquet") == examples


def test_a_truncated_examples_file_is_refused_by_name(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "tokenize") as artifact:
        write_examples(artifact.path("examples.parquet"), make_examples(5))
    path = tmp_path / "tokenize" / "examples.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ArtifactError, match=r"examples.parquet has \d+ bytes where"):
        read_examples(path)


def test_a_file_that_is_not_parquet_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "examples.parquet"
    path.write_text("not parquet")
    with pytest.raises(ArtifactError, match="examples.parquet is not a readable Parquet file"):
        read_examples(path)


def test_a_row_whose_mask_does_not_fit_is_refused_by_number(tmp_path: Path) -> None:
    rows = [{"question_id": "q", "input_ids": [1, 2, 3], "loss_mask": [0, 1]}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "examples.parquet")
    with pytest.raises(ArtifactError, match="row 1: the loss mask does not fit"):
        read_examples(tmp_path / "examples.parquet")


def test_the_rate_warms_up_over_the_first_sixteen_steps_and_ends_near_zero() -> None:
    rates = [learning_rate(step=step, num_steps=315, peak=1e-5, warmup_ratio=0.05) for step in range(1, 316)]
    assert rates[0] == 0.0
    assert rates[8] == pytest.approx(5e-6)
    assert max(rates) == rates[16] == 1e-5
    assert rates[16 + 150] == pytest.approx(0.5e-5 * (1 + math.cos(math.pi * 150 / 299)))
    assert 0 < rates[-1] < 1e-9


def test_without_warm_up_the_first_step_has_the_peak_rate() -> None:
    assert learning_rate(step=1, num_steps=10, peak=0.1, warmup_ratio=0.0) == 0.1
