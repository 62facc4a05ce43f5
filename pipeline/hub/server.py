"""A hub as a process: the store, what feeds it, and the server in front."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final

import structlog
import uvicorn

from pipeline.config.model import Config
from pipeline.config.settings import PREFIX, Settings
from pipeline.errors import ConfigError
from pipeline.hub.access import Access
from pipeline.hub.app import application
from pipeline.hub.context import Hub, Line
from pipeline.hub.feed import Feed
from pipeline.hub.feedback import Clock, Sink, StoreSink, TopicSink
from pipeline.hub.guard import TokenBucket
from pipeline.hub.live import Live
from pipeline.hub.metrics import HubMetrics
from pipeline.hub.recorded import replay_into
from pipeline.hub.store.reader import Reader, Status
from pipeline.hub.store.writer import Change, Writer
from pipeline.replay import open_inputs
from schemas.feedback import FeedbackKind

_LOGINS: Final = 5.0
_LOGINS_PER_SECOND: Final = 0.1
_STOP_SECONDS: Final = 5

logger = structlog.get_logger("tocsin.hub")


class Source:
    """What feeds the store, in a thread of its own; an error of it ends the hub."""

    def __init__(self, run: Callable[[], object], stop: Callable[[], None]) -> None:
        self.failure: BaseException | None = None
        self._run = run
        self._stop = stop
        self._on_failure: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._work, name="tocsin-hub-feed", daemon=True)

    def start(self, on_failure: Callable[[], None]) -> None:
        """Begin; `on_failure` is called from the thread."""
        self._on_failure = on_failure
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end."""
        self._stop()
        self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits for the server
            self.failure = error
            self._on_failure()


def serve_topics(settings: Settings, config: Config, *, by_events: bool, on_ready: Callable[[str], None]) -> None:
    """Show what the topics say until stopped by a signal.

    Args:
        settings: where the brokers are, where to listen.
        config: display names, categories, what holds for a brand.
        by_events: whether "now" is the time of the newest activity, not the clock's: for streams of another time.
        on_ready: told the address.

    Raises:
        TocsinError: no broker, no topics, no store, no address to listen on.
    """
    with ExitStack() as stack:
        access = Access(settings)
        writer = stack.enter_context(Writer(store_path(settings)))
        live = Live()
        feed = Feed(settings, writer, live.tell)
        sink = TopicSink(settings, StoreSink(writer, live.tell))
        source = Source(feed.run, feed.stop)

        def line() -> Line:
            return Line(feed.problem, feed.received, is_recording=False)

        hub = _hub(stack, config, access, writer, (live, sink, line), by_events=by_events)
        hub.metrics.add_gauges(lambda: _gauges(hub, feed.unreadable))
        _serve(settings, hub, source, on_ready)


def serve_recording(
    settings: Settings,
    config: Config,
    files: list[str],
    store: Path,
    now: datetime,
    on_ready: Callable[[str], None],
    on_read: Callable[[Status], None],
) -> None:
    """Show a recorded file until stopped; feedback is kept in the store alone.

    Args:
        settings: where to listen.
        config: detection and behaviour, display names, categories.
        files: what is replayed.
        store: file that holds what was read.
        now: as of `pipeline.replay.Replay`.
        on_ready: told the address.
        on_read: told what is known when the files have been read to their end.

    Raises:
        TocsinError: a file that cannot be read, no store, no address to listen on.
    """
    with ExitStack() as stack:
        access = Access(settings)
        writer = stack.enter_context(Writer(store))
        live = Live()
        stopped = threading.Event()
        sink = StoreSink(writer, live.tell)
        inputs = open_inputs(files, None)
        is_read = threading.Event()

        def read() -> None:
            if replay_into(writer, inputs, config, now, live.tell, stopped.is_set):
                is_read.set()
                live.tell(Change(frozenset(), frozenset(), hub.reader.watermark()))
                on_read(hub.reader.status())

        source = Source(read, stopped.set)

        def line() -> Line:
            return Line("", 0.0, is_recording=True, is_reading=not is_read.is_set())

        hub = _hub(stack, config, access, writer, (live, sink, line), by_events=True)
        hub.metrics.add_gauges(lambda: _gauges(hub, 0))
        _serve(settings, hub, source, on_ready)


def store_path(settings: Settings) -> Path:
    """Where the store is."""
    return settings.hub_store or settings.home / "hub" / "store.sqlite"


def _hub(
    stack: ExitStack,
    config: Config,
    access: Access,
    writer: Writer,
    parts: tuple[Live, Sink, Callable[[], Line]],
    *,
    by_events: bool,
) -> Hub:
    live, sink, line = parts
    reader = Reader(writer.path)
    stack.callback(reader.close)
    return Hub(
        reader=reader,
        config=config,
        access=access,
        sink=sink,
        live=live,
        metrics=HubMetrics(),
        clock=Clock(by_events=by_events, watermark=reader.watermark),
        line=line,
        logins=TokenBucket(_LOGINS, _LOGINS_PER_SECOND),
    )


def _gauges(hub: Hub, unreadable: int) -> Iterable[tuple[str, str, float]]:
    status, line = hub.reader.status(), hub.line()
    return [
        ("tocsin_hub_open_episodes", "Open episodes.", status.open_episodes),
        ("tocsin_hub_brands", "Brands of which activity was seen.", status.brands),
        ("tocsin_hub_watermark_seconds", "End of the newest activity, Unix seconds of event time.", status.watermark),
        ("tocsin_hub_received_seconds", "When the last record came, Unix seconds.", line.received),
        ("tocsin_hub_connected", "1 while the topics can be read.", 0.0 if line.problem else 1.0),
        ("tocsin_hub_unreadable_records", "Records since the start that could not be decoded.", unreadable),
        ("tocsin_hub_open_pages", "Pages that follow changes.", hub.live.listeners),
        *_response_times(hub),
    ]


def _response_times(hub: Hub) -> Iterator[tuple[str, str, float]]:
    """How fast people were, over the episodes that are kept; nothing where nobody was."""
    kinds: tuple[tuple[str, FeedbackKind], ...] = (("acknowledge", "acknowledged"), ("answer", "answer"))
    for name, kind in kinds:
        seconds = hub.reader.response_seconds(kind)
        if seconds:
            meaning = f"Seconds from the opening of an episode to the first {kind}: the median of those kept."
            yield f"tocsin_hub_median_time_to_{name}_seconds", meaning, median(seconds)


class _Server(uvicorn.Server):
    """Ends the streams of open pages when it is asked to stop, or it would wait for them."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the server, and then the command in its own way."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)


def _serve(settings: Settings, hub: Hub, source: Source, on_ready: Callable[[str], None]) -> None:
    listener = _listen(settings.hub_host, settings.hub_port)
    host, port = settings.hub_host, int(listener.getsockname()[1])
    shown = f"[{host}]" if ":" in host else host
    names = [host, "127.0.0.1", "localhost", *settings.hub_host_names]
    server = _Server(
        uvicorn.Config(
            application(hub, names),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
            limit_concurrency=500,
            lifespan="on",
        ),
        hub.live,
    )

    def end() -> None:
        server.should_exit = True

    try:
        source.start(end)
        on_ready(f"http://{shown}:{port}/")
        server.run(sockets=[listener])
    finally:
        source.stop()
        listener.close()
    if source.failure is not None:
        raise source.failure


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"environment: {PREFIX}HUB_PORT={port} (on {host!r}): expected an address that is free to listen on: "
            f"{error.strerror}; set {PREFIX}HUB_PORT to another port, or to 0 for any free one"
        ) from None
    return listener
