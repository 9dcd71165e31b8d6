"""Losses of target tokens by every kernel, and what they hold at a time."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Gemma2Config, Gemma2ForCausalLM

from s1.training.attention import register_attention
from s1.training.loss import LossError, RowLosses, check_loss_kernel, example_losses, try_fused_losses, weighted_loss
from s1.training.packing import PackedRow, pack_row, shard
from tests.training.equivalence import make_family, plan_packed_rows, relative_error, row_gradients
from tests.training.tiny import VOCABULARY, make_examples

EXAMPLES = make_examples(8, longest=40)


def rows_of(num_groups: int = 2) -> list[PackedRow]:
    return plan_packed_rows(EXAMPLES, num_groups=num_groups)


def make_losses(family: str = "qwen2", **options: Any) -> RowLosses:
    model = make_family(family)
    model.set_attn_implementation(register_attention("sdpa"))
    return RowLosses(model, **options)


class Widest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most rows of logits that any operation puts out; the head's own gradient is as wide, and 32 rows high."""

    num_rows = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor) and output.dim() == 2 and output.shape[1] == VOCABULARY and output.shape[0] != 32:
            self.num_rows = max(self.num_rows, output.shape[0])
        return output


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_chunks_give_the_loss_and_gradient_of_whole_logits(family: str) -> None:
    # Heads that share their weights with the embedding (Qwen2) and heads that do not.
    rows = rows_of()
    loss, gradients = row_gradients(family, rows, kernel="plain")
    chunked_loss, chunked = row_gradients(family, rows, kernel="chunked", chunk_bytes=7 * 4 * VOCABULARY)
    assert chunked_loss == pytest.approx(loss, rel=1e-12)
    assert relative_error(chunked, gradients) < 1e-12


@pytest.mark.parametrize(("kernel", "most_rows"), [("plain", 166), ("chunked", 10)])
def test_only_targets_have_logits_and_chunks_bound_how_many_there_are(kernel: Any, most_rows: int) -> None:
    (row,) = rows_of(1)
    assert (row.num_tokens, len(row.target_places)) == (182, 166)
    losses = make_losses(kernel=kernel, chunk_bytes=10 * 4 * VOCABULARY)
    make_widest: Any = Widest
    with make_widest() as widest:
        torch.autograd.backward(weighted_loss(losses(**row.model_inputs), row))
    assert widest.num_rows == most_rows


def test_per_example_losses_are_means_over_each_ones_own_targets() -> None:
    (row,) = rows_of(1)
    losses = make_losses()
    means = example_losses(losses(**row.model_inputs), row, num_examples=8)
    for place, example in enumerate(EXAMPLES):
        ids = torch.tensor(example.input_ids)
        model = make_family("qwen2")
        expected = nn.functional.cross_entropy(model(input_ids=ids[None]).logits[0][1:-1], ids[2:])
        assert means[place].item() == pytest.approx(expected.item(), rel=1e-12)


def test_shards_losses_add_up_to_the_rows() -> None:
    (row,) = plan_packed_rows(EXAMPLES, num_groups=1, sequence_parallel=4)
    values = make_losses()(**row.model_inputs).detach()
    parts = [shard(row, part=part, num_parts=4) for part in range(4)]
    values_of_parts = torch.split(values, [len(part.target_places) for part in parts])
    total = sum(weighted_loss(values, part) for values, part in zip(values_of_parts, parts, strict=True))
    assert float(total) == pytest.approx(float(weighted_loss(values, row)), rel=1e-14)
    means = [example_losses(*pair, num_examples=8) for pair in zip(values_of_parts, parts, strict=True)]
    assert torch.allclose(sum(means, torch.zeros(8)), example_losses(values, row, num_examples=8), rtol=1e-14)


@pytest.mark.parametrize("kernel", ["plain", "chunked"])
def test_a_row_without_targets_has_loss_zero_and_a_gradient_of_zeros(kernel: Any) -> None:
    losses = make_losses(kernel=kernel)
    row = pack_row([], token_weights=[], multiple_of=2)
    loss = weighted_loss(losses(**row.model_inputs), row)
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert all(bool((parameter.grad == 0).all()) for parameter in losses.parameters() if parameter.grad is not None)
    assert all(parameter.grad is not None for parameter in losses.parameters())


@pytest.mark.parametrize("kernel", ["plain", "chunked"])
def test_the_head_is_used_inside_its_own_forward_where_hooks_gather_it(kernel: Any) -> None:
    losses = make_losses("llama", kernel=kernel, chunk_bytes=1)
    (row,) = rows_of(1)
    expected = losses(**row.model_inputs)
    parts: Any = losses.model
    head = parts.get_output_embeddings()
    weight = head.weight.data

    def gather(*_: Any) -> None:
        head.weight.data = weight

    def release(*_: Any) -> None:
        head.weight.data = torch.zeros(0)  # as ZeRO 3 leaves a weight between its uses

    head.register_forward_pre_hook(gather)
    head.register_forward_hook(release)
    release()
    assert torch.equal(losses(**row.model_inputs), expected)
    assert head.weight.numel() == 0


def test_a_head_still_gives_logits_where_no_targets_are_asked_for() -> None:
    losses = make_losses(kernel="chunked")
    output = losses.model(input_ids=torch.tensor([[1, 2, 3]]), cu_seq_lens_q=torch.tensor([0, 3]))
    assert output.logits.shape == (1, 3, VOCABULARY)


def test_brain_floats_have_losses_in_single_precision() -> None:
    model = make_family("qwen2").bfloat16()
    model.set_attn_implementation(register_attention("sdpa"))
    (row,) = rows_of(1)
    assert RowLosses(model, kernel="chunked")(**row.model_inputs).dtype == torch.float32


class IgnoreWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, losses: Tensor) -> Tensor:
        return losses.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return torch.ones_like(gradient)


def fake_liger(*, ignores_weights: bool) -> Any:
    """Stands for Liger on machines without a GPU; older versions ignore what each token's loss is multiplied with."""

    def fused(states: Tensor, weight: Tensor, targets: Tensor, *, bias: Any, reduction: str, accum_dtype: Any) -> Any:
        assert (bias, reduction, accum_dtype) == (None, "none", torch.float32)
        losses = nn.functional.cross_entropy(states @ weight.T, targets, reduction="none")
        if ignores_weights:
            ignore: Any = IgnoreWeights.apply
            losses = ignore(losses)
        return losses

    module: Any = ModuleType("liger_kernel.transformers.functional")
    module.liger_fused_linear_cross_entropy = fused
    return module


def test_the_fused_kernel_gets_all_targets_at_once_and_equals_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers.functional", fake_liger(ignores_weights=False))
    rows = [*rows_of(), pack_row([], token_weights=[])]
    loss, gradients = row_gradients("qwen2", rows, kernel="plain")
    fused_loss, fused = row_gradients("qwen2", rows, kernel="fused")
    assert fused_loss == pytest.approx(loss, rel=1e-12)
    assert relative_error(fused, gradients) < 1e-12


def test_a_fused_kernel_that_ignores_weights_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers.functional", fake_liger(ignores_weights=False))
    try_fused_losses("cpu")
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers.functional", fake_liger(ignores_weights=True))
    with pytest.raises(LossError, match="wrong gradients for weighted tokens; pip install 'liger-kernel"):
        try_fused_losses("cpu")


def test_the_fused_kernel_is_refused_where_it_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LossError, match="runs on CUDA GPUs, not on cpu; set loss_kernel: chunked"):
        check_loss_kernel("fused", device="cpu")
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers.functional", None)
    with pytest.raises(LossError, match="needs liger-kernel .*pip install 'liger-kernel>="):
        row_gradients("qwen2", rows_of(), kernel="fused")
    check_loss_kernel("chunked", device="cpu")


def test_a_model_that_changes_its_logits_behind_the_head_is_refused() -> None:
    config = Gemma2Config(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, final_logit_softcapping=30.0,
    )  # fmt: skip
    with pytest.raises(LossError, match="gemma2 changes its logits by final_logit_softcapping"):
        RowLosses(Gemma2ForCausalLM(config))
