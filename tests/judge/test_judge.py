"""The judge behind a real HTTP server: what is asked, kept, tried again, and how replies are read."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from s1.judge.opinions import JudgeItem, agreement_table, judge_answers, parse_verdict
from s1.judge.server import JudgeError
from s1.teacher.archive import Archive
from tests.chat_server import Answer, ChatServer, completion, serving


def yes_where_42(sent: dict[str, Any]) -> tuple[int, object]:
    attempt = sent["messages"][0]["content"].split("## Attempt")[1]
    return 200, completion("They agree. Yes" if "42" in attempt else "They differ. No.")


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], ChatServer]]:
    with ExitStack() as servers:
        yield lambda answer: servers.enter_context(serving(answer))


def item(attempt: str, *, symbolic: bool | None = True) -> JudgeItem:
    return JudgeItem(question="6 times 7?", reference="42", attempt=attempt, symbolic=symbolic)


def judge(items: list[JudgeItem], server: ChatServer, folder: Path) -> list[bool | None]:
    opinions = judge_answers(
        items, model="m", archive=Archive(folder), environment=server.environment("JUDGE"), pauses=(0.0, 0.0)
    )
    return [opinion.agrees for opinion in opinions]


def test_the_judge_sees_question_reference_and_attempt(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    server = serve(yes_where_42)
    assert judge([item("It is 42."), item("It is 41.")], server, tmp_path) == [True, False]
    prompt = server.requests[0]["messages"][0]["content"]
    assert all(part in prompt for part in ("6 times 7?", "## Reference answer\n42", "It is 42."))
    assert (server.requests[0]["model"], server.requests[0]["temperature"]) == ("m", 0)
    assert (server.keys[0], server.paths[0]) == ("Bearer sk-test-12345", "/v1/chat/completions")


def test_no_opinion_is_paid_for_twice(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    server = serve(yes_where_42)
    items = [item("It is 42."), item("It is 41."), item("It is 42.")]
    assert judge(items, server, tmp_path) == [True, False, True]
    assert len(server.requests) == 2
    opinions = judge_answers(items, model="m", archive=Archive(tmp_path), environment={})
    assert [(opinion.agrees, opinion.is_new) for opinion in opinions] == [(True, False), (False, False), (True, False)]
    assert opinions[0].usage.prompt_tokens == 90


def test_what_was_answered_before_a_failure_is_kept(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    def fail_at_41(sent: dict[str, Any]) -> tuple[int, object]:
        return (400, {"error": "no"}) if "It is 41" in sent["messages"][0]["content"] else yes_where_42(sent)

    items = [item("It is 42."), item("It is 41.")]
    with pytest.raises(JudgeError, match=r"HTTP 400.*S1_JUDGE_URL.*kept"):
        judge(items, serve(fail_at_41), tmp_path)
    server = serve(yes_where_42)
    assert judge(items, server, tmp_path) == [True, False]
    assert len(server.requests) == 1


def test_failures_in_passing_are_tried_again(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    statuses = iter([429, 503])

    def busy_twice(sent: dict[str, Any]) -> tuple[int, object]:
        status = next(statuses, 200)
        return yes_where_42(sent) if status == 200 else (status, {})

    server = serve(busy_twice)
    assert judge([item("42")], server, tmp_path) == [True]
    assert len(server.requests) == 3


def test_a_server_that_stays_down_is_named_and_its_key_is_not(
    serve: Callable[[Answer], ChatServer], tmp_path: Path
) -> None:
    server = serve(lambda _: (503, {"error": "loading"}))
    with pytest.raises(JudgeError, match=r"127\.0\.0\.1.*HTTP 503") as caught:
        judge([item("42")], server, tmp_path)
    assert "sk-test" not in str(caught.value)
    assert len(server.requests) == 3


def test_without_an_address_the_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"S1_JUDGE_URL .*S1_JUDGE_API_KEY.*leave score\.judge empty"):
        judge_answers([item("42")], model="m", archive=Archive(tmp_path), environment={})


def test_what_is_no_chat_completion_is_refused(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="something else than a chat completion.*ends before /chat/completions"):
        judge([item("42")], serve(lambda _: (200, {"hello": 1})), tmp_path)


def test_an_empty_reply_is_unclear_and_kept(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    server = serve(lambda _: (200, completion(None, finish_reason="length")))
    assert judge([item("42")], server, tmp_path) == [None]
    assert judge([item("42")], server, tmp_path) == [None]
    assert len(server.requests) == 1


def test_a_cut_reply_is_unclear_whatever_it_ends_on(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    server = serve(lambda _: (200, completion("The reference has no", finish_reason="length")))
    assert judge([item("42")], server, tmp_path) == [None]


def test_many_items_are_asked_side_by_side_and_stay_in_order(
    serve: Callable[[Answer], ChatServer], tmp_path: Path
) -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(sent: dict[str, Any]) -> tuple[int, object]:
        if sent["messages"][0]["content"].split("## Attempt\n")[1].startswith(("It is 1.", "It is 2.")):
            both.wait()  # each is answered only while the other is under way
        return yes_where_42(sent)

    items = [item(f"It is {number}.") for number in range(60)]
    assert judge(items, serve(meet), tmp_path) == [number == 42 for number in range(60)]
    assert Archive(tmp_path).count() == 60


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Yes", True),
        ("No.", False),
        ("**NO**", False),
        ("No, wait: they are equal. Yes", True),
        ("<think>Yes? No?</think> They differ. no", False),
        ("<think>Yes", None),
        ("None of them; I cannot know.", None),
        ("No solution is given, so I cannot tell.", None),
        ("Yes, if one overlooks the sign they agree", None),
        ("They agree: __Yes__.", True),
        ("", None),
    ],
)
def test_yes_or_no_as_the_last_word_is_the_verdict(reply: str, verdict: bool | None) -> None:
    assert parse_verdict(reply) is verdict


def test_the_table_counts_both_graders(serve: Callable[[Answer], ChatServer], tmp_path: Path) -> None:
    items = [item("42"), item("41"), item("It is 42", symbolic=False), item("It is 40", symbolic=None)]
    server = serve(yes_where_42)
    opinions = judge_answers(items, model="m", archive=Archive(tmp_path), environment=server.environment("JUDGE"))
    assert agreement_table(items, opinions) == {
        "right": {"yes": 1, "no": 1, "unclear": 0},
        "wrong": {"yes": 1, "no": 0, "unclear": 0},
        "cannot_tell": {"yes": 0, "no": 1, "unclear": 0},
    }
