"""Many different prompts asked side by side, each answered from the archive or by the server and then kept.

Every response is in the archive of paid responses before it is used (``s1.teacher.archive``), so none is paid for
twice, and a run whose responses are all there needs no server. Knows nothing of what is asked.

Example::

    replies = ask_all(prompts, server=server, archive=Archive(folder / "judge"), environment=os.environ)
    replies[prompts[0]].text
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from s1.asking.server import ChatServer
from s1.records import TraceState, Usage
from s1.teacher.archive import Archive, Request, Response


@dataclass(frozen=True, slots=True)
class Reply:
    """What one prompt was answered with."""

    text: str
    state: TraceState
    """``answered``, ``truncated`` (cut at the longest reply) or ``empty``."""
    usage: Usage
    is_new: bool
    """Asked for now, not found in the archive."""


def ask_all(
    prompts: Iterable[str],
    *,
    server: ChatServer,
    archive: Archive,
    environment: Mapping[str, str],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Reply]:
    """Replies by prompt; equal prompts are asked once.

    Args:
        environment: says how many requests are under way at once, in ``server.role.parallel_variable`` (8 without it).
        progress: told how many of how many different prompts are answered.

    Raises:
        AskError: the server is missing, refuses, or does not answer; finished replies are kept.
        OSError: a reply could not be kept; asking on would pay for what cannot be kept.
    """
    different = list(dict.fromkeys(prompts))
    if not different:
        return {}
    desk = _Desk(server, archive)
    num_parallel = _num_parallel(server, environment)
    # The first one alone: a wrong key or address is told before many requests meet it.
    found = {different[0]: desk.reply(different[0])}
    with ThreadPoolExecutor(num_parallel) as pool:
        pending = {prompt: pool.submit(desk.reply, prompt) for prompt in different[1:]}
        try:
            for number, (prompt, future) in enumerate(pending.items(), start=2):
                found[prompt] = future.result()
                if progress is not None:
                    progress(number, len(different))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _num_parallel(server: ChatServer, environment: Mapping[str, str]) -> int:
    variable = server.role.parallel_variable
    text = environment.get(variable, "8")
    if not text.isdecimal() or int(text) < 1:
        raise server.role.error(f"{variable} is {text!r}; set it to a number of requests from 1 on, or unset it.")
    return int(text)


class _Desk:
    """Replies from the archive, else from the server and then into the archive; for several threads."""

    def __init__(self, server: ChatServer, archive: Archive) -> None:
        self._server = server
        self._archive = archive
        self._lock = threading.Lock()  # the archive is for one thread at a time; claims wait outside of it

    def reply(self, prompt: str) -> Reply:
        request = Request(teacher=self._server.identity, prompt=prompt)
        response, is_new = self._find(request), False
        if response is None:
            with self._archive.claim(request):
                response = self._find(request)  # another process may have asked while this one waited
                if response is None:
                    response, is_new = self._server.ask(request), True
                    with self._lock:
                        self._archive.append(response)
        return Reply(text=response.answer, state=response.state, usage=response.usage, is_new=is_new)

    def _find(self, request: Request) -> Response | None:
        with self._lock:
            return self._archive.find(request)
