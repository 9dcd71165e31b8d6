"""A Prefect server that is away: waited for when a living keeper starts it again, else not for a moment."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from infra.locks import describe_self, hold
from infra.prefect_server import answers_again
from infra.services.state import State, comes_back, describe_process, keeper_lock, write_state
from tests.flows.servers import free_port


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


def keep(home: Path, port: int) -> str:
    """What a keeper writes; returns the server's API."""
    state = State(
        keeper=describe_process(os.getpid()),
        since=0.0,
        host="127.0.0.1",
        prefect_url=f"http://127.0.0.1:{port}",
        mlflow_url="http://127.0.0.1:1",
        database="sqlite",
        needs_credentials=False,
        work_pool="s1",
        worker_name="box",
        max_runs=2,
        services=(),
    )
    write_state(home, state)
    return state.api_url


@contextmanager
def server_in(seconds: float, port: int) -> Iterator[None]:
    """A server that begins to answer after a while."""
    servers: list[HTTPServer] = []

    def serve() -> None:
        time.sleep(seconds)
        servers.append(HTTPServer(("127.0.0.1", port), Healthy))
        servers[0].serve_forever(poll_interval=0.05)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        while not servers:
            time.sleep(0.05)
        servers[0].shutdown()
        thread.join()
        servers[0].server_close()


def test_a_server_that_a_living_keeper_starts_again_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    api_url = keep(tmp_path, port)
    with hold(keeper_lock(tmp_path), describe_self("make up")), server_in(1.5, port):
        started = time.monotonic()
        assert answers_again(api_url, home=tmp_path)
        assert time.monotonic() - started >= 1.0


def test_a_server_whose_keeper_is_dead_is_not_waited_for(tmp_path: Path) -> None:
    api_url = keep(tmp_path, free_port())
    started = time.monotonic()
    assert not answers_again(api_url, home=tmp_path)
    assert time.monotonic() - started < 10


def test_only_the_keepers_own_server_comes_back(tmp_path: Path) -> None:
    api_url = keep(tmp_path, free_port())
    with hold(keeper_lock(tmp_path), describe_self("make up")):
        assert comes_back(tmp_path, api_url)
        assert comes_back(tmp_path, f"{api_url}/")
        assert not comes_back(tmp_path, "http://prefect.example.org:4200/api")
        assert not comes_back(tmp_path / "other", api_url)
    assert not comes_back(tmp_path, api_url)
