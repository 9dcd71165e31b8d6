"""Layers computed again in the backward pass: how many, and that nothing else changes."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from s1.training.attention import register_attention
from s1.training.loss import RowLosses, weighted_loss
from s1.training.recompute import find_layers, num_recomputed_layers, recompute_layers
from s1.training.spec import Recompute
from tests.training.equivalence import Gradients, gradients_of, make_family, plan_packed_rows, relative_error
from tests.training.tiny import make_examples

NUM_LAYERS = 4
AUTO = Recompute(
    mode="auto",
    activation_bytes=10_000,
    kept_bytes_per_token=10,
    boundary_bytes_per_token=2,
    workspace_bytes_per_token=5,
)


def run(num_recomputed: int, *, family: str = "qwen2") -> tuple[Gradients, int]:
    """Gradients of one packed row, and how many numbers the forward pass saved for the backward pass."""
    model = make_family(family, num_layers=NUM_LAYERS)
    model.set_attn_implementation(register_attention("sdpa"))
    recompute_layers(model, num_recomputed)
    (row,) = plan_packed_rows(make_examples(4, longest=40), num_groups=1)
    saved = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal saved
        saved += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        loss = weighted_loss(RowLosses(model)(**row.model_inputs), row)
    torch.autograd.backward(loss)
    return gradients_of(model), saved


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_gradients_are_the_same_and_less_is_saved_with_every_layer_recomputed(family: str) -> None:
    expected, most = run(0, family=family)
    saved = [most]
    for num in range(1, NUM_LAYERS + 1):
        gradients, num_saved = run(num, family=family)
        assert relative_error(gradients, expected) < 1e-12
        saved.append(num_saved)
    falls = [before - after for before, after in pairwise(saved)]
    assert len(set(falls)) == 1
    # Here a layer keeps more than half of what a quarter of the model saves.
    assert falls[0] > most / NUM_LAYERS / 2


def test_what_the_loss_holds_counts_where_it_is_more_than_a_layers_working_space() -> None:
    def found(**loss: int) -> int:
        return num_recomputed_layers(AUTO.model_copy(update=loss), num_tokens=220, num_layers=NUM_LAYERS)

    # 220 tokens keep 8,800 bytes and work with 1,100; a layer recomputed keeps 1,760 less.
    assert found() == found(loss_bytes=1_100) == found(loss_bytes_per_token=5) == 0
    assert found(loss_bytes=1_300) == found(loss_bytes=200, loss_bytes_per_token=5) == 1


def test_the_first_layers_are_recomputed_and_another_number_can_follow() -> None:
    model = make_family("qwen2", num_layers=NUM_LAYERS)
    recompute_layers(model, 3)
    assert [layer.gradient_checkpointing for layer in find_layers(model)] == [True, True, True, False]
    recompute_layers(model, 1)
    assert [layer.gradient_checkpointing for layer in find_layers(model)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("num_tokens", "expected"),
    [
        (10_000 // 45, 0),  # 4 layers kept: 4 * 10 + 5 bytes per token
        (10_000 // 45 + 1, 1),
        (10_000 // 37, 1),  # 1 * 2 + 3 * 10 + 5
        (10_000 // 29, 2),
        (10_000 // 21, 3),
        (10_000 // 21 + 1, 4),
        (10**9, 4),
    ],
)
def test_as_few_layers_are_recomputed_as_memory_asks(num_tokens: int, expected: int) -> None:
    assert num_recomputed_layers(AUTO, num_tokens=num_tokens, num_layers=4) == expected


def test_all_and_none_do_not_look_at_memory() -> None:
    assert num_recomputed_layers(Recompute(mode="all"), num_tokens=1, num_layers=4) == 4
    assert num_recomputed_layers(Recompute(mode="none"), num_tokens=10**9, num_layers=4) == 0
