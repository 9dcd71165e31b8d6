"""Attention that stays within each example of a packed row.

Transformers hands its attention functions the whole row and, in keyword arguments, where examples begin
(``cu_seq_lens_q``); the stock ``sdpa`` ignores these, and under DeepSpeed Ulysses it loses the mask as well: 86 % error
in the gradient, without a word. The two here use them: ``s1_sdpa`` calls torch's attention once per example, exact in
every precision and on every device; ``s1_varlen`` makes one call of a flash kernel per row, on GPUs in half precision.
Both take the queries, keys and values of the *whole* row, which is what Ulysses hands them after its all-to-all. Knows
transformers' interface of attention functions; does not know models, packing or ranks.

Example::

    check_attention(model.config, kernel="sdpa", device="cpu", dtype=torch.float32)
    model.set_attn_implementation(register_attention("sdpa"))
    model.get_decoder()(input_ids=row.input_ids, use_cache=False, **row.decoder_inputs)
"""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from s1.training.spec import AttentionKernel

Varlen = Callable[..., Tensor]


class AttentionError(ValueError):
    """A model, device or number format that an attention kernel cannot serve; the message says what can."""


def register_attention(kernel: AttentionKernel) -> str:
    """Make a kernel known to transformers.

    No function for masks is registered with it, so transformers makes no mask at all. A name that is there already
    stays as it is: what stands there may be an exchange around the kernel (Ulysses), which must not be undone.

    Returns:
        The name for ``set_attn_implementation``.
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = f"s1_{kernel}"
    if name not in ALL_ATTENTION_FUNCTIONS:
        ALL_ATTENTION_FUNCTIONS.register(name, attend_by_example if kernel == "sdpa" else attend_by_row)
    return name


def check_attention(config: Any, *, kernel: AttentionKernel, device: str, dtype: torch.dtype) -> None:
    """Refuse before any training what would fail, or be another attention than the model's.

    Args:
        config: a model's configuration, of transformers.

    Raises:
        AttentionError: the model limits attention to a window, or the kernel does not run here.
    """
    text_config = config.get_text_config()
    kinds = set(getattr(text_config, "layer_types", None) or ["full_attention"])
    window = getattr(text_config, "sliding_window", None) if getattr(text_config, "use_sliding_window", True) else None
    if kinds != {"full_attention"} or window:
        raise AttentionError(
            f"{text_config.model_type} attends by {', '.join(sorted(kinds))} (sliding_window {window}), and packed "
            "rows are trained with full attention only. Choose a model with full attention; where no example is longer "
            'than the window it makes no difference, and "use_sliding_window": false, "sliding_window": null and no '
            '"layer_types" in the model\'s config.json say so'
        )
    if kernel == "sdpa":
        return
    if device != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        raise AttentionError(
            f"the attention kernel varlen runs on CUDA GPUs in bfloat16 only, not on {device} in "
            f"{str(dtype).removeprefix('torch.')}; set attention: sdpa (or auto) in the cluster file, or train.dtype: "
            "bfloat16"
        )
    dropout = getattr(text_config, "attention_dropout", 0.0)
    if dropout:
        raise AttentionError(
            f"the attention kernel varlen has no dropout, and the model asks for attention_dropout {dropout}; "
            "set attention: sdpa in the cluster file"
        )
    find_varlen()


def attend_by_example(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    cu_seq_lens_q: Tensor,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Causal attention of each segment by itself (``s1_sdpa``).

    Args:
        _module: the attention layer, which transformers passes; heads are counted from the tensors, because Ulysses
            leaves each rank some of them.
        query: (1, heads, T, width) of the whole row.
        key: (1, key and value heads, T, width)
        value: (1, key and value heads, T, width)
        attention_mask: must be None.
        cu_seq_lens_q: (S + 1,), where segments begin, and T.
        others: of transformers' interface; refused where they mean another attention.

    Returns:
        (1, T, heads, width), and None for the attention weights.
    """
    _check_call(query, attention_mask, cu_seq_lens_q, others)
    lengths = cu_seq_lens_q.diff().tolist()
    is_grouped = query.shape[1] != key.shape[1]
    outputs = [
        nn.functional.scaled_dot_product_attention(
            part_query, part_key, part_value, dropout_p=dropout, is_causal=True, scale=scaling, enable_gqa=is_grouped
        )
        for part_query, part_key, part_value in zip(
            *(torch.split(tensor, lengths, dim=2) for tensor in (query, key, value)), strict=True
        )
    ]
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None


def attend_by_row(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    cu_seq_lens_q: Tensor,
    max_length_q: int,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """The same as ``attend_by_example`` in one call of a flash kernel (``s1_varlen``)."""
    _check_call(query, attention_mask, cu_seq_lens_q, others)
    if dropout:
        raise AttentionError(f"the attention kernel varlen has no dropout (asked for {dropout}); use sdpa")
    # (1, heads, T, width) -> (T, heads, width)
    parts = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
    return find_varlen()(*parts, cu_seq_lens_q, max_length_q, scaling)[None], None


@cache
def find_varlen() -> Varlen:
    """Torch's own variable-length attention, or flash-attn's where torch has none that serves grouped heads.

    Raises:
        AttentionError: neither is there.
    """
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return _find_flash_attn()
    if not {"scale", "window_size", "enable_gqa"} <= signature(varlen_attn).parameters.keys():
        return _find_flash_attn()

    def attend(query: Tensor, key: Tensor, value: Tensor, cu: Tensor, longest: int, scale: float | None) -> Tensor:
        is_grouped = query.shape[1] != key.shape[1]
        output = varlen_attn(
            query, key, value, cu, cu, longest, longest, scale=scale, window_size=(-1, 0), enable_gqa=is_grouped
        )
        assert isinstance(output, Tensor)
        return output

    return attend


def _find_flash_attn() -> Varlen:
    try:
        from flash_attn import flash_attn_varlen_func
    except ImportError as error:
        raise AttentionError(
            f"torch {torch.__version__} has no torch.nn.attention.varlen for grouped heads, and flash-attn is not "
            "installed; update torch, install flash-attn, or set attention: sdpa in the cluster file"
        ) from error

    def attend(query: Tensor, key: Tensor, value: Tensor, cu: Tensor, longest: int, scale: float | None) -> Tensor:
        output: Tensor = flash_attn_varlen_func(
            query, key, value, cu, cu, longest, longest, softmax_scale=scale, causal=True
        )
        return output

    return attend


_OTHER_ATTENTIONS = ("sliding_window", "softcap", "s_aux", "position_bias")
"""Keyword arguments by which models ask for what neither kernel does: windows, capped logits, sinks, biases."""


def _check_call(query: Tensor, attention_mask: Tensor | None, cu_seq_lens: Tensor, others: dict[str, Any]) -> None:
    asked = [name for name in _OTHER_ATTENTIONS if others.get(name) is not None]
    if asked:
        raise AttentionError(f"this model's attention has {', '.join(asked)}, which packed rows do not support")
    assert attention_mask is None, "a mask would be ignored; boundaries come by cu_seq_lens_q"
    assert query.shape[0] == 1, f"one row at a time, not {query.shape[0]}"
    if query.device.type == "cpu":  # Looking at a GPU's numbers would make it wait.
        assert int(cu_seq_lens[-1]) == query.shape[2], "boundaries and keys are not of the same (whole) row"
