"""A real hub behind a real socket, and a real browser in front of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from pipeline.hub.app import application
from pipeline.hub.context import Hub

CHROMIUM = Path("/usr/bin/chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there (Debian package: chromium)")


@contextmanager
def served(hub: Hub) -> Iterator[str]:
    """The address of the hub while the block lasts."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(hub, ["127.0.0.1"]), log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        hub.live.close()
        server.should_exit = True
        thread.join()
        listener.close()
