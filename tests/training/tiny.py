"""A tiny model, tokenizer and examples for training tests."""

import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from s1.config import TrainParams
from s1.records import Example
from s1.training.examples import write_examples
from s1.training.spec import TrainSpec

VOCABULARY = 24
PARAMS = TrainParams(
    num_epochs=2,
    batch_size=4,
    learning_rate=0.01,
    warmup_ratio=0.2,
    weight_decay=0.0001,
    adam_beta1=0.9,
    adam_beta2=0.95,
    max_grad_norm=1.0,
    dtype="float32",
    zero_stage=2,
    checkpoint_every_steps=2,
)


def make_examples(num: int, *, seed: int = 0, longest: int = 30) -> list[Example]:
    """Random sequences of 4 to ``longest`` tokens, each with a prompt of 2."""
    source = random.Random(seed)
    examples = []
    for number in range(num):
        length = source.randint(4, longest)
        ids = [source.randrange(VOCABULARY) for _ in range(length)]
        examples.append(Example(question_id=f"q{number}", input_ids=ids, loss_mask=[0, 0] + [1] * (length - 2)))
    return examples


def make_model(*, seed: int = 0) -> Qwen2ForCausalLM:
    """One layer of width 16, attention biases and tied embeddings as in the small Qwen2.5 models."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    return Qwen2ForCausalLM(config)


def make_spec(folder: Path, *, num_examples: int = 10, train: TrainParams = PARAMS) -> TrainSpec:
    """Write model, tokenizer and examples, and describe a run on them."""
    model_folder = folder / "base"
    if not model_folder.exists():
        make_model().save_pretrained(model_folder)
        words = Tokenizer(WordLevel({f"w{number}": number for number in range(VOCABULARY)}, unk_token="w2"))
        make_tokenizer: Any = PreTrainedTokenizerFast
        tokenizer = make_tokenizer(
            tokenizer_object=words, eos_token="w0", pad_token="w1", chat_template="{{ messages[0].content }}"
        )
        tokenizer.save_pretrained(model_folder)
        write_examples(folder / "examples.parquet", make_examples(num_examples))
    return TrainSpec(
        train=train,
        seed=7,
        model_folder=model_folder,
        examples_file=folder / "examples.parquet",
        run_folder=folder / "run",
        device="cpu",
        max_tokens_per_rank=40,
    )
