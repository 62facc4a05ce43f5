"""Log lines: one an event, readable on a terminal, JSON elsewhere, harmless whatever stands in a mention."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.settings import Settings
from pipeline.telemetry.logs import (
    FATAL,
    LIBRARIES,
    RATE_LIMIT_SECONDS,
    SILENT,
    RateLimit,
    configure_logging,
    say_fatal,
)

HOSTILE = "\x1b[31mred\x07\x00\r\nlevel=critical forged\x9b2J\u2028\u202eevil\ud800 end"
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    """Logging is a property of the process: put back what pytest has set up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log_to(stream: io.StringIO, **settings: Any) -> io.StringIO:
    configure_logging(Settings(**settings), stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_where_no_terminal_is() -> None:
    """An event of ours carries level, logger, UTC time and its values, as one JSON object."""
    stream = log_to(io.StringIO())
    structlog.get_logger("tocsin.worker").info("assigned", partitions=[0, 3], name="東京")
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "logger", "event"]
    assert line["event"] == "assigned"
    assert line["level"] == "info"
    assert line["logger"] == "tocsin.worker"
    assert line["partitions"] == [0, 3]
    assert "東京" in stream.getvalue()
    written = datetime.fromisoformat(line["timestamp"])
    assert line["timestamp"].endswith("Z")
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_lines_are_json_whatever_the_encoding(encoding: str) -> None:
    """What an encoding lacks is an escape of JSON's, not of Python's, which JSON does not read."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding, errors="backslashreplace")
    configure_logging(Settings(log_format="json"), stream)
    structlog.get_logger("tocsin.test").info("\u708e\u4e0a \U0001f525")
    say_fatal("\U0001f525")
    stream.flush()
    events = [json.loads(line)["event"] for line in raw.getvalue().decode(encoding).splitlines()]
    assert events == ["\u708e\u4e0a \U0001f525", FATAL + "\U0001f525"]


def test_console_on_a_terminal_and_when_asked_for() -> None:
    """`auto` colours a terminal; `console` without one gives plain lines; `json` on a terminal stays JSON."""
    coloured = log_to(Terminal())
    structlog.get_logger("tocsin.worker").info("started")
    assert "started" in coloured.getvalue()
    assert "\x1b[" in coloured.getvalue()
    plain = log_to(io.StringIO(), log_format="console")
    structlog.get_logger("tocsin.worker").info("started")
    assert not UNSAFE.search(plain.getvalue().rstrip("\n"))
    as_json = log_to(Terminal(), log_format="json")
    structlog.get_logger("tocsin.worker").info("started")
    assert lines(as_json)[0]["event"] == "started"


def test_the_least_level_is_kept() -> None:
    """Below the configured level nothing is written, ours or theirs."""
    stream = log_to(io.StringIO(), log_level="warning")
    structlog.get_logger("tocsin.worker").info("quiet")
    logging.getLogger("some.module").info("quiet too")
    structlog.get_logger("tocsin.worker").warning("heard")
    assert [line["event"] for line in lines(stream)] == ["heard"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_hostile_text_is_escaped_everywhere(log_format: str) -> None:
    """In the event, a value, a nested value, a key, an argument of a library: no control character is written."""
    stream = log_to(io.StringIO(), log_format=log_format)
    structlog.get_logger("tocsin.engine").warning(HOSTILE, text=HOSTILE, nested={"post": [HOSTILE]}, **{HOSTILE: 1})
    logging.getLogger("aiokafka.consumer").warning("Got %s", HOSTILE)
    written = stream.getvalue().rstrip("\n").split("\n")
    assert len(written) == 2
    for line in written:
        assert not UNSAFE.search(line)
        assert "forged" in line
    stream.getvalue().encode()  # lone surrogates would raise here


@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    """Whatever a stranger writes, one event is one line that can be encoded."""
    stream = log_to(io.StringIO(), log_format="console")
    structlog.get_logger("tocsin.engine").warning("refused", text=text)
    written = stream.getvalue()
    assert written.count("\n") == 1
    assert not UNSAFE.search(written[:-1])
    written.encode()


def fail(message: str) -> None:
    raise ValueError(message)


def test_a_traceback_cannot_forge_a_line() -> None:
    """On the console the lines of a traceback are indented; in JSON they are one value."""
    for log_format in ("console", "json"):
        stream = log_to(io.StringIO(), log_format=log_format)
        try:
            fail("bad\n2026-01-01 [info] all is well \x1b[0m")
        except ValueError:
            structlog.get_logger("tocsin.worker").exception("stopped")
        first, *rest = stream.getvalue().rstrip("\n").split("\n")
        assert "stopped" in first
        assert all(line.startswith("  ") for line in rest)
        assert "all is well" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()
    assert "Traceback" in lines(stream)[0]["exception"]


@pytest.mark.parametrize(("level", "shown"), [("info", False), ("debug", True)])
def test_the_traceback_of_a_library_is_for_debugging_only(level: str, shown: bool) -> None:
    """Why the worker ends is said in one line of ours; a library's traceback before it would bury that."""
    stream = log_to(io.StringIO(), log_level=level)
    try:
        fail("no permission")
    except ValueError:
        logging.getLogger("faust.transport.consumer").exception("crashed")
    (line,) = lines(stream)
    assert line["event"] == "crashed"
    assert ("exception" in line) == shown


def test_a_huge_value_is_cut() -> None:
    """A megabyte in a mention does not become a megabyte in the log."""
    stream = log_to(io.StringIO())
    structlog.get_logger("tocsin.engine").warning("refused", text="x" * 1_000_000)
    assert len(stream.getvalue()) < 20_000
    assert "1000000 characters" in stream.getvalue()


def test_libraries_speak_from_warning_on_and_in_the_same_form() -> None:
    """Their informational chatter is off; what is left goes through the same renderer."""
    stream = log_to(io.StringIO())
    for name in LIBRARIES:
        logging.getLogger(name).info("chatter")
        logging.getLogger(name + ".child").info("chatter")
        logging.getLogger(name + ".child").warning("Trouble with %s", "a broker")
    written = lines(stream)
    assert [line["logger"] for line in written] == [name + ".child" for name in LIBRARIES if name not in SILENT]
    assert {line["event"] for line in written} == {"Trouble with a broker"}
    assert {line["level"] for line in written} == {"warning"}


def test_a_flood_of_a_library_is_one_line() -> None:
    """A thousand failures to connect in a moment are one line."""
    stream = log_to(io.StringIO())
    for attempt in range(1000):
        logging.getLogger("aiokafka.conn").error("Unable to connect, attempt %s", attempt)
    logging.getLogger("aiokafka.conn").error("Another trouble")
    assert len(lines(stream)) == 2


def record(name: str, message: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, None, None)


def test_what_was_held_back_is_counted() -> None:
    """After the limit's time the next one passes and says how many did not; the count starts again."""
    now = 0.0
    limit = RateLimit(lambda: now)
    assert limit.filter(record("aiokafka.conn", "down"))
    assert [limit.filter(record("aiokafka.conn", "down")) for _ in range(7)] == [False] * 7
    now = RATE_LIMIT_SECONDS
    passing = record("aiokafka.conn", "down")
    assert limit.filter(passing)
    assert passing.__dict__["suppressed"] == 7
    now = 2 * RATE_LIMIT_SECONDS
    again = record("aiokafka.conn", "down")
    assert limit.filter(again)
    assert "suppressed" not in again.__dict__


def test_the_count_is_written() -> None:
    """The number of those held back reaches the line."""
    stream = log_to(io.StringIO())
    held = record("faust.transport", "down")
    held.suppressed = 12
    logging.getLogger("faust.transport").handle(held)
    assert lines(stream)[0]["suppressed"] == 12


def test_our_own_loggers_are_not_limited() -> None:
    """What Tocsin says itself is never held back."""
    limit = RateLimit(lambda: 0.0)
    assert all(limit.filter(record("tocsin.worker", "checkpoint")) for _ in range(5))


def test_the_limit_remembers_a_bounded_number_of_messages() -> None:
    """A library that writes every message anew does not fill the memory."""
    limit = RateLimit(lambda: 0.0)
    for number in range(5000):
        limit.filter(record("mode.worker", f"message {number}"))
    assert len(limit._seen) <= 1000


def test_warnings_of_python_take_the_same_way() -> None:
    """A DeprecationWarning does not break into the stream of JSON lines."""
    stream = log_to(io.StringIO())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old\x1b way", DeprecationWarning, stacklevel=1)
    (line,) = lines(stream)
    assert line["logger"] == "py.warnings"
    assert "old\\x1b way" in line["event"]


def test_configuring_twice_writes_once() -> None:
    """A second call replaces the first."""
    log_to(io.StringIO())
    stream = log_to(io.StringIO())
    structlog.get_logger("tocsin.worker").info("once")
    assert len(lines(stream)) == 1


def test_the_last_line_of_a_log_in_json_is_json() -> None:
    """Whoever reads the log with a program reads why it ended too."""
    stream = log_to(io.StringIO())
    say_fatal("mentions[0]: 東京 is not there")
    (line,) = lines(stream)
    assert line["event"] == "tocsin: error: mentions[0]: 東京 is not there"
    assert line["level"] == "critical"
    assert datetime.fromisoformat(line["timestamp"]).tzinfo


def test_on_a_terminal_the_last_line_is_that_of_every_command() -> None:
    """Plain, as `tocsin: error: ...`."""
    stream = log_to(Terminal())
    say_fatal("no broker")
    assert stream.getvalue() == "tocsin: error: no broker\n"


def test_without_a_log_the_last_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Before logging is configured."""
    say_fatal("no broker")
    assert capsys.readouterr().err == "tocsin: error: no broker\n"
