"""Models with ``<think>…</think>`` instead of s1's delimiters: prompts, training text, forcing."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from s1.chat import ChatFormat
from s1.config import ChatParams, GenerateParams
from s1.engine.delimiters import forcing_tokens
from s1.forcing import ForcingSpec, begin, settings_of
from s1.nano.tokenizer import build_tokenizer
from tests.chat.think_models import (
    QWEN3_TEMPLATE,
    QWQ_TEMPLATE,
    R1_TEMPLATE,
    THINK_DELIMITERS,
    think_tokenizer,
)
from tests.delimiters import S1_DELIMITERS

R1 = think_tokenizer(R1_TEMPLATE, end="</s>")
QWQ = think_tokenizer(QWQ_TEMPLATE, end="<|im_end|>")
QWEN3 = think_tokenizer(QWEN3_TEMPLATE, end="<|im_end|>")


@pytest.mark.parametrize(
    ("tokenizer", "start", "end"),
    [
        (R1, "<s><|User|>2+2?<|Assistant|>", "</s>"),
        (QWQ, "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"),
        (QWEN3, "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"),
    ],
    ids=["r1", "qwq", "qwen3"],
)
def test_a_thinking_model_is_asked_and_trained_in_its_own_format(tokenizer: Any, start: str, end: str) -> None:
    chat_format = ChatFormat.create(tokenizer, chat=THINK_DELIMITERS)
    assert tokenizer.decode(chat_format.prompt_ids("2+2?", mode="thinking")) == start + "<think>\n"
    assert tokenizer.decode(chat_format.prompt_ids("2+2?", mode="direct")) == start + "<think>\n\n</think>\n\n"
    example = chat_format.render_example(question_id="q", question="2+2?", thinking=" two and two ", answer="4")
    text = f"{start}<think>\ntwo and two\n</think>\n\nAnswer: 4{end}"
    assert tokenizer.decode(example.input_ids) == text
    prompt = chat_format.prompt_ids("2+2?", mode="thinking")
    assert example.input_ids[: len(prompt)] == prompt
    targets = [token for token, mask in zip(example.input_ids, example.loss_mask, strict=True) if mask]
    assert tokenizer.decode(targets) == text.removeprefix(start)


def test_the_delimiters_in_the_documentation_are_these() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "forcing.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    [chat] = [block["chat"] for block in blocks if "chat" in block]
    assert ChatParams.model_validate(chat) == THINK_DELIMITERS
    [generate] = [block["generate"] for block in blocks if "generate" in block]
    fixed = {"engine": {"kind": "vllm", "dtype": "float32"}, "benchmarks": ["aime24"], "max_answer_tokens": 4096}
    params = GenerateParams.model_validate({**fixed, **generate, "temperature": 0, "num_samples": 1})
    assert len(settings_of(params, max_thinking_tokens=20000)) == 6 + 5 + 6


def test_thinking_ends_at_the_closing_tag_and_an_answer_only_with_the_turn() -> None:
    tokens = forcing_tokens(ChatFormat.create(QWQ, chat=THINK_DELIMITERS))
    assert {QWQ.decode([token]) for token in tokens.think_stops} == {"</think>", "<|im_end|>"}
    assert {QWQ.decode([token]) for token in tokens.answer_stops} == {"<|im_end|>"}
    assert tokens.step_mark is None


def test_a_forced_end_closes_the_thinking_as_the_model_would() -> None:
    tokens = forcing_tokens(ChatFormat.create(R1, chat=THINK_DELIMITERS))
    spec = ForcingSpec(name="max-3", max_thinking_tokens=3, max_answer_tokens=2)
    thought = R1.encode("two", add_special_tokens=False)
    cut = begin(spec, tokens, room=100).feed(thought, "length")
    assert R1.decode(cut.token_ids) == "two\n</think>\n\nFinal Answer:"
    ended = begin(spec, tokens, room=100).feed([*thought[:1], *tokens.newline], "stop")
    assert R1.decode(ended.token_ids) == "t\n</think>\n\n"


def test_a_question_with_a_thinking_delimiter_is_refused() -> None:
    chat_format = ChatFormat.create(QWEN3, chat=THINK_DELIMITERS)
    with pytest.raises(ValueError, match="holds the special token '</think>'"):
        chat_format.prompt_ids("What does </think> mean?", mode="thinking")


def test_a_model_without_the_delimiters_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"'</think>' is no token of its own .*Set the section chat to the delimiters"):
        ChatFormat.create(build_tokenizer(), chat=THINK_DELIMITERS)


def test_an_answer_that_starts_where_thinking_does_not_stop_is_refused() -> None:
    mixed = S1_DELIMITERS.model_copy(update={"answer_start": "</think>\n\n"})
    with pytest.raises(ValueError, match="does not begin with one of chat.think_stops .*<.im_start.>"):
        ChatFormat.create(think_tokenizer(QWQ_TEMPLATE.replace("<think>\\n", ""), end="<|im_end|>"), chat=mixed)
