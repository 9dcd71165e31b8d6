"""A nano model of the demo's shape, trained for some seconds: enough to think, and to end its thinking here and there.

The first lines of the solver's traces are what it is tuned on, so that thinking ends within a few dozen tokens. Ids
behind the tokenizer's, which the model has as every padded one does, are made as likeable as digits are: a server,
which knows no tokenizer, then samples some.
"""

from pathlib import Path

import torch
from transformers import Qwen2ForCausalLM

from s1.chat import ChatFormat
from s1.config import load_params
from s1.config.kinds import NanoModel
from s1.nano.pretrain import NanoModelSpec, pretrain
from s1.nano.questions import generate_questions
from s1.nano.solver import solve
from s1.nano.tokenizer import build_tokenizer
from tests.delimiters import S1_DELIMITERS

NUM_TOKENS = 437
PROFILE = Path(__file__).resolve().parents[2] / "profiles" / "nano.yaml"
_NUM_PRETRAINING_STEPS = 60
_NUM_TUNING_STEPS = 40
_BATCH_SIZE = 32
_IGNORED = -100


def save_nano_model(folder: Path) -> None:
    """Train the model and write it with its tokenizer; one thread, the same weights each time."""
    shape = load_params(PROFILE).base.large
    assert isinstance(shape, NanoModel)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            model = pretrain(
                spec=NanoModelSpec(
                    hidden_size=shape.hidden_size,
                    num_layers=shape.num_layers,
                    num_heads=shape.num_heads,
                    intermediate_size=shape.intermediate_size,
                ),
                seed=1,
                max_steps=_NUM_PRETRAINING_STEPS,
                batch_size=_BATCH_SIZE,
                learning_rate=shape.learning_rate,
                direct_weight=1.0,
                progress=lambda done, total, note: None,
            )
            _tune(model)
    finally:
        torch.set_num_threads(num_threads)
    tokenizer = build_tokenizer()
    with torch.no_grad():
        embeddings = model.get_input_embeddings().weight  # tied: also what logits are made of
        assert isinstance(embeddings, torch.Tensor)
        for index in range(NUM_TOKENS, embeddings.shape[0]):
            [digit] = tokenizer.encode(f" {index % 10}", add_special_tokens=False)
            embeddings[index] = 1.02 * embeddings[digit]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tune(model: Qwen2ForCausalLM) -> None:
    tokenizer = build_tokenizer()
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    drawn = generate_questions(num=_NUM_TUNING_STEPS * _BATCH_SIZE, seed=7)
    examples = []
    for number, item in enumerate(drawn):
        trace = solve(item.text, seed=number)
        thinking = "\n".join(trace.thinking.splitlines()[: 1 + number % 3])
        examples.append(
            chat_format.render_example(
                question_id=str(number), question=item.text, thinking=thinking, answer=trace.answer
            )
        )
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002)
    for start in range(0, len(examples), _BATCH_SIZE):
        batch = examples[start : start + _BATCH_SIZE]
        width = max(len(example.input_ids) for example in batch)
        ids = torch.full((len(batch), width), int(tokenizer.pad_token_id))
        labels = torch.full_like(ids, _IGNORED)
        for row, example in enumerate(batch):
            ids[row, : len(example.input_ids)] = torch.tensor(example.input_ids)
            learned = torch.tensor(example.loss_mask, dtype=torch.bool)
            labels[row, : len(example.input_ids)][learned] = torch.tensor(example.input_ids)[learned]
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=_IGNORED)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.train(False)
