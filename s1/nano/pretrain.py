"""Builds the nano base models: tiny Qwen2 models that know how to work a recipe, but not how to search.

Two kinds of documents are read in pretraining. *Tables* show a recipe and a few rows of consecutive digits put through
it, each compared with the wanted result; they teach the arithmetic, the comparison and finding the next step.
*Direct answers* are chats in which the assistant answers at once; they teach the chat form and the one-step questions.
No document thinks before it answers: that, and when to stop, is what fine-tuning adds. `Wait` is a word like others
here, one of those that open a row, whatever the row before said.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from s1.nano.questions import BASE, DOMAINS, MAX_STEPS, NanoQuestion, draw_question, is_held_out, parse_question
from s1.nano.solver import ROW_OPENERS, work_line
from s1.nano.tokenizer import END_TOKEN, MODEL_MAX_LENGTH, START_TOKEN, build_tokenizer

Progress = Callable[[int, int, str], None]
_ROWS_BY_STEPS: Final = {1: 5, 2: 4, 3: 3, 4: 2}
_STRETCH_CYCLE: Final = (1, 1, 1, 3, 1, 1, 1, 6)
"""By step: how many times longer than usual its tables are; without long ones, look-up fails in long traces."""
_ANSWER_PHRASES: Final = ("Answer:", "Final Answer:")
_IGNORED: Final = -100


@dataclass(frozen=True, slots=True)
class NanoModelSpec:
    """The shape of a nano model."""

    hidden_size: int = 96
    num_layers: int = 3
    num_heads: int = 4
    intermediate_size: int = 192


@dataclass(frozen=True, slots=True)
class Document:
    """One pretraining document: what is given, and what is learned from it."""

    given: str
    learned: str


def table_document(rng: random.Random, *, stretch: int = 1) -> Document:
    """A recipe and rows of digits put through it, each row naming the digit of the next; half of them as a chat.

    In half of the tables rows name any digit, not the following one: else the next digit could be had by counting, and
    a model that counts walks past the digit that a `yes` told it to check again.

    Stretched tables teach that a recipe can be read back from far away. Half of the tables end in an answer, the digit
    that the last row names: in a trace the answer is one token in a hundred, too few to learn copying it from.
    """
    question = _draw(rng, num_steps=rng.randint(1, MAX_STEPS))
    recipe = parse_question(question.text)
    num_rows = _ROWS_BY_STEPS[question.difficulty] * stretch
    digit = rng.randrange(BASE)
    if rng.random() < 0.5:
        digit = (int(question.answer) - rng.randrange(num_rows)) % BASE
    head = f"{question.text}\n"
    if rng.random() < 0.5:
        head = f"{START_TOKEN}user\n{question.text}{END_TOKEN}\n{START_TOKEN}assistant\n"
    jumps = rng.random() < 0.5
    rows = []
    for _ in range(num_rows):
        pointer = rng.randrange(BASE) if jumps else None
        rows.append(work_line(recipe, rng.choice(ROW_OPENERS), digit, pointer=pointer)[0])
        digit = int(rows[-1][-1])
    if rng.random() < 0.5:
        rows.append(f"{rng.choice(_ANSWER_PHRASES)} {digit}{END_TOKEN}")
    given = " ".join(rows[0].split()[:2])
    return Document(given=head + given, learned="\n".join(rows)[len(given) :] + "\n")


def direct_document(rng: random.Random) -> Document:
    """A chat whose answer comes at once; one-step questions, which can be learned by heart, come most often."""
    question = _draw(rng, num_steps=rng.choices(range(1, MAX_STEPS + 1), weights=(6, 2, 1, 1))[0])
    phrase = rng.choice(_ANSWER_PHRASES)
    given = f"{START_TOKEN}user\n{question.text}{END_TOKEN}\n{START_TOKEN}assistant\n"
    return Document(given=given, learned=f"{phrase} {question.answer}{END_TOKEN}\n")


def _draw(rng: random.Random, *, num_steps: int) -> NanoQuestion:
    """A question that is in no benchmark."""
    while True:
        question = draw_question(rng, domain=rng.choice(DOMAINS), num_steps=num_steps)
        if not is_held_out(question.text):
            return question


def build_model(spec: NanoModelSpec, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Qwen2ForCausalLM:
    """A freshly initialised model; the embedding is padded to a multiple of 64."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=64 * math.ceil(len(tokenizer) / 64),
        hidden_size=spec.hidden_size,
        num_hidden_layers=spec.num_layers,
        num_attention_heads=spec.num_heads,
        num_key_value_heads=spec.num_heads,
        intermediate_size=spec.intermediate_size,
        max_position_embeddings=MODEL_MAX_LENGTH,
        initializer_range=0.05,
        tie_word_embeddings=True,
        use_cache=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config)


def pretrain(
    *,
    spec: NanoModelSpec,
    seed: int,
    max_steps: int,
    batch_size: int,
    learning_rate: float,
    direct_weight: float,
    progress: Progress,
) -> Qwen2ForCausalLM:
    """Train one base model from scratch; deterministic for the same seed and number of threads."""
    tokenizer = build_tokenizer()
    model = build_model(spec, tokenizer, seed=seed)
    model.train()
    rng = random.Random(f"nano-pretrain-{seed}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, max_steps))
    for step in range(max_steps):
        stretch = _STRETCH_CYCLE[step % len(_STRETCH_CYCLE)]
        tables = [table_document(rng, stretch=stretch) for _ in range(max(1, batch_size // stretch))]
        directs = [direct_document(rng) for _ in range(batch_size // 2)]
        table_loss = _backward(model, tokenizer, tables, weight=1.0)
        direct_loss = _backward(model, tokenizer, directs, weight=direct_weight)
        if not math.isfinite(table_loss + direct_loss):
            raise ValueError(f"pretraining diverged at step {step + 1} of {max_steps}; lower the model's learning_rate")
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % 25 == 0 or step + 1 == max_steps:
            progress(step + 1, max_steps, f"table loss {table_loss:.4f}, direct loss {direct_loss:.3f}")
    model.train(False)
    return model


def _rate(step: int, max_steps: int, *, warmup: int = 50, floor: float = 0.02) -> float:
    """Linear warm-up, then a cosine down to `floor`, as a factor of the peak."""
    if step < warmup:
        return (step + 1) / warmup
    fraction = (step - warmup) / max(1, max_steps - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * fraction))


def _backward(
    model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast, documents: list[Document], *, weight: float
) -> float:
    """Add the gradient of the documents' mean loss per learned token; right padding needs no attention mask."""
    ids, labels = _encode(tokenizer, documents)
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=_IGNORED)
    (loss * weight).backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def _encode(tokenizer: PreTrainedTokenizerFast, documents: list[Document]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, padded on the right; what is given carries no label."""
    given = tokenizer([document.given for document in documents])["input_ids"]
    learned = tokenizer([document.learned for document in documents])["input_ids"]
    width = max(len(left) + len(right) for left, right in zip(given, learned, strict=True))
    ids = torch.full((len(documents), width), int(tokenizer.pad_token_id))
    labels = torch.full_like(ids, _IGNORED)
    for row, (left, right) in enumerate(zip(given, learned, strict=True)):
        ids[row, : len(left) + len(right)] = torch.tensor(left + right)
        labels[row, len(left) : len(left) + len(right)] = torch.tensor(right)
    return ids, labels
