"""The local engine against plain decoding of the same model, token for token in float64."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from s1.engine.local import LocalEngine, load_engine
from s1.engine.protocol import Completion, Request
from tests.engine.tiny import MAX_CONTEXT, VOCAB_SIZE, build_tiny_model, decode_plainly, plain_logits

MODEL = build_tiny_model()


def requests(num: int, *, temperature: float = 0.0, longest: int = 30) -> list[Request]:
    rng = np.random.default_rng(0)
    return [
        Request(
            group=f"q{index}",
            prompt_ids=tuple(rng.integers(4, VOCAB_SIZE, size=rng.integers(1, longest)).tolist()),
            min_new_tokens=index % 3,
            max_new_tokens=int(rng.integers(3, 40)),
            stop_ids=frozenset({1, 2}) if index % 2 else frozenset({3}),
            temperature=temperature,
            seed=index,
        )
        for index in range(num)
    ]


def decode(engine: LocalEngine, wanted: Sequence[Request]) -> dict[Request, Completion]:
    done: dict[Request, Completion] = {}

    def take(completion: Completion) -> list[Request]:
        assert completion.request not in done
        done[completion.request] = completion
        return []

    engine.generate(wanted, on_finish=take)
    return done


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_greedy_decoding_is_plain_decoding_whatever_the_batch(batch_size: int) -> None:
    wanted = requests(12)
    done = decode(LocalEngine(MODEL, batch_size=batch_size), wanted)
    plain = {request: decode_plainly(MODEL, request) for request in wanted}
    assert done == plain
    assert {completion.finish for completion in plain.values()} == {"stop", "length"}


def test_the_probability_of_a_stop_is_the_models_where_it_was_sampled() -> None:
    wanted = [replace(request, wants_stop_probability=True) for request in requests(12)]
    done = decode(LocalEngine(MODEL, batch_size=5), wanted)
    for request in wanted:
        plain, ours = decode_plainly(MODEL, request), done[request]
        assert (ours.stop_id, ours.token_ids) == (plain.stop_id, plain.token_ids)
        assert (ours.stop_probability is None) == (ours.finish == "length")
        if plain.stop_probability is not None:
            assert ours.stop_probability == pytest.approx(plain.stop_probability, rel=1e-9)


def test_the_probability_of_a_stop_is_taken_at_temperature_one() -> None:
    hot = [replace(request, wants_stop_probability=True, temperature=3.0) for request in requests(12)]
    done = decode(LocalEngine(MODEL, batch_size=5), hot)
    stopped = [completion for completion in done.values() if completion.finish == "stop"]
    assert stopped
    for completion in stopped:
        token_ids = completion.request.prompt_ids + completion.token_ids
        chances = torch.softmax(plain_logits(MODEL, token_ids), -1)
        expected = float(chances[sorted(completion.request.stop_ids)].sum())
        assert completion.stop_probability == pytest.approx(expected, rel=1e-9)


def test_follow_ups_reuse_beginnings_and_change_nothing() -> None:
    seeds = requests(5)
    done: list[Completion] = []

    def take(completion: Completion) -> list[Request]:
        done.append(completion)
        request = completion.request
        text = request.prompt_ids + completion.token_ids
        if len(done) > 12:
            return []
        # One follow-up goes on behind all tokens, one forks from the middle.
        middle = len(request.prompt_ids) + len(completion.token_ids) // 2
        return [
            replace(request, prompt_ids=(*text, 5, 6), max_new_tokens=12),
            replace(request, prompt_ids=(*text[:middle], 11), max_new_tokens=4),
        ]

    LocalEngine(MODEL, batch_size=3).generate(seeds, on_finish=take)
    assert len(done) > 20
    assert done == [decode_plainly(MODEL, completion.request) for completion in done]


def test_sampling_depends_on_the_seed_and_not_on_the_batch() -> None:
    wanted = requests(10, temperature=1.5)
    alone = decode(LocalEngine(MODEL, batch_size=1), wanted)
    assert decode(LocalEngine(MODEL, batch_size=4), list(reversed(wanted))) == alone
    reseeded = [replace(request, seed=request.seed + 100) for request in wanted]
    others = decode(LocalEngine(MODEL, batch_size=4), reseeded)
    assert [others[request].token_ids for request in reseeded] != [alone[request].token_ids for request in wanted]


def test_a_longer_sample_begins_like_a_shorter_one() -> None:
    [long] = decode(LocalEngine(MODEL, batch_size=1), [sample(0, max_new_tokens=20)]).values()
    [short] = decode(LocalEngine(MODEL, batch_size=1), [sample(0, max_new_tokens=7)]).values()
    assert long.token_ids[:7] == short.token_ids


def sample(seed: int, *, max_new_tokens: int) -> Request:
    return Request(
        group=str(seed),
        prompt_ids=(4, 5),
        max_new_tokens=max_new_tokens,
        stop_ids=frozenset(),
        temperature=1.0,
        seed=seed,
    )


def test_sampled_frequencies_are_the_models_probabilities() -> None:
    done = decode(LocalEngine(MODEL, batch_size=500), [sample(seed, max_new_tokens=1) for seed in range(2000)])
    counts = np.bincount([completion.token_ids[0] for completion in done.values()], minlength=VOCAB_SIZE)
    with torch.inference_mode():
        expected = 2000 * torch.softmax(MODEL(input_ids=torch.tensor([[4, 5]])).logits[0, -1], -1).numpy()
    assert np.all(np.abs(counts - expected) <= 4.5 * np.sqrt(expected) + 1)


def test_ids_that_the_tokenizer_lacks_are_never_sampled() -> None:
    hot = [replace(request, temperature=50.0) for request in requests(20)]
    done = decode(LocalEngine(MODEL, batch_size=20, num_token_ids=6), hot)
    assert max(token for completion in done.values() for token in completion.token_ids) == 5


def test_a_request_over_the_context_is_not_decoded() -> None:
    fits = Request(group="a", prompt_ids=(4,) * (MAX_CONTEXT - 1), max_new_tokens=1, stop_ids=frozenset())
    over = Request(group="b", prompt_ids=(4,) * MAX_CONTEXT, max_new_tokens=1, stop_ids=frozenset())
    done = decode(LocalEngine(MODEL, batch_size=2), [fits, over])
    assert done[fits].finish == "length"
    assert (done[over].finish, done[over].token_ids) == ("context", ())


def test_a_saved_model_decodes_like_the_one_in_memory(tmp_path: Path) -> None:
    MODEL.save_pretrained(tmp_path)
    wanted = requests(4)
    loaded = load_engine(tmp_path, dtype="float64", batch_size=2)
    assert loaded.max_context == MAX_CONTEXT
    assert decode(loaded, wanted) == decode(LocalEngine(MODEL, batch_size=2), wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"prompt_ids": ()}, "empty prompt"), ({"max_new_tokens": 0}, "at least 1"), ({"seed": -1}, "negative")],
)
def test_impossible_requests_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(requests(1)[0], **change)  # type: ignore[arg-type]
