"""One request to a chat server with OpenAI's interface, tried again where it fails in passing.

Knows HTTP and the form of a chat completion; not what is asked, nor where responses are kept.

Example::

    server = JudgeServer("gpt-4.1-mini", template_hash="…", environment=os.environ)
    server.ask(Request(teacher=server.identity, prompt="…")).answer
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue

from s1.records import TraceState, Usage
from s1.teacher.archive import Request, Response

URL_VARIABLE = "S1_JUDGE_URL"
KEY_VARIABLE = "S1_JUDGE_API_KEY"
_MAX_TOKENS = 2048
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try."""
_TIMEOUT_SECONDS = 300.0


class JudgeError(ValueError):
    """The judge cannot be asked; the message says what to do. What it has answered is kept."""


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


class JudgeServer:
    """One chat server.

    Args:
        template_hash: names the prompt's template; opinions under another one are not taken for these.
        pauses: seconds before each further try of a request that failed in passing.
    """

    def __init__(
        self, model: str, *, template_hash: str, environment: Mapping[str, str], pauses: Sequence[float] = PAUSES
    ) -> None:
        self._model = model
        self._url = environment.get(URL_VARIABLE, "").rstrip("/")
        key = environment.get(KEY_VARIABLE, "")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(_TIMEOUT_SECONDS, connect=10),
        )
        self._pauses = pauses
        self.identity: dict[str, JsonValue] = {
            "judge": model,
            "template": template_hash,
            "temperature": 0,
            "max_tokens": _MAX_TOKENS,
        }
        """Everything but the prompt that decides what is asked."""

    def ask(self, request: Request) -> Response:
        """Ask, and give the response as the archive keeps it.

        Raises:
            JudgeError: there is no address, or no answer that can be read.
        """
        if not self._url:
            raise JudgeError(
                f"score.judge names the judge {self._model}, and {URL_VARIABLE} does not say where it is. Set it to "
                f"the address of an OpenAI-compatible server (http://host:port/v1), and {KEY_VARIABLE} to its key, or "
                "leave score.judge empty."
            )
        sent = {
            "model": self._model,
            "messages": [{"role": "user", "content": request.prompt}],
            "temperature": 0,
            "max_tokens": _MAX_TOKENS,
        }
        received = self._send(sent)
        try:
            raw = received.json()
            reply = _Reply.model_validate(raw)
            choice = reply.choices[0]
        except (ValueError, IndexError) as error:
            raise JudgeError(
                f"the judge at {self._url} answered something else than a chat completion: {received.text[:200]!r}. "
                f"Set {URL_VARIABLE} to the address that ends before /chat/completions."
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

    def _send(self, sent: dict[str, object]) -> httpx.Response:
        """Send until an answer comes; what fails in passing is tried again.

        Raises:
            JudgeError: it refuses the request, or failed every time.
        """
        problem = ""
        for pause in (*self._pauses, None):
            wait = pause
            try:
                received = self._http.post(f"{self._url}/chat/completions", json=sent)
            except httpx.InvalidURL as error:
                raise JudgeError(f"{URL_VARIABLE} {self._url!r} is no address ({error}); correct it.") from error
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
        raise JudgeError(
            f"the judge {self._model} at {self._url} gave no answer ({problem}). Check {URL_VARIABLE}, {KEY_VARIABLE} "
            "and score.judge.model, and run the stage again; opinions received so far are kept."
        )


def _state_of(text: str, finish_reason: str | None) -> TraceState:
    if finish_reason == "length":
        return "truncated"
    return "answered" if text.strip() else "empty"
