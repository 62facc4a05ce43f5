"""Logging of one process: one structured line an event, to standard error, with hostile text made harmless.

Console lines on a terminal, JSON elsewhere. Everything that goes through the standard library's logging (aiokafka,
Faust, mode, kafka-python) comes out the same way, at WARNING and above and never in floods.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog

from pipeline.config.settings import Settings
from schemas.text import escaped

LIBRARIES: Final = ("aiokafka", "faust", "mode", "kafka")
"""Loggers that speak for libraries, their children included."""
SILENT: Final = frozenset({"kafka"})
"""kafka-python logs every fault that it also raises; what it raises reaches us as one line."""

RATE_LIMIT_SECONDS: Final = 10.0
_TEMPLATES_REMEMBERED: Final = 1000
_MAX_TEXT: Final = 8192
FATAL: Final = "tocsin: error: "
"""What the last line of a command that failed begins with; in JSON its event does."""
_FIRST: Final = ("timestamp", "level", "logger", "event")
"""What every line has, before what the event brings."""

EventDict = MutableMapping[str, Any]


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging to one handler. Calling it again replaces the first call.

    Args:
        settings: log_format and log_level.
        stream: where lines go; standard error by default.
    """
    target = stream if stream is not None else sys.stderr
    console = settings.log_format == "console" or (settings.log_format == "auto" and target.isatty())
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(["suppressed"]),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=not _is_unicode(target), default=str)
    )
    handler = _Lines(target, as_json=not console)
    handler.addFilter(RateLimit())
    if level > logging.DEBUG:
        handler.addFilter(_without_foreign_trace)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _harmless, renderer],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL if name in SILENT else max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Lines(logging.StreamHandler[TextIO]):
    """The one handler, which knows its own form."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        super().__init__(stream)
        self.as_json = as_json


def say_fatal(why: str) -> None:
    """Write why this process ends, as the last line of its log: in the log's own form, to where the log goes.

    Args:
        why: one line, already made printable.
    """
    ours = next((handler for handler in logging.getLogger().handlers if isinstance(handler, _Lines)), None)
    stream = ours.stream if ours else sys.stderr
    if ours and ours.as_json:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {"timestamp": now, "level": "critical", "logger": "tocsin", "event": FATAL + why}
        print(json.dumps(line, ensure_ascii=not _is_unicode(stream)), file=stream, flush=True)
    else:
        print(FATAL + why, file=stream, flush=True)


def _is_unicode(stream: TextIO) -> bool:
    """Whether a stream can write every character; another one replaces some in a way that JSON does not know."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-").startswith("utf")


class RateLimit(logging.Filter):
    """Lets each message template of a library's logger through at most once in RATE_LIMIT_SECONDS.

    The next one that passes carries `suppressed`, the number of those held back since. Our own loggers are not
    limited: they say what they do, once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes; adds `suppressed` to it."""
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        key = (record.name, str(record.msg)[:200])
        now = self._clock()
        passed_at, held = self._seen.get(key, (float("-inf"), 0))
        if now - passed_at < RATE_LIMIT_SECONDS:
            self._seen[key] = (passed_at, held + 1)
            return False
        self._seen[key] = (now, 0)
        self._seen.move_to_end(key)
        if len(self._seen) > _TEMPLATES_REMEMBERED:
            self._seen.popitem(last=False)
        if held:
            record.suppressed = held
        return True


def _without_foreign_trace(record: logging.LogRecord) -> bool:
    """Passes every record; a library's loses its traceback, which names no place of ours and buries the line it is in.

    Faust, mode and aiokafka log one or two for every fault, before we end with a line that says what to do.
    """
    if not record.name.startswith("tocsin"):
        record.exc_info = record.exc_text = None
    return True


def _harmless(_logger: Any, _method: str, event: EventDict) -> EventDict:
    # A traceback keeps its lines, each indented, so that none of them can pass for a line of the log.
    trace = event.pop("exception", None)
    ordered = {key: event.pop(key) for key in _FIRST if key in event} | dict(event)
    clean: EventDict = {_escape(str(key)): _clean(value) for key, value in ordered.items()}
    if trace is not None:
        clean["exception"] = "\n".join("  " + _escape(line) for line in str(trace).split("\n"))
    return clean


def _clean(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, dict):
        return {_escape(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return _escape(value if isinstance(value, str) else str(value))


def _escape(text: str) -> str:
    return escaped(text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + f"… ({len(text)} characters)")
