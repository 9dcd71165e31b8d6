"""Secrets of the environment never reach a text that stays: logs, states, tags, messages.

Knows which variables hold secrets, by their names, and replaces their values by ``***`` wherever the project hands text
on: a run's log, an explained failure, a traceback, an exception that Prefect will write down. Does not know where text
goes. A value of fewer than eight characters is left alone: it would be found in innocent words.

Example::

    with_key = {"GEMINI_API_KEY": "AIza-0123456789"}
    redact("no answer from /v1?key=AIza-0123456789", with_key)      # 'no answer from /v1?key=***'
"""

import json
import logging
import os
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
MIN_LENGTH = 8
_WORDS = {"KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PWD", "PASS", "AUTH", "CREDENTIAL"}
_PLACES = {"FILE", "PATH", "DIR", "FOLDER", "SOCK", "URI", "URL"}
"""Endings of names that say where a secret lies, not what it is."""
_OF_THE_SYSTEM = {"PWD", "OLDPWD", "GPG_KEY"}
"""The shell's folders; the public key that Python images name."""


class RedactedError(Exception):
    """Stands for an exception whose text held a secret."""


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text without secrets of the environment."""
    for secret in _find_secrets(tuple(environment.items())):
        text = text.replace(secret, HIDDEN)
    return text


def redact_error(error: BaseException, environment: Mapping[str, str] = os.environ) -> BaseException:
    """The exception itself, or one that tells the same without secrets where its traceback would tell them."""
    told = "".join(traceback.format_exception(error))
    if redact(told, environment) == told:
        return error
    safe = RedactedError(redact("".join(traceback.format_exception_only(error)).strip(), environment))
    safe.__suppress_context__ = True
    return safe


@contextmanager
def redacting() -> Iterator[None]:
    """Whatever is raised inside comes out without secrets: for code whose errors another program writes down."""
    try:
        yield
    except BaseException as error:
        safe = redact_error(error)
        if safe is error:
            raise
        raise safe from None


def redact_logging() -> None:
    """Have whatever this process logs from now on, with any library's logger, pass through ``redact``."""
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def make_redacted(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make(*args, **kwargs)
        _redact_record(record)
        return record

    make_redacted.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_redacted)


def _redact_record(record: logging.LogRecord) -> None:
    try:
        told = record.getMessage()
    except Exception:  # of a caller whose format and arguments disagree: logging tells that itself
        return
    if (safe := redact(told)) != told:
        record.msg, record.args = safe, ()
    if record.exc_info and record.exc_info[1] is not None:
        error = redact_error(record.exc_info[1])
        if error is not record.exc_info[1]:
            record.exc_info = (type(error), error, None)


@lru_cache(maxsize=4)
def _find_secrets(environment: tuple[tuple[str, str], ...]) -> list[str]:
    """Values to hide, and the forms that they take in addresses and JSON; longer ones first."""
    values = {value for name, value in environment if holds_secret(name)}
    values |= {password for _, value in environment for password in _passwords_in(value)}
    long = {value for value in values if len(value) >= MIN_LENGTH}
    forms = {form for value in long for form in (value, quote(value, safe=""), json.dumps(value)[1:-1])}
    return sorted(forms, key=len, reverse=True)


def holds_secret(name: str) -> bool:
    """Whether a variable's name says that its value is a secret."""
    words = re.split(r"[^A-Z0-9]+", name.upper())
    return name.upper() not in _OF_THE_SYSTEM and words[-1] not in _PLACES and not _WORDS.isdisjoint(words)


def _passwords_in(value: str) -> set[str]:
    """The password in an address such as a database's, as it stands there and decoded."""
    if "://" not in value:
        return set()
    try:
        password = urlsplit(value).password
    except ValueError:
        return set()
    return {password, unquote(password)} if password else set()
