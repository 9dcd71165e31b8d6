"""Prompted controls: sentences, marks of steps, points of decoding, and the training text that comes of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from s1.chat import ChatFormat
from s1.config import ControlParams, TokenizeParams
from s1.controls.points import control_points
from s1.controls.texts import (
    add_sentence,
    class_sentences,
    mark_steps,
    round_up_to_power_of_two,
    split_steps,
    step_sentence,
    token_sentence,
)
from s1.records import SelectedQuestion
from tasks.tokenize_ import control_sentences
from tests.chat.test_chat import byte_tokenizer
from tests.delimiters import S1_DELIMITERS


@pytest.mark.parametrize(("number", "power"), [(0, 1), (1, 1), (2, 2), (3, 4), (1024, 1024), (1025, 2048)])
def test_lengths_are_rounded_up_to_powers_of_two(number: int, power: int) -> None:
    assert round_up_to_power_of_two(number) == power


def test_a_trace_is_told_the_next_power_of_two_of_its_tokens() -> None:
    assert token_sentence(1500) == "Think for up to 2048 tokens."


def test_a_trace_is_told_the_next_power_of_two_of_its_steps() -> None:
    assert step_sentence("one\n\ntwo\nstill two\n \n\nthree") == "Think for up to 4 steps."


def test_marks_count_down_to_one() -> None:
    marked = mark_steps("\none\n\ntwo\nstill two\n \n\nthree\n", opener="<|im_start|>")
    assert marked == (
        "<|im_start|>3 steps left\none\n<|im_start|>2 steps left\ntwo\nstill two\n<|im_start|>1 steps left\nthree"
    )


@given(st.text(alphabet="ab \n\t", max_size=40))
def test_marked_steps_hold_the_text_and_nothing_else(thinking: str) -> None:
    lines = mark_steps(thinking, opener="§").split("\n")
    kept = [line for line in lines if not line.startswith("§")]
    assert "\n".join(kept).split() == thinking.split()
    assert sum(line.startswith("§") for line in lines) == len(split_steps(thinking))


def test_the_shorter_half_is_short_and_equal_lengths_are_split_by_name() -> None:
    sentences = class_sentences({"d": 5, "c": 5, "b": 5, "a": 9})
    short = {name for name, sentence in sentences.items() if "short" in sentence}
    assert short == {"b", "c"}


def test_points_carry_name_sentence_and_limit() -> None:
    controls = [
        ControlParams(kind="tokens", amounts=[1024]),
        ControlParams(kind="steps", amounts=[16, 32], force=True),
        ControlParams(kind="class"),
    ]
    points = [(p.name, p.sentence, p.max_thinking_tokens, p.has_step_marks) for p in control_points(controls)]
    assert points == [
        ("tokens-1024", "Think for up to 1024 tokens.", None, False),
        ("steps-16-forced", "Think for up to 16 steps.", 1600, True),
        ("steps-32-forced", "Think for up to 32 steps.", 3200, True),
        ("class-short", "Answer after a short amount of thinking.", None, False),
        ("class-long", "Answer after a long amount of thinking.", None, False),
    ]


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"kind": "class", "amounts": [2]}, "give it no amounts"),
        ({"kind": "class", "force": True}, "give it no amounts and no force"),
        ({"kind": "tokens"}, "control by tokens needs amounts"),
    ],
)
def test_controls_that_mean_nothing_are_refused(values: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        ControlParams.model_validate(values)


def test_training_text_of_steps_carries_marks_with_loss_and_a_prompt_that_decoding_asks_again() -> None:
    tokenizer = byte_tokenizer()
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    question = add_sentence("2+2?", step_sentence("two\n\nfour"))
    example = chat_format.render_example(
        question_id="q", question=question, thinking="two\n\nfour", answer="4", marks_steps=True
    )
    targets = [token for token, mask in zip(example.input_ids, example.loss_mask, strict=True) if mask]
    assert tokenizer.decode(targets) == (
        "<|im_start|>think\n<|im_start|>2 steps left\ntwo\n<|im_start|>1 steps left\nfour\n"
        "<|im_start|>answer\nAnswer: 4<|im_end|>\n"
    )
    prompt = chat_format.prompt_ids("2+2?\nThink for up to 2 steps.", mode="thinking")
    assert example.input_ids[: len(prompt)] == prompt


def test_a_mark_in_collected_thinking_is_refused_as_ever() -> None:
    chat_format = ChatFormat.create(byte_tokenizer(), chat=S1_DELIMITERS)
    with pytest.raises(ValueError, match="its thinking holds the special token"):
        chat_format.render_example(
            question_id="q", question="2+2?", thinking="<|im_start|>9 steps left", answer="4", marks_steps=True
        )


def test_delimiters_that_share_no_special_token_give_marks_of_plain_text() -> None:
    chat = S1_DELIMITERS.model_copy(update={"answer_start": "<|im_end|>answer"})
    assert ChatFormat.create(byte_tokenizer(), chat=chat).step_opener == ""
    assert ChatFormat.create(byte_tokenizer(), chat=S1_DELIMITERS).step_opener == "<|im_start|>"


def selected(name: str, *, trace_length: int, thinking: str) -> SelectedQuestion:
    return SelectedQuestion(
        question_id=name,
        question="2+2?",
        source="pool",
        domain="sums",
        thinking=thinking,
        answer="4",
        reason="diversity",
        trace_length=trace_length,
    )


def trained(control: str) -> TokenizeParams:
    return TokenizeParams.model_validate({"max_length": 512, "over_length": "fail", "control": control})


def test_every_control_gives_each_example_its_sentence() -> None:
    selection = [selected("a", trace_length=300, thinking="x"), selected("b", trace_length=9, thinking="x\n\ny\n\nz")]
    assert control_sentences(selection, tokenize=trained("none")) == {}
    assert control_sentences(selection, tokenize=trained("tokens")) == {
        "a": "Think for up to 512 tokens.",
        "b": "Think for up to 16 tokens.",
    }
    assert control_sentences(selection, tokenize=trained("steps")) == {
        "a": "Think for up to 1 steps.",
        "b": "Think for up to 4 steps.",
    }
    assert control_sentences(selection, tokenize=trained("class")) == {
        "a": "Answer after a long amount of thinking.",
        "b": "Answer after a short amount of thinking.",
    }
