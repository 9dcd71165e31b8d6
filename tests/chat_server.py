"""A chat server with OpenAI's interface on this machine: answers as a test says, remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, object]]
"""What a request is answered with: HTTP status and body."""


class ChatServer(ThreadingHTTPServer):
    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []

    def environment(self, role: str) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.server_port}/v1/"
        return {f"S1_{role}_URL": url, f"S1_{role}_API_KEY": "sk-test-12345"}


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(sent)
        self.server.keys.append(self.headers.get("authorization"))
        self.server.paths.append(self.path)
        status, content = self.server.answer(sent)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(answer: Answer) -> Iterator[ChatServer]:
    server = ChatServer(answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def completion(text: str | None, *, finish_reason: str = "stop") -> dict[str, object]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return {"id": "x", "choices": [choice], "usage": {"prompt_tokens": 90, "completion_tokens": 7}}
