"""The engine on vLLM servers: every request goes on by itself, several servers at once, servers may come and go.

Knows addresses and the protocol of engines; who starts servers is ``infra.vllm_servers``. No request waits for a batch:
as soon as one ends, what follows from it is sent, before anything new is begun, so that the server still has its
beginning in the prefix cache. Requests of one group go to one server for the same reason. A server that fails is left
alone until it answers again; its requests go to the others. With none left for a while, ``VllmError`` ends the call;
what was handed to ``on_finish`` stays handed over.

Example::

    engine = VllmClient(["http://127.0.0.1:8000"], model_name="models/train/tuned", num_token_ids=len(tokenizer))
    engine.generate(requests, on_finish=take)
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeVar

import aiohttp
from pydantic import JsonValue

from s1.engine import vllm_wire as wire
from s1.engine.protocol import Completion, FollowUp, Request
from s1.engine.vllm_pool import Server, ServerLostError, ServerPool, connect

logger = logging.getLogger(__name__)

_NUM_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.5
_CONNECT_SECONDS = 10.0
_SECONDS_PER_TOKEN = 2.0
_LEAST_SECONDS = 300.0
"""A reply may take this long plus two seconds a token: a full server makes requests wait for each other."""

ParsedT = TypeVar("ParsedT")


@dataclass(slots=True)
class Counts:
    """What the servers did for this client."""

    num_requests: int = 0
    num_decoded_tokens: int = 0
    num_retries: int = 0
    num_unknown_ids: int = 0
    """Replies in which the server sampled an id that the tokenizer does not have."""


class _RefusedError(Exception):
    """The servers will never answer this request; says why."""


@dataclass(slots=True)
class _Run:
    """One call of ``generate``."""

    http: aiohttp.ClientSession
    pool: ServerPool
    queue: deque[Request]
    finished: "asyncio.Queue[Completion | BaseException]" = field(default_factory=asyncio.Queue)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)


class VllmClient:
    """Decodes on vLLM servers that serve one model."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        model_name: str,
        max_context: int | None = None,
        num_token_ids: int | None = None,
        max_concurrent: int = 256,
        patience_seconds: float = 30.0,
    ) -> None:
        """Find the servers that serve the model.

        Args:
            urls: addresses without ``/v1``; those that serve another model are left out.
            model_name: folder of the model; what a server may call it says ``vllm_wire.is_served_as``.
            max_context: use no more of the servers' context.
            num_token_ids: ids from here on are never sampled; None: all may be.
            max_concurrent: requests under way on one server; it makes its own batches of them.
            patience_seconds: how long no server may answer before the client gives up.

        Raises:
            VllmError: no address, none that answers, or none that serves the model.
        """
        self._servers = connect(urls, model_name=model_name)
        served = min(server.max_context for server in self._servers)
        self._max_context = served if max_context is None else min(served, max_context)
        self._num_token_ids = num_token_ids
        self._max_concurrent = max_concurrent
        self._patience_seconds = patience_seconds
        self.counts = Counts()

    @property
    def max_context(self) -> int:
        """The shortest context of the servers, or the one asked for if that is shorter."""
        return self._max_context

    @property
    def num_servers(self) -> int:
        """How many servers serve the model."""
        return len(self._servers)

    @property
    def versions(self) -> list[str]:
        """The servers' versions of vLLM."""
        return sorted({server.version for server in self._servers})

    def generate(self, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        """Decode all requests and all that follow from them, see ``s1.engine.protocol.Engine``.

        Raises:
            VllmError: no server answers any more.
        """
        asyncio.run(self._generate(requests, on_finish))

    async def _generate(self, requests: Sequence[Request], on_finish: FollowUp) -> None:
        # No limit of its own: how many requests are under way is decided below. Servers are spoken to directly: a proxy
        # of the environment is for the world outside, and aiohttp uses none unless told to.
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            pool = ServerPool(self._servers, http, patience_seconds=self._patience_seconds)
            run = _Run(http, pool, deque(requests))
            watcher = asyncio.create_task(pool.watch())
            try:
                await self._run(run, on_finish)
            finally:
                for task in [watcher, *run.tasks]:
                    task.cancel()
                await asyncio.gather(watcher, *run.tasks, return_exceptions=True)

    async def _run(self, run: _Run, on_finish: FollowUp) -> None:
        limit = self._max_concurrent * len(self._servers)
        num_active = 0
        while run.queue or num_active:
            while run.queue and num_active < limit:
                task = asyncio.create_task(self._work(run, run.queue.popleft()))
                run.tasks.add(task)
                task.add_done_callback(run.tasks.discard)
                num_active += 1
            result = await run.finished.get()
            num_active -= 1
            if isinstance(result, BaseException):
                raise result
            run.queue.extendleft(reversed(on_finish(result)))

    async def _work(self, run: _Run, request: Request) -> None:
        try:
            result: Completion | BaseException = await self._complete(run, request)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever it is, the caller of generate must see it
            result = error
        run.finished.put_nowait(result)

    async def _complete(self, run: _Run, request: Request) -> Completion:
        if len(request.prompt_ids) + request.max_new_tokens > self._max_context:
            return Completion(request=request, token_ids=(), finish="context")
        if self._num_token_ids is not None:
            known_stops = frozenset(token for token in request.stop_ids if token < self._num_token_ids)
            sent = replace(request, stop_ids=known_stops)
        else:
            sent = request
        try:
            reply = await self._sample(run, sent)
            probability = None
            if request.wants_stop_probability and reply.stop_id is not None:
                probability = await self._stop_probability(run, sent, reply)
        except _RefusedError as error:
            return Completion(request=request, token_ids=(), finish="error", error=str(error))
        return Completion(
            request=request,
            token_ids=reply.token_ids,
            finish="length" if reply.stop_id is None else "stop",
            stop_id=reply.stop_id,
            stop_probability=probability,
        )

    async def _sample(self, run: _Run, request: Request) -> wire.Reply:
        reply = await self._ask(
            run,
            request,
            lambda model: wire.completion_body(request, model=model),
            lambda content: wire.parse_reply(content, request),
        )
        self._count(reply)
        num_known = wire.known_part(reply.token_ids, self._num_token_ids)
        if num_known == len(reply.token_ids):
            return reply
        assert self._num_token_ids is not None
        self.counts.num_unknown_ids += 1
        known = reply.token_ids[:num_known]
        rest = replace(
            request,
            prompt_ids=request.prompt_ids + known,
            max_new_tokens=request.max_new_tokens - num_known,
            min_new_tokens=max(0, request.min_new_tokens - num_known),
        )
        allowed = range(self._num_token_ids)
        more = await self._ask(
            run,
            rest,
            lambda model: wire.completion_body(rest, model=model, allowed=allowed),
            lambda content: wire.parse_reply(content, rest),
        )
        self._count(more)
        return replace(more, token_ids=known + more.token_ids)

    async def _stop_probability(self, run: _Run, request: Request, reply: wire.Reply) -> float:
        return await self._ask(
            run,
            request,
            lambda model: wire.probability_body(request, reply.token_ids, model=model),
            lambda content: wire.parse_stop_probability(content, request),
        )

    def _count(self, reply: wire.Reply) -> None:
        self.counts.num_requests += 1
        self.counts.num_decoded_tokens += reply.num_decoded_tokens

    async def _ask(
        self,
        run: _Run,
        request: Request,
        body: Callable[[str], Mapping[str, JsonValue]],
        parse: Callable[[bytes], ParsedT],
    ) -> ParsedT:
        """Send a request until a server answers it; each try takes a server that is alive."""
        reason = ""
        for number in range(_NUM_TRIES):
            if number:
                self.counts.num_retries += 1
                await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2 ** (number - 1))
            server = await run.pool.server_of(request.group)
            try:
                status, content = await self._post(run, server, request, body(server.model_id))
                if status == HTTPStatus.OK:
                    return parse(content)
                reason = wire.refusal(content, status)
                if not _is_passing(status):
                    raise _RefusedError(f"{server.url} refused a request: {reason}")
                await run.pool.suspect(server, reason)
            except (aiohttp.ClientError, TimeoutError, OSError, ServerLostError) as error:
                reason = f"{type(error).__name__} {error}".strip()
                await run.pool.suspect(server, reason)
            except wire.WireError as error:
                reason = str(error)
            logger.debug("%s: %s; try %d", server.url, reason, number + 1)
        raise _RefusedError(f"{_NUM_TRIES} tries failed, the last one with: {reason}")

    async def _post(
        self, run: _Run, server: Server, request: Request, body: Mapping[str, JsonValue]
    ) -> tuple[int, bytes]:
        longest = _LEAST_SECONDS + _SECONDS_PER_TOKEN * request.max_new_tokens
        timeout = aiohttp.ClientTimeout(total=longest, sock_connect=_CONNECT_SECONDS)
        content = json.dumps(body, separators=(",", ":")).encode()

        async def send() -> tuple[int, bytes]:
            headers = {"content-type": "application/json"}
            url = f"{server.url}/v1/completions"
            async with run.http.post(url, data=content, headers=headers, timeout=timeout) as response:
                return response.status, await response.read()

        return await run.pool.guard(server, send())


def _is_passing(status: int) -> bool:
    """Whether a status may be another one at the next try."""
    return status >= 500 or status in (408, 425, 429)
