"""The tiny model of ``bench.equivalence``, its examples, and what plain torch makes of them.

The reference knows no packing, no DeepSpeed and no attention but transformers' own: one example after the other.

Example::

    reference_gradient(16, has_lora=False)["model.norm.weight"]        # (32,), double
"""

import math
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from bench.equivalence_cases import NUM_LAYERS
from s1.batching import Step, plan_steps
from s1.config import LoraParams, TrainParams
from s1.records import Example
from s1.training.engine import optimizer_groups
from s1.training.lora import add_lora
from s1.training.schedule import learning_rate

VOCABULARY = 48
NUM_STEPS = 20
Weights = dict[str, Tensor]
PARAMS = TrainParams(
    num_epochs=4,
    batch_size=8,
    learning_rate=0.003,
    warmup_ratio=0.1,
    weight_decay=0.0001,
    adam_beta1=0.9,
    adam_beta2=0.95,
    max_grad_norm=1.7,
    dtype="float32",
    zero_stage=2,
    checkpoint_every_steps=100,
)
"""Of trajectories; about half of their steps are clipped. ``num_epochs`` of 40 examples are ``NUM_STEPS``."""


def make_examples(num: int) -> list[Example]:
    """Random tokens in uneven lengths: of 16 examples, the first has a third of all tokens."""
    source = random.Random(0)
    examples = []
    for number in range(num):
        length = 90 if number == 0 else source.randint(4, 24)
        mask = [0, 0, *(source.choice([0, 1, 1]) for _ in range(length - 3)), 1]
        ids = [source.randrange(VOCABULARY) for _ in range(length)]
        examples.append(Example(question_id=f"q{number}", input_ids=ids, loss_mask=mask))
    return examples


def make_model(*, has_lora: bool = False) -> Qwen2ForCausalLM:
    """4 heads share 2 keys: a group of 2 ranks divides the keys, a group of 4 repeats them.

    LoRA's matrices, where asked for, are all random, so that all of them have a gradient.
    """
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
        initializer_range=0.1,
    )
    model = Qwen2ForCausalLM(config)
    if has_lora:
        add_lora(model, LoraParams(rank=2, alpha=4.0), seed=0)
        source = torch.Generator().manual_seed(1)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.data = torch.randn(parameter.shape, generator=source) * 0.1
    return model


@cache
def reference_gradient(num_examples: int, *, has_lora: bool) -> Weights:
    """The mean of single-example gradients, in double precision."""
    model = make_model(has_lora=has_lora).double()
    _add_gradients(model, make_examples(num_examples))
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def trajectory_steps() -> list[Step]:
    """20 steps over 40 examples."""
    names = [example.question_id for example in make_examples(40)]
    return plan_steps(names, batch_size=PARAMS.batch_size, num_epochs=PARAMS.num_epochs, seed=0)


def reference_trajectory(dtype: torch.dtype) -> tuple[Weights, list[float]]:
    """Weights at the end, and gradient norms before clipping, of a plain loop with torch's own clipping and AdamW."""
    model: Any = make_model()
    model.to(dtype)
    optimizer = torch.optim.AdamW(
        optimizer_groups(model, weight_decay=PARAMS.weight_decay), betas=(PARAMS.adam_beta1, PARAMS.adam_beta2)
    )
    by_id = {example.question_id: example for example in make_examples(40)}
    norms = []
    for step in trajectory_steps():
        optimizer.zero_grad()
        _add_gradients(model, [by_id[name] for name in step.example_ids])
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), PARAMS.max_grad_norm)))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                step=step.number, num_steps=NUM_STEPS, peak=PARAMS.learning_rate, warmup_ratio=PARAMS.warmup_ratio
            )
        optimizer.step()
    return {name: parameter.detach().double() for name, parameter in model.named_parameters()}, norms


def _add_gradients(model: nn.Module, examples: Sequence[Example]) -> None:
    for example in examples:
        ids = torch.tensor(example.input_ids)
        targets = torch.where(torch.tensor(example.loss_mask, dtype=torch.bool), ids, -100)
        # Not transformers' own loss, which rounds logits to single precision.
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
        loss = nn.functional.cross_entropy(logits[:-1], targets[1:], ignore_index=-100)
        torch.autograd.backward(loss / len(examples))


def norm(weights: Weights) -> float:
    """Length of all weights taken together."""
    return math.sqrt(sum(float((value.double() ** 2).sum()) for value in weights.values()))


def distance(left: Weights, right: Weights) -> float:
    """Length of the difference of all weights taken together."""
    assert left.keys() == right.keys()
    return norm({name: left[name].double() - right[name].double() for name in left})
