"""What goes to a vLLM server and what comes back: token ids in, token ids out, nothing left to the server's defaults.

Knows the completions API of vLLM and the protocol of engines; sends nothing itself.
Two facts of the server matter. Its sampling defaults come from the model's ``generation_config.json`` (Qwen2.5 brings
a repetition penalty), so every one of them is set here. And it may sample ids that no tokenizer has, because the
embeddings of many models are padded: such a reply is cut before the first of them (``known_part``) and asked on from
there with only known ids allowed, which samples from the same distribution as an engine that never allowed them.

Example::

    body = completion_body(request, model="models/train/tuned")
    reply = parse_reply(response.content)       # Reply(token_ids=(12, 7), stop_id=None, …)
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pydantic import BaseModel, JsonValue, ValidationError

from s1.engine.protocol import Request

_NEUTRAL: dict[str, JsonValue] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "ignore_eos": True,  # only the request's own stops end it
    "add_special_tokens": False,
    "skip_special_tokens": False,
    "return_token_ids": True,
}


class WireError(ValueError):
    """A server said something that this client cannot use; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sampled for one request."""

    token_ids: tuple[int, ...]
    """Without the stop."""
    stop_id: int | None
    """The stop that was sampled; None at a length end."""
    num_decoded_tokens: int


class _Choice(BaseModel):
    token_ids: list[int] | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    logprobs: "_Logprobs | None" = None


class _Logprobs(BaseModel):
    top_logprobs: list[dict[str, float | None] | None] = []


class _Usage(BaseModel):
    completion_tokens: int = 0


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Usage = _Usage()


class _Card(BaseModel):
    id: str
    root: str | None = None
    max_model_len: int | None = None


class _Cards(BaseModel):
    data: list[_Card]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model of a server."""

    id: str
    """The name that requests must give."""
    root: str
    """Where the server took the weights from."""
    max_context: int


def completion_body(request: Request, *, model: str, allowed: range | None = None) -> dict[str, JsonValue]:
    """The JSON of one request.

    Args:
        model: the name under which the server serves it.
        allowed: sample these ids only; None: any.
    """
    body: dict[str, JsonValue] = {
        "model": model,
        "prompt": list(request.prompt_ids),
        "max_tokens": request.max_new_tokens,
        "min_tokens": request.min_new_tokens,
        "stop_token_ids": sorted(request.stop_ids),  # type: ignore[dict-item]
        "temperature": request.temperature,
        "seed": request_seed(request) if request.temperature else None,
        **_NEUTRAL,
    }
    if allowed is not None:
        body["allowed_token_ids"] = list(allowed)
    return body


def probability_body(request: Request, sampled: Sequence[int], *, model: str) -> dict[str, JsonValue]:
    """Ask how probable the request's stops were behind what was sampled: one token more, its prompt cached."""
    stops = sorted(request.stop_ids)
    return {
        "model": model,
        "prompt": [*request.prompt_ids, *sampled],
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": 1,
        "logprob_token_ids": stops,  # type: ignore[dict-item]
        "return_tokens_as_token_ids": True,
        **_NEUTRAL,
    }


def request_seed(request: Request) -> int:
    """The server's seed of a request: 63 bits of what its draws depend on."""
    digest = hashlib.sha256(repr(request.draw_key).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def parse_reply(content: bytes, request: Request) -> Reply:
    """Read a completion.

    Raises:
        WireError: no completion of one choice with token ids, or one that did not end by stop or length.
    """
    completion = _parse(content)
    choice = completion.choices[0]
    if choice.token_ids is None:
        raise WireError("the server returns no token ids; it needs a later version of vLLM (0.32 is tested)")
    if choice.finish_reason not in ("stop", "length"):
        raise WireError(f"the server ended a request with {choice.finish_reason!r}")
    token_ids, stop_id = choice.token_ids, None
    if choice.finish_reason == "stop":
        if not token_ids or token_ids[-1] not in request.stop_ids:
            raise WireError(
                f"the server stopped at {choice.stop_reason!r}, which was not asked for; start it without default stops"
            )
        stop_id = token_ids.pop()
    return Reply(tuple(token_ids), stop_id, completion.usage.completion_tokens)


def parse_stop_probability(content: bytes, request: Request) -> float:
    """The probability of all stops together, at temperature 1, from the answer to ``probability_body``.

    Ids that the tokenizer does not have count in the whole, unlike on the local engine; a trained model gives them next
    to nothing.

    Raises:
        WireError: the answer lacks the log probability of a stop.
    """
    logprobs = _parse(content).choices[0].logprobs
    listed = (logprobs.top_logprobs[0] or {}) if logprobs is not None and logprobs.top_logprobs else {}
    names = [f"token_id:{token}" for token in sorted(request.stop_ids)]
    if any(name not in listed for name in names):
        raise WireError(
            "the server returns no log probabilities of chosen ids; it needs a later version of vLLM (0.32 is tested)"
        )
    return min(1.0, math.fsum(math.exp(value) for name in names if (value := listed[name]) is not None))


def _parse(content: bytes) -> _Completion:
    try:
        completion = _Completion.model_validate_json(content)
    except ValidationError as error:
        raise WireError(f"the server's answer is no completion: {content[:200]!r}") from error
    if len(completion.choices) != 1:
        raise WireError(f"the server's answer has {len(completion.choices)} choices instead of one")
    return completion


def parse_models(content: bytes) -> list[ServedModel]:
    """Read what ``/v1/models`` lists.

    Raises:
        WireError: it is no such list, or a model does not tell its context length.
    """
    try:
        cards = _Cards.model_validate_json(content).data
    except ValidationError as error:
        raise WireError(f"its /v1/models is no list of models: {content[:200]!r}; is this a vLLM server?") from error
    if any(card.max_model_len is None for card in cards):
        raise WireError("its /v1/models does not tell max_model_len; is this a vLLM server?")
    return [ServedModel(card.id, card.root or card.id, card.max_model_len or 0) for card in cards]


def is_served_as(wanted: str, name: str) -> bool:
    """Whether a server's name or path for a model means the folder ``wanted``.

    The same path does; so do its last parts, two at least (``models/train/tuned``: a server on another machine), and
    the name on the hub of a model in the hub's cache (``Qwen/Qwen2.5-32B-Instruct``).
    """
    wanted_parts, parts = PurePath(wanted).parts, PurePath(name).parts
    if wanted_parts == parts:
        return True
    is_tail = len(parts) >= 2 and wanted_parts[-len(parts) :] == parts
    return is_tail or f"models--{name.replace('/', '--')}" in wanted_parts


def known_part(token_ids: Sequence[int], num_token_ids: int | None) -> int:
    """How many ids stand before the first one that the tokenizer does not have."""
    if num_token_ids is None:
        return len(token_ids)
    return next((index for index, token in enumerate(token_ids) if token >= num_token_ids), len(token_ids))


def refusal(content: bytes, status: int) -> str:
    """A server's own words about a request that it refuses."""
    try:
        error = json.loads(content)["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        message = "no reason given"
    return f"HTTP {status}: {message}"
