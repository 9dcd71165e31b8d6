"""The nano tokenizer loses nothing and keeps the words of the format whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config

from s1.nano.questions import generate_questions
from s1.nano.solver import solve
from s1.nano.tokenizer import END_TOKEN, PAD_TOKEN, START_TOKEN, build_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n \t\r\n",
        "Waiting for Answers: 12, k+345",
        "  two  spaces ",
        "h\u00e9llo w\u00f6rld \u4e2d\u6587 \U0001f600 e\u0301",
        f"{START_TOKEN}think\nWait 3{END_TOKEN}\n",
        r"\boxed{7} and Final Answer: 7",
    ],
)
def test_any_text_decodes_back_to_itself(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_nano_text_never_falls_back_to_bytes(tokenizer: PreTrainedTokenizerFast) -> None:
    for question in generate_questions(num=50, seed=0):
        text = f"{question.text}\n{solve(question.text, 0).thinking}"
        pieces = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
        assert {piece for piece in pieces if len(piece) == 1} <= {"?", "\u010a"}


_WORDS = ("think", "answer", "Wait", "Final", " Answer:", "Answer:", "7", " 7", "\n", " k", "+3")


@pytest.mark.parametrize("word", _WORDS)
def test_words_of_the_format_are_one_token(tokenizer: PreTrainedTokenizerFast, word: str) -> None:
    assert len(tokenizer(word)["input_ids"]) == 1


def test_auto_tokenizer_reads_a_model_folder_the_same_way(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    Qwen2Config().save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for question in generate_questions(num=50, seed=1):
        text = f"{START_TOKEN}user\n{question.text}{END_TOKEN}\n{solve(question.text, 0).thinking}"
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_special_tokens_and_chat_form(tokenizer: PreTrainedTokenizerFast) -> None:
    assert (tokenizer.eos_token, tokenizer.pad_token) == (END_TOKEN, PAD_TOKEN)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Q?"}], tokenize=False, add_generation_prompt=True
    )
    assert prompt == "<|im_start|>user\nQ?<|im_end|>\n<|im_start|>assistant\n"


def test_vocabulary_is_the_same_every_time(tokenizer: PreTrainedTokenizerFast) -> None:
    assert build_tokenizer().get_vocab() == tokenizer.get_vocab()
