"""Delimiters as ids of a real tokenizer, and what text a forced generation shows."""

import pytest

from s1.chat import ChatFormat
from s1.engine.delimiters import forcing_tokens
from s1.engine.local import LocalEngine
from s1.engine.model import AnsweringModel, sample_seed
from s1.forcing import direct_setting, forced_settings
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from s1.records import Question
from tests.delimiters import S1_DELIMITERS

TOKENIZER = build_tokenizer()
FORMAT = ChatFormat.create(TOKENIZER, chat=S1_DELIMITERS)
QUESTION = Question.create(question="Which dial?", solution="5", answer="5", source="test")


def test_delimiters_decode_to_the_texts_of_the_reference() -> None:
    tokens = forcing_tokens(FORMAT)
    assert TOKENIZER.decode([*tokens.final_answer_start]) == "<|im_start|>answer\nFinal Answer:"
    assert TOKENIZER.decode([*tokens.answer_start]) == "<|im_start|>answer"
    assert TOKENIZER.decode([*tokens.wait]) == "Wait"
    assert TOKENIZER.decode([*tokens.newline]) == "\n"


def test_thinking_stops_at_delimiters_and_at_the_end_of_a_turn() -> None:
    stops = forcing_tokens(FORMAT).think_stops
    assert {TOKENIZER.decode([token]) for token in stops} == {"<|im_start|>", "<|im_end|>"}


def test_a_token_that_ends_in_a_newline_is_known() -> None:
    ends_in_newline = forcing_tokens(FORMAT).ends_in_newline
    [newline] = TOKENIZER.encode("\n", add_special_tokens=False)
    [word] = TOKENIZER.encode("Wait", add_special_tokens=False)
    assert ends_in_newline(newline)
    assert not ends_in_newline(word)


def make_model() -> AnsweringModel:
    model = build_model(NanoModelSpec(hidden_size=32, num_layers=1, num_heads=2), TOKENIZER, seed=0)
    return AnsweringModel(
        LocalEngine(model, batch_size=4, num_token_ids=len(TOKENIZER)), FORMAT, forcing_tokens(FORMAT)
    )


def test_samples_differ_at_a_temperature_and_repeat_with_the_seed() -> None:
    specs = forced_settings(budgets=[6], wait_counts=[], max_thinking_tokens=6, max_answer_tokens=2)
    model = make_model()
    first = model.decode([QUESTION], specs, num_samples=2, temperature=1.0, seed=0)
    assert first == model.decode([QUESTION], specs, num_samples=2, temperature=1.0, seed=0)
    assert first[0][0][0].token_ids != first[0][1][0].token_ids
    assert sample_seed(0, "q", 0) != sample_seed(1, "q", 0)


def test_direct_and_thinking_settings_are_not_mixed() -> None:
    specs = [
        direct_setting(max_answer_tokens=2),
        *forced_settings(budgets=[6], wait_counts=[], max_thinking_tokens=6, max_answer_tokens=2),
    ]
    with pytest.raises(ValueError, match="prompts differ"):
        make_model().decode([QUESTION], specs, num_samples=1, temperature=0.0, seed=0)
