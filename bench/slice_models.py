"""Slices of a large model with random weights on one device: real layers, few of them; and packed rows for them.

Knows shapes and how a pass through our modules is put together; does not know what is measured.

Example::

    model = make_slice(QWEN25_32B, num_layers=4, device="cuda", dtype=torch.bfloat16)
    losses = RowLosses(model, kernel="fused")
    run_pass(losses, make_row((4700,), vocabulary_size=152064, device="cuda"))
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from s1.planning.shapes import ModelShape
from s1.records import Example
from s1.training.loss import RowLosses, weighted_loss
from s1.training.packing import PackedRow, count_targets, pack_row, token_weights

_ROPE_THETA = 1_000_000.0
"""Of Qwen2.5."""
_PROMPT_SHARE = 0.05
"""Of an example's tokens are its question, without loss."""


def slice_shape(shape: ModelShape, num_layers: int) -> ModelShape:
    """The same model with fewer layers."""
    return replace(shape, num_layers=num_layers)


def make_slice(shape: ModelShape, *, num_layers: int, device: str, dtype: torch.dtype) -> Any:
    """A Qwen2 model of this shape with few layers, random, made on the device itself."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    assert shape.head_size * shape.num_heads == shape.hidden_size, "as in Qwen2.5"
    config = Qwen2Config(
        vocab_size=shape.vocabulary_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_kv_heads,
        max_position_embeddings=32768,
        rope_parameters={"rope_type": "default", "rope_theta": _ROPE_THETA},
        tie_word_embeddings=shape.shares_embeddings,
        use_cache=False,
    )
    former = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = Qwen2ForCausalLM(config)
    finally:
        torch.set_default_dtype(former)
    return model.train()


def make_examples(lengths: Sequence[int], *, vocabulary_size: int) -> list[Example]:
    """Random tokens; the first ones of each example are its question."""
    source = random.Random(0)
    examples = []
    for number, length in enumerate(lengths):
        prompt = max(1, round(_PROMPT_SHARE * length))
        ids = [source.randrange(vocabulary_size) for _ in range(length)]
        mask = [0] * prompt + [1] * (length - prompt)
        examples.append(Example(question_id=str(number), input_ids=ids, loss_mask=mask))
    return examples


def make_row(lengths: Sequence[int], *, vocabulary_size: int, device: str) -> PackedRow:
    """One packed row of examples of these lengths."""
    examples = make_examples(lengths, vocabulary_size=vocabulary_size)
    weights = token_weights([count_targets(example) for example in examples], objective="example-mean")
    return pack_row(list(enumerate(examples)), token_weights=weights).to(device)


def run_pass(losses: RowLosses, row: PackedRow) -> torch.Tensor:
    """Forward and backward, gradients thrown away; the loss is left on the device, so nothing waits for it."""
    loss = weighted_loss(losses(**row.model_inputs), row)
    torch.autograd.backward(loss)
    losses.zero_grad(set_to_none=True)
    return loss.detach()
