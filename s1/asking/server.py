"""One request to a chat server with OpenAI's interface, tried again where it fails in passing.

Knows HTTP and the form of a chat completion; not what is asked, nor where responses are kept.

Example::

    server = ChatServer("gpt-4.1-mini", role=JUDGE, identity={"template": "…"}, options={}, environment=os.environ)
    server.ask(Request(teacher=server.identity, prompt="…")).answer
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue

from s1.records import TraceState, Usage
from s1.teacher.archive import Request, Response

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_TIMEOUT_SECONDS = 300.0


class AskError(ValueError):
    """A language model cannot be asked; the message says what to do. What it has answered is kept."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a language model is asked as, in the words of its messages."""

    name: str
    """``judge``, ``classifier``."""
    parameter: str
    """Where ``params.yaml`` names the model."""
    otherwise: str
    """What a user without a server does instead: ``leave score.judge empty``."""
    error: type[AskError] = AskError

    @property
    def url_variable(self) -> str:
        """The environment variable with the server's address, such as ``http://localhost:8000/v1``."""
        return f"S1_{self.name.upper()}_URL"

    @property
    def key_variable(self) -> str:
        """The environment variable with the server's key."""
        return f"S1_{self.name.upper()}_API_KEY"

    @property
    def parallel_variable(self) -> str:
        """The environment variable that says how many requests are under way at once."""
        return f"S1_{self.name.upper()}_PARALLEL"


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    content: str | None = None


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Reply(BaseModel):
    """What is read of a chat completion; the rest of it is kept in the archive."""

    model_config = ConfigDict(extra="ignore")
    choices: list[_Choice]
    usage: _Usage | None = None


class ChatServer:
    """One model on one chat server.

    Args:
        model: its name on the server.
        role: what it is asked as.
        identity: everything but the prompt that decides what is asked; archived responses under another one are
            not taken for these. Nothing secret belongs here: it is written down.
        options: what a request holds beside model and message, such as ``temperature``.
        system: what stands before every prompt and is the same for all; it belongs in the identity, as a hash.
        pauses: seconds before each further try of a request that failed in passing.
    """

    def __init__(
        self,
        model: str,
        *,
        role: Role,
        identity: dict[str, JsonValue],
        options: Mapping[str, JsonValue],
        environment: Mapping[str, str],
        system: str | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.role = role
        self.identity = identity
        self._model = model
        self._options = dict(options)
        self._system = system
        self._url = environment.get(role.url_variable, "").rstrip("/")
        key = environment.get(role.key_variable, "")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(_TIMEOUT_SECONDS, connect=10),
        )
        self._pauses = pauses

    def ask(self, request: Request) -> Response:
        """Ask, and give the response as the archive keeps it.

        Raises:
            AskError: there is no address, or no answer that can be read.
        """
        role = self.role
        if not self._url:
            raise role.error(
                f"{role.parameter} names the {role.name} {self._model}, and {role.url_variable} does not say where it "
                f"is. Set it to the address of an OpenAI-compatible server (http://host:port/v1), and "
                f"{role.key_variable} to its key, or {role.otherwise}."
            )
        received = self._send({"model": self._model, "messages": self._messages(request), **self._options})
        try:
            raw = received.json()
            reply = _Reply.model_validate(raw)
            choice = reply.choices[0]
        except (ValueError, IndexError) as error:
            raise role.error(
                f"the {role.name} at {self._url} answered something else than a chat completion: "
                f"{received.text[:200]!r}. Set {role.url_variable} to the address that ends before /chat/completions."
            ) from error
        text = choice.message.content or ""
        usage = reply.usage or _Usage()
        return Response(
            key=request.key,
            request=request,
            received_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            state=_state_of(text, choice.finish_reason),
            thinking="",
            answer=text,
            usage=Usage(prompt_tokens=usage.prompt_tokens, thinking_tokens=0, answer_tokens=usage.completion_tokens),
            raw=raw,
        )

    def _messages(self, request: Request) -> list[JsonValue]:
        before: list[JsonValue] = [{"role": "system", "content": self._system}] if self._system is not None else []
        return [*before, {"role": "user", "content": request.prompt}]

    def _send(self, sent: dict[str, JsonValue]) -> httpx.Response:
        """Send until an answer comes; what fails in passing is tried again.

        Raises:
            AskError: the server refuses the request, or failed every time.
        """
        role, problem = self.role, ""
        for pause in (*self._pauses, None):
            wait = pause
            try:
                received = self._http.post(f"{self._url}/chat/completions", json=sent)
            except httpx.InvalidURL as error:
                raise role.error(f"{role.url_variable} {self._url!r} is no address ({error}); correct it.") from error
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if received.is_success:
                    return received
                problem = f"HTTP {received.status_code}: {received.text[:200]}"
                if received.status_code not in _PASSING:
                    break
                asked = received.headers.get("retry-after", "")
                wait = min(float(asked), 60.0) if pause is not None and asked.isdecimal() else pause
            if wait is not None:
                time.sleep(wait)
        raise role.error(
            f"the {role.name} {self._model} at {self._url} gave no answer ({problem}). Check {role.url_variable}, "
            f"{role.key_variable} and {role.parameter}.model, and run the stage again; what was answered so far is "
            "kept."
        )


def _state_of(text: str, finish_reason: str | None) -> TraceState:
    if finish_reason == "length":
        return "truncated"
    return "answered" if text.strip() else "empty"
