"""Which of several vLLM servers a request goes to, and which of them are alive.

Knows addresses, health and groups; does not know what is asked. A group stays with one server, the one with the fewest
groups when it began, until that one is lost. A server is lost when it refuses connections or does not say that it is
healthy three times in a row; what waits for its answers is told at once, and it is used again as soon as it is healthy.

Example::

    pool = ServerPool(connect(urls, model_name="models/train/tuned"), http, patience_seconds=30)
    server = await pool.server_of("question 7")
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Literal, TypeVar

import aiohttp
import httpx

from s1.engine.vllm_wire import ServedModel, WireError, is_served_as, parse_models

logger = logging.getLogger(__name__)

_WATCH_SECONDS = 5.0
_HEALTH_SECONDS = 10.0
_NUM_SILENT = 3
_POLL_SECONDS = 0.5
_FIND_SECONDS = 30.0
_RESUME = "What is finished is kept: with a server there again, run again to go on."

ResultT = TypeVar("ResultT")


class VllmError(ValueError):
    """No server can do the work; the message names addresses and says what to do."""


class ServerLostError(Exception):
    """The server went away before it answered."""


@dataclass(slots=True, eq=False)
class Server:
    """One server that serves the wanted model."""

    url: str
    model_id: str
    max_context: int
    version: str
    is_alive: bool = True
    last_words: str = ""
    """Why it was lost."""
    num_silent: int = 0
    num_groups: int = 0
    waiting: "set[asyncio.Task[tuple[int, bytes]]]" = field(default_factory=set)


class ServerPool:
    """The servers of one run; belongs to one event loop."""

    def __init__(self, servers: Sequence[Server], http: aiohttp.ClientSession, *, patience_seconds: float) -> None:
        self._servers = servers
        self._http = http
        self._patience_seconds = patience_seconds
        self._home: dict[str, Server] = {}
        for server in servers:
            server.is_alive, server.num_silent, server.num_groups = True, 0, 0
            server.waiting = set()

    async def server_of(self, group: str) -> Server:
        """The group's server; waits for one to come back when all are lost.

        Raises:
            VllmError: none came back in time.
        """
        home = self._home.get(group)
        if home is not None and home.is_alive:
            return home
        alive = await self._alive()
        if home is not None:
            home.num_groups -= 1
        server = min(alive, key=lambda server: server.num_groups)
        server.num_groups += 1
        self._home[group] = server
        return server

    async def _alive(self) -> list[Server]:
        deadline = time.monotonic() + self._patience_seconds
        while not (alive := [server for server in self._servers if server.is_alive]):
            if time.monotonic() >= deadline:
                raise VllmError(self._epitaph())
            await asyncio.sleep(_POLL_SECONDS)
            await self._look_at_all()
        return alive

    def _epitaph(self) -> str:
        lines = "\n".join(f"  {server.url}: {server.last_words}" for server in self._servers)
        return f"No vLLM server answers any more, for {self._patience_seconds:.0f} s:\n{lines}\n{_RESUME}"

    async def guard(self, server: Server, sending: Coroutine[None, None, tuple[int, bytes]]) -> tuple[int, bytes]:
        """Wait for an answer (status and content), as long as the server is alive.

        Raises:
            ServerLostError: it was lost meanwhile.
        """
        task = asyncio.create_task(sending)
        server.waiting.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is not None and own.cancelling():
                raise
            raise ServerLostError(server.last_words) from None
        finally:
            server.waiting.discard(task)

    async def suspect(self, server: Server, reason: str) -> None:
        """A request failed: look whether the server is still there."""
        if server.is_alive and await self._health(server) == "gone":
            self._lose(server, reason)

    async def watch(self) -> None:
        """Look at every server from time to time, for ever."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        await asyncio.gather(*(self._look_at(server) for server in self._servers))

    async def _look_at(self, server: Server) -> None:
        if await self._health(server) == "good":
            if not server.is_alive:
                logger.warning("vLLM server %s is back", server.url)
            server.is_alive, server.num_silent = True, 0
        elif server.is_alive:
            server.num_silent += 1
            if server.num_silent >= _NUM_SILENT:
                self._lose(server, f"not healthy {_NUM_SILENT} times in a row")

    async def _health(self, server: Server) -> Literal["good", "silent", "gone"]:
        try:
            timeout = aiohttp.ClientTimeout(total=_HEALTH_SECONDS)
            async with self._http.get(f"{server.url}/health", timeout=timeout) as response:
                return "good" if response.status == HTTPStatus.OK else "gone"
        except TimeoutError:
            return "silent"  # busy or gone: the watcher counts, one slow answer loses no server
        except (aiohttp.ClientError, OSError):
            return "gone"

    def _lose(self, server: Server, reason: str) -> None:
        if not server.is_alive:
            return
        server.is_alive, server.last_words = False, reason
        logger.warning("vLLM server %s is lost (%s); its requests go to the others", server.url, reason)
        for task in tuple(server.waiting):
            task.cancel()


def connect(urls: Sequence[str], *, model_name: str) -> list[Server]:
    """The servers among the addresses that serve the model.

    Raises:
        VllmError: no address, none that answers, or none that serves it.
    """
    model_name = str(Path(model_name).absolute())
    if not urls:
        raise VllmError("no vLLM server is named: give addresses in S1_VLLM_URLS, or have the stage start servers")
    servers, problems = [], []
    with httpx.Client(timeout=_FIND_SECONDS, trust_env=False) as http:
        for url in dict.fromkeys(address.strip().rstrip("/").removesuffix("/v1") for address in urls):
            try:
                served = _served_models(http, url)
            except (httpx.HTTPError, httpx.InvalidURL, WireError) as error:
                problems.append(f"{url}: {type(error).__name__}: {error}".rstrip(": "))
                continue
            fitting = [model for model in served if _is_wanted(model, model_name)]
            if fitting:
                version = _version(http, url)
                servers.append(Server(url, fitting[0].id, fitting[0].max_context, version))
            else:
                problems.append(f"{url} serves {', '.join(model.id for model in served)}")
    if not servers:
        told = "\n".join(f"  {problem}" for problem in problems)
        raise VllmError(
            f"No vLLM server serves {model_name}:\n{told}\nStart one with --model {model_name} (on another machine "
            "also with --served-model-name and the last parts of that path), and give its address in S1_VLLM_URLS."
        )
    for problem in problems:
        logger.warning("left out a vLLM server: %s", problem)
    return servers


def _served_models(http: httpx.Client, url: str) -> list[ServedModel]:
    response = http.get(f"{url}/v1/models")
    if response.status_code != HTTPStatus.OK:
        raise WireError(f"/v1/models answers HTTP {response.status_code}")
    return parse_models(response.content)


def _is_wanted(model: ServedModel, model_name: str) -> bool:
    return is_served_as(model_name, model.id) or is_served_as(model_name, model.root)


def _version(http: httpx.Client, url: str) -> str:
    try:
        version = http.get(f"{url}/version").json()["version"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return "unknown"
    return str(version)
