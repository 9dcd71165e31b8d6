"""Requests to a Prefect server whose SQLite may be busy, as Prefect's own client sends them: again."""

import time
from typing import Any

import httpx


def send(api: httpx.Client, path: str, content: dict[str, Any]) -> httpx.Response:
    """What the server answers once it has time: a fresh one on a busy machine says 503 while its database is locked."""
    deadline = time.monotonic() + 60
    while True:
        answer = api.post(path, json=content)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
            return answer
        time.sleep(0.5)


def post(api: httpx.Client, path: str, content: dict[str, Any]) -> Any:
    """What the server answers to a request that it accepts."""
    return send(api, path, content).raise_for_status().json()
