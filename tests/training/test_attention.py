"""Attention cores: within examples, causal, with grouped heads; what they refuse."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, MistralConfig, PreTrainedConfig, Qwen2Config
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from s1.training.attention import (
    AttentionError,
    attend_by_example,
    attend_by_row,
    check_attention,
    find_varlen,
    register_attention,
)
from tests.training.equivalence import make_family

LENGTHS = (5, 1, 7, 3)
BOUNDS = torch.tensor([0, 5, 6, 13, 16], dtype=torch.int32)


@pytest.fixture(autouse=True)
def _fresh_search() -> Iterator[None]:
    find_varlen.cache_clear()
    yield
    find_varlen.cache_clear()


def draw(num_heads: int, num_kv_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    shapes = [(1, heads, sum(LENGTHS), 8) for heads in (num_heads, num_kv_heads, num_kv_heads)]
    query, key, value = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    return query, key, value


def attend_by_definition(query: Tensor, key: Tensor, value: Tensor, *, scale: float) -> Tensor:
    """Softmax over a block-diagonal causal mask; (1, T, heads, width)."""
    owners = torch.repeat_interleave(torch.arange(len(LENGTHS)), torch.tensor(LENGTHS))
    places = torch.arange(sum(LENGTHS))
    allowed = (owners[:, None] == owners) & (places[:, None] >= places)
    repeats = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    scores = (query @ key.transpose(2, 3) * scale).masked_fill(~allowed, -torch.inf)
    return (scores.softmax(dim=-1) @ value).transpose(1, 2)


@pytest.mark.parametrize(("num_heads", "num_kv_heads"), [(4, 4), (4, 2), (6, 1)])
def test_attention_is_causal_and_keeps_to_each_example(num_heads: int, num_kv_heads: int) -> None:
    query, key, value = draw(num_heads, num_kv_heads)
    output, weights = attend_by_example(nn.Module(), query, key, value, None, cu_seq_lens_q=BOUNDS, scaling=0.3)
    assert weights is None
    assert output.shape == (1, 16, num_heads, 8)
    assert torch.allclose(output, attend_by_definition(query, key, value, scale=0.3), rtol=0, atol=1e-14)


def test_varlen_calls_the_kernel_with_the_rows_boundaries(monkeypatch: pytest.MonkeyPatch) -> None:
    def varlen_attn(
        query: Tensor, key: Tensor, value: Tensor, *bounds: Any, scale: float, window_size: Any, enable_gqa: bool
    ) -> Tensor:
        assert (scale, window_size, enable_gqa) == (0.3, (-1, 0), True)
        assert bounds[0] is bounds[1] is BOUNDS
        assert bounds[2:] == (7, 7)
        rows = (tensor.transpose(0, 1)[None] for tensor in (query, key, value))
        return attend_by_definition(*rows, scale=scale)[0]

    fake: Any = ModuleType("torch.nn.attention.varlen")
    fake.varlen_attn = varlen_attn
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", fake)
    query, key, value = draw(4, 2)
    bounds: dict[str, Any] = {"cu_seq_lens_q": BOUNDS, "cu_seq_lens_k": BOUNDS, "max_length_q": 7, "max_length_k": 7}
    output, _ = attend_by_row(nn.Module(), query, key, value, None, scaling=0.3, **bounds)
    expected, _ = attend_by_example(nn.Module(), query, key, value, None, scaling=0.3, **bounds)
    assert torch.allclose(output, expected, rtol=0, atol=1e-14)


def test_without_torchs_kernel_flash_attn_is_taken_and_without_both_the_advice_is_clear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", None)
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    with pytest.raises(AttentionError, match="flash-attn is not installed; update torch"):
        find_varlen()

    def flash_attn_varlen_func(query: Tensor, key: Tensor, value: Tensor, *bounds: Any, **options: Any) -> Tensor:
        assert options == {"softmax_scale": 0.3, "causal": True}
        return query * 2

    fake: Any = ModuleType("flash_attn")
    fake.flash_attn_varlen_func = flash_attn_varlen_func
    monkeypatch.setitem(sys.modules, "flash_attn", fake)
    query = torch.ones(3, 2, 4)
    assert torch.equal(find_varlen()(query, query, query, BOUNDS, 7, 0.3), query * 2)


def test_a_kernel_of_torch_that_lacks_grouped_heads_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def varlen_attn(query: Tensor, *others: Any, is_causal: bool = False) -> Tensor:
        raise AssertionError

    fake: Any = ModuleType("torch.nn.attention.varlen")
    fake.varlen_attn = varlen_attn
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", fake)
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    with pytest.raises(AttentionError, match="flash-attn is not installed; update torch"):
        find_varlen()


def test_a_registered_name_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    name = register_attention("sdpa")
    assert (name, register_attention("varlen")) == ("s1_sdpa", "s1_varlen")
    known: dict[str, Any] = ALL_ATTENTION_FUNCTIONS._global_mapping
    monkeypatch.setitem(known, name, attend_by_row)
    register_attention("sdpa")
    assert ALL_ATTENTION_FUNCTIONS[name] is attend_by_row
    monkeypatch.undo()
    assert ALL_ATTENTION_FUNCTIONS[name] is attend_by_example


def test_transformers_makes_no_mask_for_it_and_a_saved_model_does_not_name_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masks: list[Tensor | None] = []

    def spy(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **others: Any) -> Any:
        masks.append(mask)
        return attend_by_example(module, query, key, value, mask, **others)

    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS._global_mapping, register_attention("sdpa"), spy)
    model = make_family("qwen2")
    model.set_attn_implementation(register_attention("sdpa"))
    positions = torch.cat([torch.arange(length) for length in LENGTHS])[None]
    model(input_ids=positions, position_ids=positions, use_cache=False, cu_seq_lens_q=BOUNDS)
    assert masks == [None, None]
    assert "s1_" not in model.config.to_json_string(use_diff=False)


def test_a_call_that_asks_for_another_attention_is_refused() -> None:
    query, key, value = draw(4, 2)
    with pytest.raises(AttentionError, match="attention has softcap, which packed rows do not support"):
        attend_by_example(nn.Module(), query, key, value, None, cu_seq_lens_q=BOUNDS, softcap=50.0)
    with pytest.raises(AttentionError, match="varlen has no dropout"):
        attend_by_row(nn.Module(), query, key, value, None, cu_seq_lens_q=BOUNDS, max_length_q=7, dropout=0.1)


def test_boundaries_of_a_shard_are_noticed() -> None:
    query, key, value = draw(4, 2)
    with pytest.raises(AssertionError, match="not of the same \\(whole\\) row"):
        attend_by_example(nn.Module(), query, key, value, None, cu_seq_lens_q=BOUNDS[:-1])


@pytest.mark.parametrize(
    "config",
    [
        MistralConfig(sliding_window=4096),
        Qwen2Config(use_sliding_window=True, sliding_window=4096, max_window_layers=0),
    ],
)
def test_a_sliding_window_is_refused_with_advice(config: PreTrainedConfig) -> None:
    with pytest.raises(AttentionError, match=r"sliding_window 4096.*full attention only. Choose a model"):
        check_attention(config, kernel="sdpa", device="cpu", dtype=torch.float32)


@pytest.mark.parametrize(
    ("device", "dtype", "message"),
    [
        ("cpu", torch.bfloat16, "CUDA GPUs in bfloat16 only, not on cpu in bfloat16; set attention: sdpa"),
        ("cuda", torch.float32, "not on cuda in float32; .* train.dtype: bfloat16"),
    ],
)
def test_varlen_is_refused_where_it_cannot_run(device: str, dtype: torch.dtype, message: str) -> None:
    with pytest.raises(AttentionError, match=message):
        check_attention(LlamaConfig(), kernel="varlen", device=device, dtype=dtype)


def test_what_can_run_is_not_refused() -> None:
    plain_qwen = Qwen2Config(use_sliding_window=False, sliding_window=131072)
    check_attention(plain_qwen, kernel="sdpa", device="cpu", dtype=torch.float64)
    check_attention(LlamaConfig(), kernel="varlen", device="cuda", dtype=torch.bfloat16)
    with pytest.raises(AttentionError, match=r"attention_dropout 0.1; set attention: sdpa"):
        check_attention(LlamaConfig(attention_dropout=0.1), kernel="varlen", device="cuda", dtype=torch.bfloat16)
