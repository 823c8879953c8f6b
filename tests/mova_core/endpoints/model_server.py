"""A real HTTP endpoint that answers as a test tells it, well or badly."""

import email
import email.policy
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mova_core.endpoints.endpoint import Endpoint

NO_FRAME = {
    "style": {"palette": "grey", "light": "even"},
    "cinematography": {"shot_size": "wide shot", "framing": "eye level", "composition": "centred"},
    "elements": {"subjects": ["a wall"], "spatial_relations": []},
}


@dataclass
class Answer:
    """What the server answers with."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def completion(content: Any, **choice: Any) -> Answer:
    """A chat completion whose message is this JSON value, or this text."""
    text = content if isinstance(content, str | None) else json.dumps(content)
    choices = [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} | choice]
    return Answer(json.dumps({"id": "1", "object": "chat.completion", "choices": choices}).encode())


def described(*texts: str) -> Answer:
    """The description of a grey wall on which these texts are written."""
    return completion(NO_FRAME | {"ocr_text": [{"text": text, "where": "the wall"} for text in texts]})


def caption(visual: str, *lines: str, sound: str = "Wind.") -> Answer:
    """A caption in which one man says the lines."""
    said = [{"speaker": "The man", "manner": "says", "line": line} for line in lines]
    return completion({"visual": visual, "dialogue": said, "sound": sound})


class ModelServer:
    """An endpoint on a port of its own.

    `answers` are given in order, the last one for ever; one that is None is never given (it hangs until the test ends).
    """

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[dict[str, Any]], Answer | None] | None] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.models = Answer(b'{"data": []}')
        self.over = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def endpoint(self, kind: str = "LLM", key: str | None = None) -> Endpoint:
        return Endpoint(kind, self.url, f"some-{kind.lower()}", key)

    def stop(self) -> None:
        self.over.set()
        self.http.shutdown()
        self.http.server_close()


def _form(kind: str, content: bytes) -> dict[str, Any]:
    """Fields of a multipart form by name: texts, bytes of a file, a list where a field comes more than once."""
    fields: dict[str, Any] = {}
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content, policy=email.policy.HTTP)
    for part in message.iter_parts():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        value = value if part.get_filename() else value.decode()
        fields[name] = (
            value
            if name not in fields
            else [*(fields[name] if isinstance(fields[name], list) else [fields[name]]), value]
        )
    return fields


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.headers.append(dict(self.headers))
            self._send(server.models)

        def do_POST(self) -> None:
            server.headers.append(dict(self.headers))
            content = self.rfile.read(int(self.headers["content-length"]))
            kind = self.headers["content-type"]
            body = _form(kind, content) if kind.startswith("multipart/") else json.loads(content)
            server.asked.append(body)
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            given = answer(body) if callable(answer) else answer
            if given is None:
                server.over.wait()
            else:
                self._send(given)

        def _send(self, answer: Answer) -> None:
            headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))} | answer.headers
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the client has read enough
                self.wfile.write(answer.body)

        def log_message(self, *arguments: object) -> None: ...

    return Handler
