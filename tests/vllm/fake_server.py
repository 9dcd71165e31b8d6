"""A server that speaks vLLM's completions API over real sockets, with a model that is a formula.

The model: behind a sequence comes the token (sum of its ids * 7 + length) modulo ``num_ids``. Faults are asked for by
``answer_with``: what to answer to the next completions instead.
"""

import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MODEL = "/models/train/tuned"


def next_token(sequence: Sequence[int], num_ids: int) -> int:
    """What the model says."""
    return (sum(sequence) * 7 + len(sequence)) % num_ids


@dataclass
class FakeVllm:
    """One server on a port of its own; close it by leaving the ``with`` block, or kill it by ``kill``."""

    num_ids: int = 20
    max_model_len: int = 64
    model: str = MODEL
    delay: float = 0.0
    port: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Every completion request that was answered or refused."""
    faults: deque[int | bytes | None] = field(default_factory=deque)
    """For each of the next requests: a status, a body, or None for hanging up; then all is well."""
    is_healthy: bool = True
    hangs: threading.Event = field(default_factory=threading.Event)
    """While set, nothing is answered."""
    num_active: int = 0
    most_active: int = 0

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.fake, self._server.connections = self, []
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Stop listening and hang up on everybody; harmless when done."""
        self.is_healthy = False
        self._server.shutdown()
        self._server.server_close()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        sequence: list[int] = list(body["prompt"])
        sampled: list[int] = []
        stops = set(body.get("stop_token_ids", ()))
        finish = "length"
        while len(sampled) < body["max_tokens"] and finish == "length":
            token = self._sample(sequence, body, is_early=len(sampled) < body.get("min_tokens", 0))
            sampled.append(token)
            sequence.append(token)
            if token in stops:
                finish = "stop"
        choice: dict[str, Any] = {"token_ids": sampled, "finish_reason": finish}
        if "logprob_token_ids" in body:
            choice["logprobs"] = {"top_logprobs": [{f"token_id:{t}": -2.0 for t in body["logprob_token_ids"]}]}
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(sampled)}
        return {"choices": [choice], "usage": usage}

    def _sample(self, sequence: list[int], body: dict[str, Any], *, is_early: bool) -> int:
        allowed = set(body.get("allowed_token_ids") or range(self.num_ids))
        if is_early:
            allowed -= set(body.get("stop_token_ids", ()))
        token = next_token(sequence, self.num_ids)
        while token not in allowed:
            token = (token + 1) % self.num_ids
        return token


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    fake: FakeVllm
    connections: list[socket.socket]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        fake = self.server.fake
        while fake.hangs.is_set() and self.path == "/health":
            time.sleep(0.01)
        if self.path == "/health":
            self._send(200 if fake.is_healthy else 503, b"")
        elif self.path == "/version":
            self._send(200, b'{"version": "0.32.0"}')
        else:
            card = {"id": fake.model, "root": fake.model, "max_model_len": fake.max_model_len}
            self._send(200, json.dumps({"data": [card]}).encode())

    def do_POST(self) -> None:
        fake = self.server.fake
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fake.num_active += 1
        fake.most_active = max(fake.most_active, fake.num_active)
        while fake.hangs.is_set():
            time.sleep(0.01)
        time.sleep(fake.delay)
        fake.bodies.append(body)
        fault = fake.faults.popleft() if fake.faults else 200
        fake.num_active -= 1
        if fault is None:
            self.close_connection = True
        elif isinstance(fault, bytes):
            self._send(200, fault)
        elif fault != 200:
            self._send(fault, json.dumps({"error": {"message": "as asked for"}}).encode())
        else:
            self._send(200, json.dumps(fake.complete(body)).encode())

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
