"""Secrets of the environment are taken out of texts, exceptions and log records; everything else stays as it is."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.failures import explain, log_traceback
from infra.redaction import RedactedError, redact, redact_error, redact_logging, redacting

KEY = "AIza-p1anted/k3y+for=tests"
NAMES = [
    "GEMINI_API_KEY",
    "OPENAI_APIKEY",
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "S1_PASSWORD",
    "prefect_api_auth_string",
]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return KEY


@pytest.mark.parametrize("name", NAMES)
def test_the_value_of_a_variable_that_is_named_like_a_secret_is_hidden(name: str) -> None:
    assert redact(f"asked with {KEY}, twice: {KEY}", {name: KEY}) == "asked with ***, twice: ***"


@pytest.mark.parametrize(
    "name", ["HOME", "TOKENIZERS_PARALLELISM", "HF_TOKEN_PATH", "SSH_AUTH_SOCK", "PWD", "KEYBOARD"]
)
def test_the_value_of_any_other_variable_stays(name: str) -> None:
    assert redact("in /home/ada/work", {name: "/home/ada/work"}) == "in /home/ada/work"


def test_a_secret_is_hidden_as_it_stands_in_addresses_and_json_too() -> None:
    environment = {"API_KEY": 'sl/ash+"quote"'}
    assert redact("/v1?key=sl%2Fash%2B%22quote%22", environment) == "/v1?key=***"
    assert redact('{"key": "sl/ash+\\"quote\\""}', environment) == '{"key": "***"}'


def test_the_password_of_an_address_is_hidden_and_the_rest_of_it_stays() -> None:
    environment = {"S1_POSTGRES_URL": "postgresql://ada:staple%40gun@db:5432/s1"}
    told = "cannot reach postgresql://ada:staple%40gun@db:5432/s1 with password 'staple@gun'"
    assert redact(told, environment) == "cannot reach postgresql://ada:***@db:5432/s1 with password '***'"


def test_a_secret_within_a_longer_one_leaves_nothing_of_it() -> None:
    environment = {"S1_PASSWORD": "correct-horse", "PREFECT_API_AUTH_STRING": "ada:correct-horse"}
    assert redact("as ada:correct-horse", environment) == "as ***"


def test_short_values_are_left_alone() -> None:
    assert redact("step 1 of 7", {"API_KEY": "1", "TOKEN": "of"}) == "step 1 of 7"


def test_an_innocent_exception_stays_itself(key: str) -> None:
    error = ValueError("toy 7 is too small")
    assert redact_error(error) is error
    with pytest.raises(ValueError, match="toy 7") as raised, redacting():
        raise error
    assert raised.value is error


def test_an_exception_whose_text_or_cause_holds_a_secret_is_replaced(key: str) -> None:
    with pytest.raises(RedactedError, match=r"^RuntimeError: no answer from /v1\?key=\*\*\*$") as direct, redacting():
        raise RuntimeError(f"no answer from /v1?key={key}")
    with pytest.raises(RedactedError, match="^ValueError: no answer$") as caused, redacting():
        raise ValueError("no answer") from OSError(f"refused {key}")
    for raised in (direct, caused):
        assert key not in "".join(traceback.format_exception(raised.value))


def test_messages_and_tracebacks_for_users_hold_no_secret(key: str, tmp_path: Path) -> None:
    error = RuntimeError(f"no answer from /v1?key={key}")
    assert explain(error).message == "RuntimeError: no answer from /v1?key=***"
    assert explain(ValueError(f"{key} is no number")).message == "*** is no number"
    path = log_traceback(error, "stage", folder=tmp_path)
    assert path is not None
    assert path.read_text().splitlines()[-2:] == ["RuntimeError: no answer from /v1?key=***", ""]


class Lines(logging.Handler):
    """Keeps what a file would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    before = logging.getLogRecordFactory()
    handler, logger = Lines(), logging.getLogger("some.library")
    logger.addHandler(handler)
    redact_logging()
    redact_logging()  # twice is once
    yield handler.lines
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_whatever_a_library_logs_holds_no_secret(key: str, lines: list[str]) -> None:
    logger = logging.getLogger("some.library")
    logger.warning("asked with %s", key)
    logger.warning("asked %d times", 3)
    try:
        raise OSError(f"refused {key}")
    except OSError:
        logger.exception("failed")
    assert lines[:2] == ["asked with ***", "asked 3 times"]
    assert lines[2].startswith("failed\n")
    assert "OSError: refused ***" in lines[2]
    assert key not in "".join(lines)
