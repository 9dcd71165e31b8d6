"""What fits on a GPU: the limits that are known of the reference, and those of this project."""

from dataclasses import replace

import pytest

from s1.planning import Machine, find_gpu
from s1.planning.memory import FUSED_LOSS_BYTES, budget_of, reference_budget
from s1.planning.published import QWEN25_32B
from s1.training.spec import LossKernel

H100, H200 = find_gpu("H100-SXM-80GB").memory_bytes, find_gpu("H200").memory_bytes
MACHINES = [(H100, 8), (H100, 16), (H200, 8), (H200, 16)]


@pytest.mark.parametrize(
    ("num_recomputed", "known"),
    [(64, (11_600, 20_400, 35_000, 44_000)), (0, (1_100, 3_200, 5_400, 7_200))],
)
def test_the_reference_holds_as_many_tokens_as_it_was_found_to(num_recomputed: int, known: tuple[int, ...]) -> None:
    found = [
        reference_budget(QWEN25_32B, num_ranks=num).longest(memory, num_recomputed=num_recomputed)
        for memory, num in MACHINES
    ]
    assert found == pytest.approx(known, rel=0.04)  # the figures were rounded to two digits


@pytest.mark.parametrize(
    ("num_recomputed", "known"),
    [
        (64, (16_700, 51_000, 85_000, 119_000)),
        (32, (2_000, 6_100, 10_100, 14_200)),
        (0, (1_100, 3_200, 5_400, 7_500)),
    ],
)
def test_zero_3_holds_as_many_tokens_as_was_worked_out(num_recomputed: int, known: tuple[int, ...]) -> None:
    """Worked out with gradients in bf16 (16 bytes a parameter), and without the head's."""
    found = []
    for memory, num in MACHINES:
        budget = budget_of(
            QWEN25_32B, num_ranks=num, precision="bfloat16", zero_stage=3, loss_kernel="fused", fuses_layers=True
        )
        plain = replace(budget, state_bytes=16 * QWEN25_32B.num_parameters // num, loss_bytes=FUSED_LOSS_BYTES)
        found.append(plain.longest(memory, num_recomputed=num_recomputed))
    assert found == pytest.approx(known, rel=0.05)


@pytest.mark.parametrize(("stage", "per_parameter"), [(1, 2 + 4 + 12 / 4), (2, 2 + (4 + 12) / 4), (3, 18 / 4)])
def test_what_zero_shares_out_over_four_ranks(stage: int, per_parameter: float) -> None:
    budget = budget_of(QWEN25_32B, num_ranks=4, precision="bfloat16", zero_stage=stage, loss_kernel="fused")
    assert budget.state_bytes == round(per_parameter * QWEN25_32B.num_parameters)


def test_lora_keeps_an_optimizer_for_its_own_matrices_only() -> None:
    trained = QWEN25_32B.lora_parameters(rank=16)
    budget = budget_of(
        QWEN25_32B, num_ranks=1, precision="bfloat16", zero_stage=2, loss_kernel="fused", num_trained=trained
    )
    assert budget.state_bytes == 2 * QWEN25_32B.num_parameters + 18 * trained
    assert budget.loss_bytes == FUSED_LOSS_BYTES


@pytest.mark.parametrize(("kernel", "copies"), [("plain", 1), ("chunked", 2), ("fused", 4)])
def test_the_heads_gradient_counts_at_the_loss(kernel: LossKernel, copies: int) -> None:
    wide = replace(QWEN25_32B, vocabulary_size=2 * QWEN25_32B.vocabulary_size)
    narrow, twice = (
        budget_of(shape, num_ranks=16, precision="bfloat16", zero_stage=3, loss_kernel=kernel).loss_bytes
        for shape in (QWEN25_32B, wide)
    )
    assert twice - narrow == copies * 2 * QWEN25_32B.vocabulary_size * QWEN25_32B.hidden_size


def test_plans_leave_some_memory_for_what_is_lost_between_tensors() -> None:
    machine = Machine(find_gpu("H100-SXM-80GB"), gpus_per_node=8)
    assert H100 - machine.usable_bytes > 4e9


def test_what_fits_is_exactly_what_stays_below_the_memory() -> None:
    budget = budget_of(QWEN25_32B, num_ranks=16, precision="bfloat16", zero_stage=3, loss_kernel="plain")
    for num_recomputed in (0, 17, 64):
        longest = budget.longest(H100, num_recomputed=num_recomputed)
        assert budget.peak(longest, num_recomputed=num_recomputed) <= H100
        assert budget.peak(longest + 1, num_recomputed=num_recomputed) > H100


def test_as_few_layers_as_memory_asks_are_recomputed() -> None:
    budget = budget_of(QWEN25_32B, num_ranks=16, precision="bfloat16", zero_stage=3, loss_kernel="fused")
    num = budget.recomputed(4000, memory_bytes=H100)
    assert 0 < num < 64
    assert budget.longest(H100, num_recomputed=num) >= 4000 > budget.longest(H100, num_recomputed=num - 1)


def test_logits_at_once_cost_tokens_that_chunks_and_fused_kernels_leave() -> None:
    plain, chunked, fused = (
        budget_of(QWEN25_32B, num_ranks=16, precision="bfloat16", zero_stage=3, loss_kernel=kernel).longest(
            H100, num_recomputed=64
        )
        for kernel in ("plain", "chunked", "fused")
    )
    assert plain < 20_000 < 40_000 < chunked <= fused


def test_states_that_do_not_fit_leave_no_token() -> None:
    budget = budget_of(QWEN25_32B, num_ranks=1, precision="bfloat16", zero_stage=3, loss_kernel="fused")
    assert budget.longest(H200, num_recomputed=64) == 0
