"""The smallest correct receiver of the signed webhook of `tocsin notify`; docs/notify.md describes what it gets.

    python examples/verify_webhook.py --secret-file secret --port 8080

It needs the standard library only. The signature is that of the Standard Webhooks specification, whose libraries for
other languages do what `verify` does. Replace `handle` by what your service does, and keep the ids it has handled: a
notice is sent again until it is answered with a status of the two hundreds.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOLERANCE_SECONDS = 300
MAX_BYTES = 262_144


class NotVerifiedError(Exception):
    """A request that was not signed with our key, or not now."""


def key_of(secret: str) -> bytes:
    """The key of a secret: base64 after "whsec_", or the bytes of any other text."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def verify(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of a notice that is signed with the key and not old, so that nobody can send it a second time.

    Raises:
        NotVerifiedError: it is not.
    """
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp[:12])) > TOLERANCE_SECONDS:
        raise NotVerifiedError("the timestamp is missing or not of the last five minutes")
    signed = b".".join([identity.encode(), timestamp.encode(), body])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    for given in headers.get("webhook-signature", "").split():  # several, while keys are changed
        version, _, signature = given.partition(",")
        if version == "v1" and hmac.compare_digest(expected, signature.encode()):
            return identity
    raise NotVerifiedError("no signature is that of our key")


def handle(identity: str, notice: dict[str, Any]) -> None:
    """Say what has happened. `dedup_key` is what to keep a ticket under; text is text, never markup or a command."""
    alert = notice["data"]
    print(f"{identity} {notice['dedup_key']} {alert['transition']} {notice['message']['title']}", flush=True)


def receiver(key: bytes) -> type[BaseHTTPRequestHandler]:
    """A handler of requests that answers 204 to what is ours, 401 to all else."""
    handled: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            size = self.headers.get("Content-Length", "")
            if not (size.isascii() and size.isdigit()) or int(size[:9]) > MAX_BYTES:
                self._answer(413)
                return
            body = self.rfile.read(int(size))
            try:
                identity = verify(key, self.headers, body, time.time())
            except NotVerifiedError as error:
                print(f"refused: {error}", file=sys.stderr, flush=True)
                self._answer(401)
                return
            if identity not in handled:
                handle(identity, json.loads(body))
                handled.add(identity)
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing of requests."""

    return Handler


def main() -> int:
    """Receive until Ctrl-C."""
    options = argparse.ArgumentParser(description="Print every verified notice once.")
    options.add_argument("--secret-file", type=Path, required=True, help="file with the key that tocsin signs with")
    options.add_argument("--port", type=int, default=8080, help="on this machine; 0 takes a free one")
    given = options.parse_args()
    key = key_of(given.secret_file.read_text(encoding="utf-8").strip())
    with ThreadingHTTPServer(("127.0.0.1", given.port), receiver(key)) as server:
        print(f"listening on 127.0.0.1:{server.server_address[1]}", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
