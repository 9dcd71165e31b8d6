"""Through DeepSpeed the gradient of a step is the mean of its examples' gradients, on every layout.

Errors are the norm of the difference over the norm of the reference (double precision, one example at a time), over all
weights together. Everything here is single precision: 1e-5 is the bound, about 6e-7 what is measured.
"""

from typing import Any

import pytest

from bench.equivalence import measure
from bench.equivalence_cases import FEW_TOKENS, Case, gradient_cases

pytestmark = pytest.mark.slow
EXACT = 1e-5
"""What single precision may cost."""
WRONG = 0.1
"""What a mistake costs at least."""


@pytest.fixture(scope="module", params=[2, 4], ids=["2 ranks", "4 ranks"])
def figures(request: pytest.FixtureRequest) -> list[tuple[Case, dict[str, Any]]]:
    """All cases of one number of ranks, from one launch."""
    measured = measure("gradients", num_ranks=request.param)
    return [(case, measured[case.name]) for case in gradient_cases(request.param)]


def test_every_layout_stage_and_kernel_computes_the_mean_of_single_gradients(
    figures: list[tuple[Case, dict[str, Any]]],
) -> None:
    errors = {case.name: row["error"] for case, row in figures if case.flaw is None}
    assert len(errors) >= 11
    assert {name: error for name, error in errors.items() if not error <= EXACT} == {}


def test_clipping_goes_by_the_norm_of_the_whole_gradient(figures: list[tuple[Case, dict[str, Any]]]) -> None:
    rows = {case.name: row for case, row in figures if case.flaw is None}
    assert {name: row for name, row in rows.items() if not row["norm_error"] <= EXACT} == {}
    # What Adam was given is the reference's gradient, shortened to max_grad_norm.
    assert {name: row for name, row in rows.items() if not row["clipped_error"] <= EXACT} == {}


def test_several_passes_and_groups_without_examples_were_among_them(
    figures: list[tuple[Case, dict[str, Any]]],
) -> None:
    right = [(case, row) for case, row in figures if case.flaw is None]
    assert all(row["num_passes"] >= 4 for case, row in right if case.max_tokens_per_rank == FEW_TOKENS)
    lonely = [row["num_empty_rows"] for case, row in right if case.num_examples == 1 and case.sequence_parallel == 1]
    num_ranks = right[0][0].num_groups
    assert lonely == [num_ranks - 1] * 2


def test_mistakes_are_seen(figures: list[tuple[Case, dict[str, Any]]]) -> None:
    errors = {case.flaw: row["error"] for case, row in figures if case.flaw is not None}
    assert "stock sdpa under Ulysses" in errors
    assert {flaw: error for flaw, error in errors.items() if not error > WRONG} == {}
