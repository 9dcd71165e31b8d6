"""Gradients for the equivalence tests: of one example at a time, and of packed rows that groups share out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from s1.batching import Layout, plan_rows
from s1.records import Example
from s1.training.attention import register_attention
from s1.training.loss import RowLosses, weighted_loss
from s1.training.packing import Objective, PackedRow, count_targets, pack_row, token_weights
from s1.training.spec import LossKernel
from tests.training.tiny import VOCABULARY

Gradients = dict[str, Tensor]


def make_family(family: str, *, num_layers: int = 2) -> PreTrainedModel:
    """A model in double precision with four heads and two key and value heads, and weights far from their start.

    Qwen2 has biases in its attention and shares embedding and head; Llama has neither.
    """
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": num_layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": None,
    }
    model: PreTrainedModel
    if family == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(tie_word_embeddings=True, **shape))
    else:
        model = LlamaForCausalLM(LlamaConfig(tie_word_embeddings=False, **shape))
    model.double().train()
    return model


def gradients_of(model: PreTrainedModel) -> Gradients:
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def reference_gradients(
    family: str, examples: Sequence[Example], *, objective: Objective = "example-mean"
) -> tuple[float, Gradients]:
    """Loss and gradients of a step by plain torch and transformers' own attention, one example at a time."""
    model = make_family(family)
    total = 0.0
    for example in examples:
        ids = torch.tensor(example.input_ids)
        labels = torch.where(torch.tensor(example.loss_mask, dtype=torch.bool), ids, -100)
        # Not transformers' own loss, which rounds logits to single precision.
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
        if objective == "example-mean":
            loss = torch.nn.functional.cross_entropy(logits[:-1], labels[1:]) / len(examples)
        else:
            loss = torch.nn.functional.cross_entropy(logits[:-1], labels[1:], reduction="sum")
            loss = loss / sum(count_targets(other) for other in examples)
        torch.autograd.backward(loss)
        total += loss.item()
    return total, gradients_of(model)


def plan_packed_rows(
    examples: Sequence[Example],
    *,
    num_groups: int,
    sequence_parallel: int = 1,
    max_tokens: int = 10_000,
    objective: Objective = "example-mean",
) -> list[PackedRow]:
    """The rows of all groups and passes of one step, empty ones included."""
    plan = plan_rows(
        [len(example.input_ids) for example in examples],
        layout=Layout(num_groups, sequence_parallel),
        max_tokens_per_rank=max_tokens,
    )
    weights = token_weights([count_targets(example) for example in examples], objective=objective)
    return [
        pack_row([(place, examples[place]) for place in row], token_weights=weights, multiple_of=sequence_parallel)
        for group in plan
        for row in group
    ]


def row_gradients(
    family: str,
    rows: Sequence[PackedRow],
    *,
    attention: str | None = None,
    kernel: LossKernel = "plain",
    chunk_bytes: int = 2**28,
) -> tuple[float, Gradients]:
    """Loss and gradients of packed rows, added up as ZeRO does.

    Args:
        attention: name of transformers' attention function; ours where nothing is said.
    """
    model = make_family(family)
    model.set_attn_implementation(attention or register_attention("sdpa"))
    losses = RowLosses(model, kernel=kernel, chunk_bytes=chunk_bytes)
    total = 0.0
    for row in rows:
        loss = weighted_loss(losses(**row.model_inputs), row)
        torch.autograd.backward(loss)
        total += loss.item()
    return total, gradients_of(model)


def relative_error(actual: Gradients, expected: Gradients) -> float:
    """Length of the difference over the length of what is expected, all weights taken together."""
    assert actual.keys() == expected.keys()
    difference = sum(float(((actual[name] - expected[name]) ** 2).sum()) for name in expected)
    return float((difference / sum(float((value**2).sum()) for value in expected.values())) ** 0.5)
