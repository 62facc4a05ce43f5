"""A probe for a Kafka broker: the first request of every Kafka client, and what its answer says about the server."""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Final

# ApiVersions, version 0, correlation id 1, client id "tocsin". Brokers answer it before anybody has logged in.
_BODY: Final = struct.pack(">hhih6s", 18, 0, 1, 6, b"tocsin")
_REQUEST: Final = struct.pack(">i", len(_BODY)) + _BODY
_CORRELATION: Final = struct.pack(">i", 1)
_TLS_ALERT: Final = b"\x15\x03"


class NotKafkaError(Exception):
    """Something listens there that does not speak Kafka as we do; the message says what was got."""


def probe(host: str, port: int, timeout: float, context: ssl.SSLContext | None = None) -> None:
    """Check that a Kafka broker answers.

    A broker opens its port some time before it serves, so a connection alone proves nothing.

    Args:
        host: name or address.
        port: TCP port.
        timeout: seconds for each step.
        context: TLS context; None for plaintext.

    Raises:
        NotKafkaError: the connection is closed or answered by something else.
        OSError: no connection, no answer in time (TimeoutError), or a certificate that is not trusted (ssl.SSLError).
    """
    with socket.create_connection((host, port), timeout) as plain:
        if context is None:
            answer = _ask(plain)
        else:
            try:
                with context.wrap_socket(plain, server_hostname=host) as wrapped:
                    answer = _ask(wrapped)
            except (ssl.SSLEOFError, ConnectionResetError):
                raise NotKafkaError("no TLS, but a closed connection") from None
    if answer.startswith(_TLS_ALERT):
        raise NotKafkaError("an answer in TLS")
    if not answer:
        raise NotKafkaError("a closed connection")
    if answer[4:8] != _CORRELATION:
        raise NotKafkaError("an answer that is not Kafka's")


def _ask(connection: socket.socket) -> bytes:
    connection.sendall(_REQUEST)
    answer = b""
    try:
        while len(answer) < 8 and (part := connection.recv(8 - len(answer))):
            answer += part
    except ConnectionResetError:
        return answer
    return answer
