"""What every answer of the hub draws on."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pipeline.config.model import Config
from pipeline.hub.access import Access, Identity
from pipeline.hub.feedback import Clock, Sink
from pipeline.hub.guard import TokenBucket
from pipeline.hub.live import Live
from pipeline.hub.metrics import HubMetrics
from pipeline.hub.store.reader import Reader


class Line(msgspec.Struct, frozen=True):
    """Whether anything arrives: `problem` says why not, `received` is when the last record came, in Unix seconds.

    `is_reading` says that a recording has not been read to its end.
    """

    problem: str
    received: float
    is_recording: bool
    is_reading: bool = False


class Hub(msgspec.Struct, frozen=True):
    """The parts of a running hub.

    Attributes:
        reader: what is known.
        config: display names, categories, what holds for a brand.
        access: who asks.
        sink: where feedback goes.
        live: who is told of changes.
        metrics: what is counted.
        clock: what time it is.
        line: whether anything arrives, now.
        logins: how often an address may try to sign in.
    """

    reader: Reader
    config: Config
    access: Access
    sink: Sink
    live: Live
    metrics: HubMetrics
    clock: Clock
    line: Callable[[], Line]
    logins: TokenBucket


Handler = Callable[[Request, Hub, Identity], Response]


def hub_of(request: Request) -> Hub:
    """The hub that answers a request."""
    hub = request.app.state.hub
    assert isinstance(hub, Hub)
    return hub
