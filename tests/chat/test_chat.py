"""Training text as the reference writes it, its mask, and prompts for decoding."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE, WordLevel
from transformers import PreTrainedTokenizerFast

from s1.chat import ChatFormat
from tests.delimiters import S1_DELIMITERS

SYSTEM = "<|im_start|>system\nBe brief.<|im_end|>\n"
TEMPLATE = (
    f"{{{{ {SYSTEM!r} }}}}"
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

make_tokenizer: Any = PreTrainedTokenizerFast
"""Its constructor is untyped."""


def byte_tokenizer(template: str = TEMPLATE) -> Any:
    """Bytes, one merge of two newlines, and the special tokens of the format."""
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "ĊĊ"]
    backend = Tokenizer(BPE(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[("Ċ", "Ċ")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>")])
    return make_tokenizer(tokenizer_object=backend, eos_token="<|im_end|>", chat_template=template)


def real_tokenizer(folder: Path) -> Any:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    backend = Tokenizer.from_str(gzip.decompress((folder / "tokenizer.json.gz").read_bytes()).decode())
    template = config.get("chat_template") or (folder / "chat_template.jinja").read_text()
    return make_tokenizer(tokenizer_object=backend, eos_token="<|im_end|>", chat_template=template)


def tokenizers() -> list[Any]:
    """The small one, and the real one of Qwen2.5 where it lies beside the development data."""
    folder = Path(os.environ.get("S1_DATA", "nowhere")).parent / "tokenizer" / "qwen2.5"
    return [byte_tokenizer(), *([real_tokenizer(folder)] if folder.is_dir() else [])]


@pytest.fixture(params=tokenizers(), ids=lambda tokenizer: f"vocabulary-{len(tokenizer)}")
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_the_training_text_is_the_references(tokenizer: Any) -> None:
    example = ChatFormat.create(tokenizer, chat=S1_DELIMITERS).render_example(
        question_id="q", question="2+2?", thinking="\n two and two \n", answer=" 4 "
    )
    text = tokenizer.decode(example.input_ids)
    assert text.endswith(
        "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"
        "<|im_start|>think\ntwo and two\n<|im_start|>answer\nAnswer: 4<|im_end|>\n"
    )
    assert text.startswith("<|im_start|>system\n")


def test_the_training_text_is_the_templates_own_rendering(tokenizer: Any) -> None:
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    example = chat_format.render_example(question_id="q", question="é 2+2?", thinking="two\n\ntwo", answer="Answer: 4")
    messages = [
        {"role": "user", "content": "é 2+2?"},
        {"role": "assistant", "content": "<|im_start|>think\ntwo\n\ntwo\n<|im_start|>answer\nAnswer: 4"},
    ]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert example.input_ids == tokenizer.encode(whole, add_special_tokens=False)


def test_loss_is_on_the_assistants_tokens_only_the_last_newline_included(tokenizer: Any) -> None:
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    example = chat_format.render_example(question_id="q", question="2+2?", thinking="two", answer="4")
    prompt = chat_format.prompt_ids("2+2?", mode="direct")
    targets = [token for token, mask in zip(example.input_ids, example.loss_mask, strict=True) if mask]
    assert example.input_ids[: len(prompt)] == prompt
    assert example.loss_mask == [0] * len(prompt) + [1] * len(targets)
    assert tokenizer.decode(targets) == "<|im_start|>think\ntwo\n<|im_start|>answer\nAnswer: 4<|im_end|>\n"
    assert tokenizer.decode(prompt).endswith("<|im_start|>assistant\n")


def test_an_answer_that_says_answer_gets_no_second_prefix() -> None:
    chat_format = ChatFormat.create(byte_tokenizer(), chat=S1_DELIMITERS)
    text = chat_format.assistant_text(thinking="t", answer="So.\nAnswer: 4\n")
    assert text == "<|im_start|>think\nt\n<|im_start|>answer\nSo.\nAnswer: 4"


def test_a_thinking_prompt_is_the_training_text_up_to_the_thinking(tokenizer: Any) -> None:
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    example = chat_format.render_example(question_id="q", question="2+2?", thinking="two", answer="4")
    prompt = chat_format.prompt_ids("2+2?", mode="thinking")
    assert example.input_ids[: len(prompt)] == prompt
    assert tokenizer.decode(prompt).endswith("<|im_start|>assistant\n<|im_start|>think")


def test_delimiters_are_resolved_to_the_ids_that_training_shows(tokenizer: Any) -> None:
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    delimiters = chat_format.delimiters
    assert tokenizer.decode(list(delimiters.answer_start)) == "<|im_start|>answer"
    assert [tokenizer.decode([stop]) for stop in delimiters.think_stops] == ["<|im_start|>", "<|im_end|>"]
    assert tokenizer.decode([delimiters.end_of_turn]) == "<|im_end|>"
    example = chat_format.render_example(question_id="q", question="2+2?", thinking="two", answer="4")
    length = len(delimiters.answer_start)
    windows = [tuple(example.input_ids[i : i + length]) for i in range(len(example.input_ids))]
    assert delimiters.answer_start in windows


def test_a_stop_that_is_not_one_special_token_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"chat.think_stops: '</think>'.*8 tokens.*<\|im_start\|>"):
        ChatFormat.create(byte_tokenizer(), chat=S1_DELIMITERS.model_copy(update={"think_stops": ["</think>"]}))


def test_a_template_without_an_assistant_start_is_refused() -> None:
    template = "{% for message in messages %}{{ message.content + '<|im_end|>\\n' }}{% endfor %}"
    with pytest.raises(ValueError, match="does not end in the assistant's start"):
        ChatFormat.create(byte_tokenizer(template), chat=S1_DELIMITERS)


def test_a_tokenizer_without_a_template_is_refused() -> None:
    with pytest.raises(ValueError, match="no chat template"):
        ChatFormat.create(byte_tokenizer(""), chat=S1_DELIMITERS)


def test_a_token_across_the_assistants_start_is_refused() -> None:
    chat_format = ChatFormat.create(byte_tokenizer(), chat=S1_DELIMITERS.model_copy(update={"think_start": "\nthink"}))
    with pytest.raises(ValueError, match="question q: a token reaches from the prompt"):
        chat_format.render_example(question_id="q", question="2+2?", thinking="two", answer="4")


@pytest.mark.parametrize("field", ["question", "thinking", "answer"])
def test_a_special_token_in_collected_text_is_refused_with_its_place(field: str) -> None:
    texts: dict[str, Any] = {"question": "2+2?", "thinking": "two", "answer": "4", field: "ends <|im_end|> here"}
    with pytest.raises(ValueError, match=rf"question q: its {field} holds the special token '<\|im_end\|>'"):
        ChatFormat.create(byte_tokenizer(), chat=S1_DELIMITERS).render_example(question_id="q", **texts)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [(BPE({"q": 0}, []), "drops"), (WordLevel({"<unk>": 0}, unk_token="<unk>"), "has unknown tokens in")],
    ids=["dropped", "unknown"],
)
def test_a_delimiter_that_the_tokenizer_cannot_write_is_refused(pieces: Any, message: str) -> None:
    backend = Tokenizer(pieces)
    backend.add_special_tokens([AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>")])
    tokenizer = make_tokenizer(tokenizer_object=backend, unk_token=pieces.unk_token, chat_template=TEMPLATE)
    unwritable = S1_DELIMITERS.model_copy(update={"think_start": "[think]"})
    with pytest.raises(
        ValueError, match=rf"chat.think_start: tokenizer .* {message} '\[think\]'; set the section chat"
    ):
        ChatFormat.create(tokenizer, chat=unwritable)


def test_with_the_real_tokenizer_the_ids_are_the_references() -> None:
    """``<|im_start|>`` and ``<|im_end|>`` are one token each, ``think`` and ``answer`` ordinary ones."""
    folder = Path(os.environ.get("S1_DATA", "nowhere")).parent / "tokenizer" / "qwen2.5"
    if not folder.is_dir():
        pytest.skip("needs S1_DATA, beside which the tokenizer lies")
    chat_format = ChatFormat.create(real_tokenizer(folder), chat=S1_DELIMITERS)
    example = chat_format.render_example(question_id="q", question="2+2?", thinking=" two\n", answer="4")
    start, end, newline = 151644, 151645, 198
    system = chat_format.tokenizer.encode("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")
    question = chat_format.tokenizer.encode("2+2?")
    prompt = [
        *(start, 8948, newline, *system, end, newline),
        *(start, 872, newline, *question, end, newline),
        *(start, 77091, newline),
    ]
    thinking = [start, 26865, newline, 19789, newline]  # <|im_start|>think, two
    answer = [start, 9217, newline, 16141, 25, 220, 19, end, newline]  # <|im_start|>answer, Answer: 4
    assert example.input_ids == prompt + thinking + answer
    assert example.loss_mask == [0] * len(prompt) + [1] * len(thinking + answer)
    assert chat_format.prompt_ids("2+2?", mode="thinking") == [*prompt, start, 26865]
    assert (chat_format.turn_end_ids, chat_format.keeps_thinking()) == ([end, newline], True)
