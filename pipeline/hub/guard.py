"""What holds for every request: its size, its rate, and the headers of every answer."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 32_768
"""Bytes of a form; the longest note with every character escaped fits."""
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # without any, browsers send forms with the origin "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class TokenBucket:
    """How often each client may ask: so many at once, then so many a second. Remembers a bounded number of clients."""

    def __init__(self, burst: float, per_second: float, clients: int = 10_000) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clients = clients
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float | None = None) -> bool:
        """Whether the client may ask once more.

        Args:
            client: whom to count.
            now: monotonic seconds; by default the present.
        """
        now = time.monotonic() if now is None else now
        left, since = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        allowed = left >= 1.0
        self._left[client] = (left - 1.0 if allowed else left, now)
        if len(self._left) > self._clients:
            self._left.popitem(last=False)
        return allowed


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, requests: TokenBucket, writes: TokenBucket) -> None:
        """Wrap an application.

        Args:
            app: what is guarded.
            requests: the rate of all requests of an address.
            writes: the rate of those among them that are not GET or HEAD.
        """
        self._app = app
        self._requests = requests
        self._writes = writes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)  # a report brings a policy of its own
                # Pages are never kept; files of ours are, and asked for anew only where they have changed.
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, _bounded(receive), send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        client = scope["client"][0] if scope.get("client") else ""
        is_write = scope["method"] not in {"GET", "HEAD"}
        if not self._requests.take(client) or (is_write and not self._writes.take(client)):
            return PlainTextResponse("too many requests: wait a moment", 429, {"retry-after": "5"})
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY:
            return PlainTextResponse(f"expected a body of at most {MAX_BODY} bytes", 413)
        return None


def _bounded(receive: Receive) -> Receive:
    """The body, which ends the connection where it is longer than was declared to be allowed."""
    got = 0

    async def receive_bounded() -> Message:
        nonlocal got
        message = await receive()
        if message["type"] == "http.request":
            got += len(message.get("body", b""))
            if got > MAX_BODY:
                return {"type": "http.disconnect"}
        return message

    return receive_bounded
