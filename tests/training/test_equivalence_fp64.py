"""Packed, balanced, weighted: the gradient of a step is that of its examples taken one at a time (double precision)."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from s1.records import Example
from s1.training.packing import Objective, PackedRow
from tests.training.equivalence import (
    Gradients,
    plan_packed_rows,
    reference_gradients,
    relative_error,
    row_gradients,
)
from tests.training.tiny import make_examples

EXACT = 1e-12
WRONG = 0.3
"""What a mistake must at least show as; those below give 0.79 to 1.8, and what is right 5e-16."""
FAMILIES = ("qwen2", "llama")


@cache
def step_examples() -> list[Example]:
    return make_examples(16, seed=3, longest=60)


@cache
def reference(family: str, objective: Objective = "example-mean") -> tuple[float, Gradients]:
    return reference_gradients(family, step_examples(), objective=objective)


def error_of(rows: list[PackedRow], *, family: str, attention: str | None = None) -> float:
    return relative_error(row_gradients(family, rows, attention=attention)[1], reference(family)[1])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("num_groups", [1, 2, 4, 8])
def test_groups_that_pack_their_examples_compute_the_mean_of_single_gradients(family: str, num_groups: int) -> None:
    loss, gradients = row_gradients(family, plan_packed_rows(step_examples(), num_groups=num_groups))
    expected_loss, expected = reference(family)
    assert loss == pytest.approx(expected_loss, rel=EXACT)
    assert relative_error(gradients, expected) < EXACT


@pytest.mark.parametrize("family", FAMILIES)
def test_several_passes_padding_and_groups_without_examples_change_nothing(family: str) -> None:
    rows = plan_packed_rows(step_examples(), num_groups=3, sequence_parallel=4, max_tokens=20)
    assert len(rows) >= 6
    assert any(-1 in row.owners for row in rows)
    assert error_of(rows, family=family) < EXACT
    rows = plan_packed_rows(step_examples(), num_groups=20)
    assert sum(bool((row.owners == -1).all()) for row in rows) == 4
    assert error_of(rows, family=family) < EXACT


@pytest.mark.parametrize("family", FAMILIES)
def test_the_token_mean_is_that_of_all_tokens_of_the_step(family: str) -> None:
    rows = plan_packed_rows(step_examples(), num_groups=4, objective="token-mean")
    loss, gradients = row_gradients(family, rows)
    expected_loss, expected = reference(family, "token-mean")
    assert loss == pytest.approx(expected_loss, rel=EXACT)
    assert relative_error(gradients, expected) < EXACT


@pytest.mark.parametrize("family", FAMILIES)
def test_control_positions_that_do_not_start_anew_are_wrong(family: str) -> None:
    rows = [
        replace(row, position_ids=torch.arange(row.num_tokens)[None])
        for row in plan_packed_rows(step_examples(), num_groups=4)
    ]
    # Transformers' own packing finds examples by their positions.
    assert error_of(rows, family=family, attention="sdpa") > WRONG
    # Ours does not, and rotary positions are relative: only the rounding of larger angles shows, a million times EXACT.
    assert 1e5 * EXACT < error_of(rows, family=family) < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_control_the_stock_attention_without_a_mask_is_wrong(family: str) -> None:
    rows = plan_packed_rows(step_examples(), num_groups=4)
    whole = [replace(row, cu_seq_lens=torch.tensor([0, row.num_tokens], dtype=torch.int32)) for row in rows]
    assert error_of(whole, family=family) > WRONG


@pytest.mark.parametrize("family", FAMILIES)
def test_control_the_token_mean_is_another_objective(family: str) -> None:
    rows = plan_packed_rows(step_examples(), num_groups=4, objective="token-mean")
    assert error_of(rows, family=family) > WRONG


def test_control_targets_that_cross_into_the_next_example_are_wrong() -> None:
    rows = []
    for row in plan_packed_rows(step_examples(), num_groups=4):
        ends = row.cu_seq_lens[1:-1].long() - 1
        targets = row.targets.clone()
        targets[ends] = row.input_ids[0, ends + 1]
        rows.append(replace(row, targets=targets, weights=row.weights.where(targets == row.targets, 1 / 16)))
    assert error_of(rows, family="qwen2") > WRONG
