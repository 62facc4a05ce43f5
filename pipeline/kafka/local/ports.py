"""Ports of 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import socket


def free_port(wanted: int = 0) -> int:
    """The wanted port, or one that is free for 0.

    Raises:
        OSError: it cannot be had.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        return int(probe.getsockname()[1])
