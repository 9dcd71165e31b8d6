"""A language model as classifier, behind a real HTTP server."""

import json
from pathlib import Path
from typing import Any

import pytest

from s1.classification.llm import ClassifierError, LlmClassifier, parse_code
from s1.classification.taxonomy import DOMAINS
from s1.teacher.archive import Archive
from tests.chat_server import Answer, ChatServer, completion, serving


def by_wording(sent: dict[str, Any]) -> tuple[int, object]:
    question = sent["messages"][-1]["content"]
    return 200, completion('{"code": "51"}' if "triangle" in question else '{"code": "05"}')


def make(server: ChatServer | None, folder: Path) -> LlmClassifier:
    environment = server.environment("CLASSIFIER") if server else {}
    return LlmClassifier("m", archive=Archive(folder), environment=environment, pauses=(0.0, 0.0))


def classify(texts: list[str], answer: Answer, folder: Path) -> list[tuple[str, str, str]]:
    with serving(answer) as server:
        found = make(server, folder).classify(texts)
    return [(verdict.domain, verdict.state, verdict.detail) for verdict in found.verdicts]


def test_the_domain_is_the_code_that_the_model_names(tmp_path: Path) -> None:
    found = classify(["A triangle?", "How many ways?", "A triangle?"], by_wording, tmp_path)
    assert [domain for domain, _, _ in found] == ["51 Geometry", "05 Combinatorics", "51 Geometry"]


def test_the_request_holds_all_codes_a_schema_of_them_and_the_question_by_itself(tmp_path: Path) -> None:
    with serving(by_wording) as server:
        make(server, tmp_path).classify(["A triangle?"])
        (sent,) = server.requests
    system, user = sent["messages"]
    assert (system["role"], user) == ("system", {"role": "user", "content": "A triangle?"})
    assert all(f"{domain.name}: {domain.description}" in system["content"] for domain in DOMAINS.values())
    schema = sent["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["code"]["enum"] == [*DOMAINS]
    assert (sent["model"], sent["temperature"]) == ("m", 0)
    assert server.keys == ["Bearer sk-test-12345"]


def test_no_question_is_paid_for_twice_and_its_tokens_are_counted_all_the_same(tmp_path: Path) -> None:
    with serving(by_wording) as server:
        first = make(server, tmp_path).classify(["A triangle?", "How many ways?", "A triangle?"])
        assert len(server.requests) == 2
    again = make(None, tmp_path).classify(["A triangle?", "How many ways?", "A triangle?"])
    assert again == first
    assert (first.prompt_tokens, first.output_tokens) == (180, 14)


@pytest.mark.parametrize(
    ("reply", "finish_reason", "state", "detail"),
    [
        ("I cannot decide.", "stop", "no_code", "I cannot decide."),
        ('{"code": "04"}', "stop", "no_code", '{"code": "04"}'),
        ('{"code": "5', "length", "truncated", '{"code": "5'),
        (None, "stop", "empty", ""),
    ],
)
def test_a_reply_that_is_no_code_is_unknown_and_says_why(
    reply: str | None, finish_reason: str, state: str, detail: str, tmp_path: Path
) -> None:
    answer = 200, completion(reply, finish_reason=finish_reason)
    assert classify(["q"], lambda _: answer, tmp_path) == [("unknown", state, detail)]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ('{"code": "51"}', "51"),
        ('{"code": 5}', "05"),
        ('```json\n{"code": "51"}\n```', "51"),
        ("51", "51"),
        (" **05** ", "05"),
        ('"05"', "05"),
        ("51 or 52", None),
        ('{"class": "51"}', None),
        ('{"code": true}', None),
        ("false", None),
        ('["51"]', None),
        ("", None),
    ],
)
def test_a_code_is_read_from_json_or_by_itself(reply: str, code: str | None) -> None:
    assert parse_code(reply) == code


def test_failures_in_passing_are_tried_again(tmp_path: Path) -> None:
    statuses = iter([429, 503])

    def busy_twice(sent: dict[str, Any]) -> tuple[int, object]:
        status = next(statuses, 200)
        return by_wording(sent) if status == 200 else (status, {})

    assert classify(["A triangle?"], busy_twice, tmp_path)[0][0] == "51 Geometry"


def test_what_was_answered_before_a_failure_is_kept(tmp_path: Path) -> None:
    def refuse_ways(sent: dict[str, Any]) -> tuple[int, object]:
        return (400, {"error": "no"}) if "ways" in json.dumps(sent["messages"][-1]) else by_wording(sent)

    with serving(refuse_ways) as server, pytest.raises(ClassifierError, match=r"HTTP 400.*S1_CLASSIFIER_URL.*kept"):
        make(server, tmp_path).classify(["A triangle?", "How many ways?"])
    assert Archive(tmp_path).count() == 1


def test_without_an_address_the_message_names_the_variables_and_the_way_without(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match=r"S1_CLASSIFIER_URL .*S1_CLASSIFIER_API_KEY.*\{kind: local\}"):
        make(None, tmp_path).classify(["q"])


def test_another_model_or_another_table_is_another_question(tmp_path: Path) -> None:
    with serving(by_wording) as server:
        make(server, tmp_path).classify(["A triangle?"])
        environment = server.environment("CLASSIFIER")
        LlmClassifier("other", archive=Archive(tmp_path), environment=environment).classify(["A triangle?"])
        assert [sent["model"] for sent in server.requests] == ["m", "other"]
