"""Published runs: predicted within a fifth of their duration, with one constant for the stack."""

import pytest

from s1.planning.published import FOUNDRY_ROWS, ValidationRow, predict_foundry, validation_table
from s1.planning.stacks import FSDP

TABLE = validation_table()
VALIDATING = [row for row in TABLE if row.predicted is not None]


@pytest.mark.parametrize("row", VALIDATING, ids=lambda row: row.run)
def test_a_run_whose_facts_are_known_is_predicted_within_a_fifth(row: ValidationRow) -> None:
    assert row.error is not None and abs(row.error) <= 0.20


def test_all_rows_of_both_sources_take_part() -> None:
    assert [row.run.split(",")[0] for row in VALIDATING].count("s1-32B") == 2
    assert len(VALIDATING) == 2 + len(FOUNDRY_ROWS) == 22


def test_the_constant_is_the_one_that_fits_mosaicmls_rows_best() -> None:
    def worst(efficiency: float) -> float:
        predicted = [predict_foundry(row, efficiency=efficiency) for row in FOUNDRY_ROWS]
        rates = [row.tokens_per_second_per_gpu for row in FOUNDRY_ROWS]
        return max(abs(rate / guess - 1) for rate, guess in zip(rates, predicted, strict=True))

    candidates = [number / 1000 for number in range(400, 700)]
    assert min(candidates, key=worst) == FSDP.efficiency.mid
    assert worst(FSDP.efficiency.mid) == pytest.approx(0.154, abs=0.001)


def test_the_published_mfu_of_the_30b_row_is_that_of_its_rate() -> None:
    """Guards the copied figures: 2,263 tokens/s per GPU are 43.07 % of 989.5 TFLOP/s as the table counts."""
    (row,) = [row for row in FOUNDRY_ROWS if (row.name, row.num_gpus, row.sequence) == ("MPT 30B", 16, 2048)]
    per_token = 6 * row.num_parameters + 12 * row.num_layers * row.width * row.sequence
    assert row.tokens_per_second_per_gpu * per_token / 989.5e12 == pytest.approx(0.4307, rel=0.001)


def test_runs_of_which_something_is_unknown_say_what_and_validate_nothing() -> None:
    others = [row for row in TABLE if row.predicted is None]
    assert len(others) == 9
    assert all(row.error is None and ("not published" in row.why_not or "stack" in row.why_not) for row in others)


@pytest.mark.parametrize(
    ("run", "implied"),
    [
        ("s1 issue 125", "43 Gb/s"),
        ("s1 issue 111", "7 Gb/s"),
        ("Sky-T1-32B", "9.5% MFU"),
        ("OpenThinker-7B", "3.4% MFU"),
    ],
)
def test_what_a_slow_run_implies_is_worked_out(run: str, implied: str) -> None:
    assert any(row.run.startswith(run) and implied in row.why_not for row in TABLE)
