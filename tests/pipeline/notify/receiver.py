"""A real HTTP server on this machine that answers as it is told to: well, badly, late, never, in part."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """A well-formed answer."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


HANGS, HALF, DRIPS = "hangs", "half", "drips"
"""Never answers; closes in the middle of the answer; sends a byte now and then for ever."""


class Request(msgspec.Struct, frozen=True):
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """What came in so far, and what is answered next: the last answer is given again and again."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer | str] = [Answer()]
        self.closing = threading.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_answer(self) -> Answer | str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    """Notes what comes in and answers as the receiver is told to."""

    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.requests.append(Request(self.path, headers, body))
        answer = self.receiver.next_answer()
        if isinstance(answer, Answer):
            self.send_response(answer.status)
            for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
        else:
            self.close_connection = True
            self._misbehave(answer)

    def _misbehave(self, how: str) -> None:
        if how == HANGS:
            self.receiver.closing.wait()
        elif how == HALF:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.receiver.closing.wait(0.05):
                self.wfile.write(b"X")
                self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Clients give up, which is what is tested."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A server for the length of the block, on HTTPS where it is given a certificate."""
    receiver = Receiver()
    handler = type("Handler", (Handler,), {"receiver": receiver})

    server = Server(("127.0.0.1", 0), handler)
    receiver.port = server.server_address[1]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
