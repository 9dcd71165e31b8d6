"""A Prefect server for the time of one run, so that nobody has to start one; its history stays in ``.s1/prefect``.

Knows how to start, probe and stop a server; does not know flows, and does not import Prefect. Prefect's own ephemeral
mode would start one per process (ten seconds each) and leaves it behind after ``kill -9``; this one is shared by the
parent and its stages and, like everything that ``infra.processes`` starts, ends with its starter.

Example::

    with run_server(os.environ) as server:
        server.wait_until_ready()
        server.api_url              # 'http://127.0.0.1:41007/api'
"""

import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.guarded import Guarded
from infra.locks import Owner, describe_self, hold
from infra.prefect_pages import confine_pages, pages_environment
from infra.services import api
from infra.services.state import comes_back
from infra.settings import LOGS_FOLDER, prefect_home

STARTUP_TIMEOUT_SECONDS = 300.0
"""The first start in an empty home migrates its database: 12 s on two idle cores, a minute on two very busy ones."""
_STOP_GRACE_SECONDS = 3.0
SECONDS_TO_COME_BACK = 120.0
"""A server that its keeper starts (again) answers after six seconds on idle cores; the first start takes longer."""
_POLL_SECONDS = 0.5


class PrefectServerError(ValueError):
    """There is no Prefect server to talk to; the message says where its log is or what to check."""


def answers(api_url: str) -> bool:
    """Whether a Prefect server answers there."""
    return api.answers(f"{api_url}/health")


def answers_again(api_url: str, *, home: Path) -> bool:
    """Whether a Prefect server answers, now or, when ``make up`` keeps it for this checkout, once it is back."""
    deadline = time.monotonic() + SECONDS_TO_COME_BACK
    while not answers(api_url):
        if time.monotonic() > deadline or not comes_back(home, api_url):
            return False
        time.sleep(_POLL_SECONDS)
    return True


@dataclass(frozen=True, slots=True)
class Server:
    """A server that this process has started."""

    guarded: Guarded
    api_url: str
    log: Path
    home: Path
    """Where it keeps its history and its pages."""

    def wait_until_ready(self, timeout_seconds: float = STARTUP_TIMEOUT_SECONDS) -> None:
        """Return once the server answers.

        Raises:
            PrefectServerError: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if answers(self.api_url):
                confine_pages(self.home)
                return
            if self.guarded.process.poll() is not None:
                raise PrefectServerError(f"the Prefect server ended while starting; its log is {self.log}")
            time.sleep(0.2)
        raise PrefectServerError(f"the Prefect server did not answer in {timeout_seconds:.0f} s; its log is {self.log}")


@contextmanager
def run_server(environment: Mapping[str, str], *, port: int | None = None) -> Iterator[Server]:
    """Start a server (on a free port unless one is given), hand it out while it starts, and stop it at the end.

    Raises:
        PrefectServerError: another server is using the same history.
    """
    home = prefect_home(environment)
    port = _free_port() if port is None else port
    with hold(server_lock(home), describe_self("a Prefect server for one run"), on_wait=_refuse):
        guarded = Guarded.start(
            [*_SERVER, "--host", "127.0.0.1", "--port", str(port)],
            env={**environment, **pages_environment(home), "PREFECT_HOME": str(home), "PREFECT_API_URL": ""},
            log=LOGS_FOLDER / "prefect-server.log",
            grace_seconds=_STOP_GRACE_SECONDS,
        )
        try:
            yield Server(guarded, f"http://127.0.0.1:{port}/api", LOGS_FOLDER / "prefect-server.log", home)
        finally:
            guarded.stop()


def server_lock(home: Path) -> Path:
    """The lock of whoever runs a server on the history in a folder: two servers on one SQLite file lose events."""
    return home / "server.lock"


def _refuse(owner: Owner | None) -> None:
    raise PrefectServerError(
        f"another Prefect server is using the same history: {owner or 'it has just started'}. Wait for it, or end it."
    )


_SERVER = [sys.executable, "-m", "prefect", "server", "start", "--no-scheduler", "--no-late-runs"]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
