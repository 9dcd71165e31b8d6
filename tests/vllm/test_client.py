"""The vLLM client over real sockets: nothing waits for a batch, and servers may fail, die and come back."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from s1.engine.protocol import Completion, Request
from s1.engine.vllm import VllmClient
from s1.engine.vllm_pool import VllmError
from s1.engine.vllm_wire import is_served_as
from tests.vllm.fake_server import MODEL, FakeVllm, next_token


def ask(*prompt: int, group: str = "q", max_new: int = 6, min_new: int = 0, stops: Sequence[int] = (3,)) -> Request:
    return Request(
        group=group, prompt_ids=prompt, max_new_tokens=max_new, min_new_tokens=min_new, stop_ids=frozenset(stops)
    )


def expected(request: Request, *, num_ids: int = 20) -> tuple[tuple[int, ...], str]:
    """What the model says, greedily, computed here."""
    sequence: list[int] = list(request.prompt_ids)
    sampled: list[int] = []
    while len(sampled) < request.max_new_tokens:
        token = next_token(sequence, num_ids)
        while token in request.stop_ids and len(sampled) < request.min_new_tokens:
            token = (token + 1) % num_ids
        if token in request.stop_ids:
            return tuple(sampled), "stop"
        sampled.append(token)
        sequence.append(token)
    return tuple(sampled), "length"


def decode(
    client: VllmClient, requests: Sequence[Request], *, then: Callable[[Completion], Sequence[Request]] | None = None
) -> list[Completion]:
    completions: list[Completion] = []

    def take(completion: Completion) -> Sequence[Request]:
        completions.append(completion)
        return then(completion) if then is not None else []

    client.generate(requests, on_finish=take)
    return completions


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s1.engine.vllm._FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("s1.engine.vllm_pool._POLL_SECONDS", 0.02)


def client_of(*servers: FakeVllm, num_token_ids: int | None = None, patience: float = 0.3) -> VllmClient:
    urls = [server.url for server in servers]
    return VllmClient(urls, model_name=MODEL, num_token_ids=num_token_ids, patience_seconds=patience)


def test_ids_go_in_and_come_out_and_every_default_of_the_server_is_overruled() -> None:
    request = ask(4, 9, min_new=2, stops=(3, 11))
    with FakeVllm() as server:
        [completion] = decode(client_of(server), [request])
    assert (completion.token_ids, completion.finish) == expected(request)
    [body] = server.bodies
    assert body == {
        "model": MODEL,
        "prompt": [4, 9],
        "max_tokens": 6,
        "min_tokens": 2,
        "stop_token_ids": [3, 11],
        "temperature": 0.0,
        "seed": None,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "ignore_eos": True,
        "add_special_tokens": False,
        "skip_special_tokens": False,
        "return_token_ids": True,
    }


def test_stops_lengths_and_follow_ups_are_as_the_model_says() -> None:
    requests = [ask(number, number + 1, group=str(number), max_new=9) for number in range(40)]

    def go_on(completion: Completion) -> list[Request]:
        if len(completion.request.prompt_ids) > 20 or not completion.token_ids:
            return []
        return [replace(completion.request, prompt_ids=(*completion.request.prompt_ids, *completion.token_ids))]

    with FakeVllm() as server:
        client = client_of(server)
        completions = decode(client, requests, then=go_on)
    assert len(completions) > 80
    assert {completion.finish for completion in completions} == {"stop", "length"}
    for completion in completions:
        assert (completion.token_ids, completion.finish) == expected(completion.request)
        assert completion.stop_id == (3 if completion.finish == "stop" else None)
    assert client.counts.num_requests == len(completions)
    assert client.counts.num_decoded_tokens == sum(
        len(completion.token_ids) + (completion.finish == "stop") for completion in completions
    )


def test_a_request_that_does_not_fit_the_context_is_never_sent() -> None:
    with FakeVllm(max_model_len=10) as server:
        fits, too_long = ask(1, 2, 3, max_new=7), ask(1, 2, 3, max_new=8)
        completions = decode(client_of(server), [fits, too_long])
    assert {(completion.request, completion.finish == "context") for completion in completions} == {
        (fits, False),
        (too_long, True),
    }
    assert len(server.bodies) == 1


def test_no_request_waits_for_the_others() -> None:
    order: list[str] = []

    def note(completion: Completion) -> list[Request]:
        order.append(completion.request.group)
        if completion.request.group == "short" and order.count("short") < 5:
            return [replace(completion.request, prompt_ids=(*completion.request.prompt_ids, 5))]
        if order.count("short") == 5:
            slow.hangs.clear()  # long before the watcher would give it up
        return []

    with FakeVllm() as slow, FakeVllm() as quick:
        slow.hangs.set()
        # Groups go to the server with the fewest: the first to the one that hangs, the second to the other.
        decode(client_of(slow, quick), [ask(1, group="long"), ask(2, group="short")], then=note)
    assert order == ["short"] * 5 + ["long"]


def test_groups_are_spread_and_stay_where_their_prefix_is_cached() -> None:
    def go_on(completion: Completion) -> list[Request]:
        prompt = completion.request.prompt_ids
        return [replace(completion.request, prompt_ids=(*prompt, 7))] if len(prompt) < 4 else []

    with FakeVllm() as first, FakeVllm() as second:
        decode(client_of(first, second), [ask(number, group=str(number)) for number in range(10)], then=go_on)
        groups = [{body["prompt"][0] for body in server.bodies} for server in (first, second)]
    assert [len(group) for group in groups] == [5, 5]
    assert not groups[0] & groups[1]
    assert (len(first.bodies), len(second.bodies)) == (20, 20)


def test_follow_ups_go_before_new_requests() -> None:
    def go_on(completion: Completion) -> list[Request]:
        prompt = completion.request.prompt_ids
        return [replace(completion.request, prompt_ids=(*prompt, 7))] if len(prompt) < 3 else []

    with FakeVllm() as server:
        client = VllmClient([server.url], model_name=MODEL, max_concurrent=1)
        decode(client, [ask(number, group=str(number)) for number in range(3)], then=go_on)
    assert [body["prompt"][0] for body in server.bodies] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert server.most_active == 1


@pytest.mark.parametrize(
    "fault", [500, 503, 429, None, b"{}", b"not json", b'{"choices": [{"finish_reason": "abort"}]}']
)
def test_what_passes_is_tried_again(fault: int | bytes | None) -> None:
    request = ask(1)
    with FakeVllm() as server:
        server.faults.extend([fault, fault])
        client = client_of(server)
        [completion] = decode(client, [request])
    assert (completion.token_ids, completion.finish) == expected(request)
    assert client.counts.num_retries == 2


def test_a_request_that_the_server_refuses_fails_alone_and_says_why() -> None:
    with FakeVllm() as server:
        server.faults.append(400)
        client = VllmClient([server.url], model_name=MODEL, max_concurrent=1)
        refused, fine = decode(client, [ask(1, group="a"), ask(2, group="b")])
    assert (refused.finish, refused.token_ids, fine.finish) == ("error", (), expected(ask(2))[1])
    assert refused.error is not None
    assert "HTTP 400: as asked for" in refused.error


def test_a_request_that_always_fails_is_given_up() -> None:
    with FakeVllm() as server:
        server.faults.extend([500] * 6)
        [completion] = decode(client_of(server), [ask(1)])
    assert completion.finish == "error"
    assert completion.error == "6 tries failed, the last one with: HTTP 500: as asked for"


def test_the_requests_of_a_dead_server_go_to_the_others() -> None:
    requests = [ask(number, group=str(number)) for number in range(30)]
    with FakeVllm(delay=0.02) as first, FakeVllm(delay=0.02) as second:

        def kill_one(completion: Completion) -> list[Request]:
            if len(first.bodies) > 2:
                first.kill()
            return []

        # Two at a time on each server: most requests are still to come when one dies.
        client = VllmClient([first.url, second.url], model_name=MODEL, max_concurrent=2, patience_seconds=0.3)
        completions = decode(client, requests, then=kill_one)
    assert len(completions) == 30
    assert len(second.bodies) > 15  # half were its own
    for completion in completions:
        assert (completion.token_ids, completion.finish) == expected(completion.request)


def test_a_server_that_hangs_loses_its_requests_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s1.engine.vllm_pool._WATCH_SECONDS", 0.05)
    monkeypatch.setattr("s1.engine.vllm_pool._HEALTH_SECONDS", 0.3)
    with FakeVllm() as first, FakeVllm() as second:
        first.hangs.set()
        requests = [ask(number, group=str(number)) for number in range(6)]
        completions = decode(client_of(first, second), requests)
        first.hangs.clear()
    assert len(second.bodies) == 6
    assert all((row.token_ids, row.finish) == expected(row.request) for row in completions)


def test_a_server_that_comes_back_in_time_is_used_again() -> None:
    request = ask(1)
    server = FakeVllm()
    with server:
        client = client_of(server, patience=20.0)
    back = FakeVllm(port=server.port)

    def return_later() -> None:
        time.sleep(0.3)
        back.__enter__()

    thread = threading.Thread(target=return_later)
    thread.start()
    try:
        [completion] = decode(client, [request])
    finally:
        thread.join()
        back.kill()
    assert (completion.token_ids, completion.finish) == expected(request)


def test_when_all_servers_are_gone_what_ended_is_kept_and_the_error_names_them() -> None:
    kept: list[Completion] = []
    with FakeVllm() as server:
        client = VllmClient([server.url], model_name=MODEL, max_concurrent=1, patience_seconds=0.1)

        def keep(completion: Completion) -> list[Request]:
            kept.append(completion)
            if len(kept) == 3:
                server.kill()
            return []

        with pytest.raises(VllmError) as error:
            client.generate([ask(number, group=str(number)) for number in range(5)], on_finish=keep)
    assert [completion.request.group for completion in kept] == ["0", "1", "2"]
    assert server.url in str(error.value)
    assert "run again to go on" in str(error.value)


def test_what_the_caller_raises_ends_the_call_at_once() -> None:
    def fail(completion: Completion) -> list[Request]:
        raise OSError("disk full")

    with FakeVllm(delay=0.01) as server, pytest.raises(OSError, match="disk full"):
        client_of(server).generate([ask(number, group=str(number)) for number in range(50)], on_finish=fail)


def test_ids_that_the_tokenizer_does_not_have_are_never_returned() -> None:
    requests = [ask(number, group=str(number), max_new=12, min_new=2) for number in range(20)]
    with FakeVllm(num_ids=20) as server:
        client = client_of(server, num_token_ids=15)
        completions = decode(client, requests)
    assert client.counts.num_unknown_ids > 0
    for completion in completions:
        sequence = list(completion.request.prompt_ids)
        for position, token in enumerate(completion.token_ids):
            likeliest = next_token(sequence, 20)
            is_free = likeliest < 15 and (likeliest != 3 or position >= 2)
            assert token < 15
            assert token == likeliest or not is_free
            sequence.append(token)
        assert len(completion.token_ids) == 12 or completion.finish == "stop"
    masked = [body for body in server.bodies if "allowed_token_ids" in body]
    assert all(body["allowed_token_ids"] == list(range(15)) for body in masked)
    assert len(masked) == client.counts.num_unknown_ids


def test_a_stop_beyond_the_vocabulary_is_not_sent() -> None:
    with FakeVllm() as server:
        decode(client_of(server, num_token_ids=15), [ask(1, stops=(3, 19))])
    assert server.bodies[0]["stop_token_ids"] == [3]


def test_the_probability_of_a_stop_is_asked_for_where_one_was_sampled() -> None:
    requests = [
        replace(ask(number, group=str(number), stops=(3, 4)), wants_stop_probability=True) for number in range(9)
    ]
    with FakeVllm() as server:
        completions = decode(client_of(server), requests)
    stopped = [completion for completion in completions if completion.finish == "stop"]
    assert 0 < len(stopped) < len(completions)
    for completion in completions:
        probability = completion.stop_probability
        assert probability == (pytest.approx(2 * math.exp(-2)) if completion in stopped else None)
    questions = [body for body in server.bodies if "logprob_token_ids" in body]
    assert sorted(body["prompt"] for body in questions) == sorted(
        [*completion.request.prompt_ids, *completion.token_ids] for completion in stopped
    )


def test_draws_depend_on_the_seed_and_the_place_and_on_nothing_else() -> None:
    warm = [replace(ask(*prompt), temperature=0.7, seed=seed) for prompt, seed in (((1, 2), 5), ((1, 2), 6), ((1,), 5))]
    with FakeVllm() as server:
        client = client_of(server)
        decode(client, [*warm, replace(warm[0], group="other", max_new_tokens=3)])
    seeds: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for body in server.bodies:
        seeds.setdefault((tuple(body["prompt"]), body["max_tokens"]), []).append(body["seed"])
    assert len({seed for found in seeds.values() for seed in found}) == 3
    assert seeds[(1, 2), 3][0] in seeds[(1, 2), 6]
    assert all(0 <= seed < 2**63 for found in seeds.values() for seed in found)


def test_servers_of_another_model_are_left_out_and_named_when_none_is_left() -> None:
    with FakeVllm() as right, FakeVllm(model="/models/base/large") as wrong:
        client = client_of(wrong, right)
        decode(client, [ask(1, group="a"), ask(2, group="b")])
        assert (len(right.bodies), len(wrong.bodies)) == (2, 0)
        with pytest.raises(VllmError) as error:
            VllmClient([wrong.url, "http://127.0.0.1:9"], model_name=MODEL)
    assert f"{wrong.url} serves /models/base/large" in str(error.value)
    assert "http://127.0.0.1:9: ConnectError" in str(error.value)
    assert f"--model {MODEL}" in str(error.value)


@pytest.mark.parametrize(
    ("folder", "name", "is_it"),
    [
        ("/a/models/train/tuned", "/a/models/train/tuned", True),
        ("/a/models/train/tuned", "models/train/tuned", True),
        ("/a/models/train/tuned", "tuned", False),
        ("/a/models/train/tuned", "/b/models/train/tuned", False),
        ("/c/models--Qwen--Qwen2.5-7B/snapshots/1f", "Qwen/Qwen2.5-7B", True),
        ("/c/models--Qwen--Qwen2.5-7B/snapshots/1f", "Qwen/Qwen2.5-32B", False),
    ],
)
def test_a_folder_may_be_served_under_its_path_its_end_or_its_name_on_the_hub(
    folder: str, name: str, is_it: bool
) -> None:
    assert is_served_as(folder, name) == is_it


def test_the_shortest_context_holds() -> None:
    with FakeVllm(max_model_len=64) as first, FakeVllm(max_model_len=32) as second:
        urls = [first.url, second.url]
        assert VllmClient(urls, model_name=MODEL).max_context == 32
        assert VllmClient(urls, model_name=MODEL, max_context=16).max_context == 16
        assert VllmClient(urls, model_name=MODEL).versions == ["0.32.0"]
