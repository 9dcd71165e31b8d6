"""Delimiters as ids of a real tokenizer, and what text a forced generation shows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from s1.chat import ChatFormat
from s1.config import GenerateParams
from s1.config import LocalEngine as LocalEngineParams
from s1.engine.delimiters import forcing_tokens
from s1.engine.forced import CurveResult
from s1.engine.local import LocalEngine
from s1.engine.model import AnsweringModel, Job, load_model, sample_seed
from s1.forcing import (
    ForcingError,
    ForcingSpec,
    ForcingState,
    begin,
    direct_setting,
    num_needed,
)
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from s1.records import Question
from tests.delimiters import S1_DELIMITERS
from tests.points import curve_points

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


def test_other_texts_are_encoded_and_delimiters_in_them_refused() -> None:
    tokens = forcing_tokens(FORMAT)
    assert TOKENIZER.decode([*tokens.encode("Hmm")]) == "Hmm"
    assert tokens.encode("") == ()
    with pytest.raises(ForcingError, match=r"'Hmm<\|im_end\|>' holds a token that ends thinking"):
        tokens.encode("Hmm<|im_end|>")


def test_a_text_with_a_delimiter_is_refused_before_anything_is_decoded() -> None:
    spec = ForcingSpec(name="bad", max_thinking_tokens=6, num_waits=1, texts=("<|im_start|>",), max_answer_tokens=2)
    with pytest.raises(ForcingError, match="holds a token that ends thinking"):
        begin(spec, forcing_tokens(FORMAT), room=100)


def test_marks_of_steps_begin_with_the_token_that_opens_both_phases() -> None:
    mark = forcing_tokens(FORMAT).step_mark
    assert mark is not None
    assert TOKENIZER.decode([mark]) == "<|im_start|>"


def make_model() -> AnsweringModel:
    model = build_model(NanoModelSpec(hidden_size=32, num_layers=1, num_heads=2), TOKENIZER, seed=0)
    return AnsweringModel(
        LocalEngine(model, batch_size=4, num_token_ids=len(TOKENIZER)), FORMAT, forcing_tokens(FORMAT)
    )


def test_what_the_models_own_settings_call_an_end_stops_thinking_and_answer(tmp_path: Path) -> None:
    # Qwen2.5's generation settings name two ends of a text, its tokenizer one.
    build_model(NanoModelSpec(hidden_size=32, num_layers=1, num_heads=2), TOKENIZER, seed=0).save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    [end, other] = TOKENIZER.encode("<|im_end|> ?", add_special_tokens=False)[:2]
    settings = tmp_path / "generation_config.json"
    engine = LocalEngineParams(kind="local", dtype="float32", batch_size=1)
    for ends, expected in ((None, {end}), (end, {end}), ([end, other], {end, other})):
        settings.write_text(json.dumps({"eos_token_id": ends}))
        tokens = load_model(tmp_path, engine=engine, chat=S1_DELIMITERS).tokens
        assert tokens.answer_stops == {*expected, tokens.step_mark}
        assert tokens.think_stops == tokens.answer_stops
    settings.unlink()
    assert load_model(tmp_path, engine=engine, chat=S1_DELIMITERS).tokens.answer_stops == {end, tokens.step_mark}


SPECS = tuple(curve_points(budgets=[2, 6], wait_counts=[], max_thinking_tokens=6, max_answer_tokens=2))


def decode(model: AnsweringModel, jobs: Sequence[Job], *, seed: int = 0) -> dict[int, Sequence[ForcingState]]:
    """Final states by number of the job, in the order in which jobs ended; at temperature 1."""
    jobs = [replace(job, temperature=1.0) for job in jobs]
    done: dict[int, Sequence[ForcingState]] = {}

    def keep(job: Job, result: CurveResult) -> None:
        [number] = (number for number, known in enumerate(jobs) if known is job)
        assert number not in done
        done[number] = result.states

    model.decode(jobs, seed=seed, on_done=keep)
    assert set(done) == set(range(len(jobs)))
    return done


def test_samples_differ_at_a_temperature_and_repeat_with_the_seed() -> None:
    model = make_model()
    jobs = [Job(QUESTION, sample, SPECS) for sample in range(2)]
    first = decode(model, jobs)
    assert first == decode(model, jobs)
    assert first[0][1].token_ids != first[1][1].token_ids
    assert sample_seed(0, QUESTION.id, 0) != sample_seed(1, QUESTION.id, 0)


def test_a_sample_does_not_depend_on_the_jobs_beside_it() -> None:
    model = make_model()
    job = Job(QUESTION, 1, SPECS)
    other = Question.create(question="Which lamp?", solution="4", source="test")
    together = decode(model, [Job(other, 0, SPECS), Job(QUESTION, 0, SPECS), job])
    assert together[2] == decode(model, [job])[0]


def test_each_job_hands_over_its_settings_in_order_as_it_ends() -> None:
    direct = (direct_setting(max_answer_tokens=2),)
    done = decode(make_model(), [Job(QUESTION, 0, SPECS), Job(QUESTION, 0, direct)])
    assert [[state.spec.name for state in states] for states in done.values()] == [["direct"], ["max-2", "max-6"]]


def test_a_control_is_a_sentence_behind_the_question() -> None:
    ids = make_model().prompt_ids(QUESTION, mode="thinking", control="Think for up to 8 tokens.")
    assert "Which dial?\nThink for up to 8 tokens.<|im_end|>" in TOKENIZER.decode(ids)
    jobs = [Job(QUESTION, 0, SPECS, control="Think for up to 8 tokens."), Job(QUESTION, 0, SPECS)]
    done = decode(make_model(), jobs)
    assert done[0][1].token_ids != done[1][1].token_ids


def test_direct_and_thinking_settings_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="prompts differ"):
        decode(make_model(), [Job(QUESTION, 0, (direct_setting(max_answer_tokens=2), *SPECS))])


def test_auto_leaves_room_for_the_longest_prompt_and_the_answer() -> None:
    model = make_model()
    params = GenerateParams.model_validate(
        {
            "engine": {"kind": "local", "dtype": "float32", "batch_size": 4},
            "benchmarks": ["test"],
            "budgets": [2],
            "wait_counts": [1],
            "max_thinking_tokens": "auto",
            "max_answer_tokens": 2,
            "temperature": 0.0,
            "num_samples": 1,
        }
    )
    long = Question.create(question="Which dial? " * 20, solution="5", source="test")
    [_, wait] = model.settings(params, model.prompt_lengths([QUESTION, long]))
    assert wait.max_thinking_tokens is not None
    needed = len(model.prompt_ids(long, mode="thinking")) + num_needed(wait, model.tokens)
    assert needed == model.engine.max_context
    over = params.model_copy(update={"max_thinking_tokens": model.engine.max_context})
    with pytest.raises(ForcingError, match="'wait-1' needs .* over the model's context"):
        model.settings(over, model.prompt_lengths([QUESTION]))
