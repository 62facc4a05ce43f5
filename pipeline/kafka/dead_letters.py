"""Reading the dead letter topic: why a record was refused, where it stood, what it was, and what was sent once more."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from pipeline.config.settings import Settings
from pipeline.engine.encoding import ERROR_CHARACTERS, ERROR_HEADER, REASON_HEADER, SIZE_HEADER
from pipeline.kafka.reading import place, read_records
from schemas.moments import moment
from schemas.text import printable

EXCERPT_CHARACTERS: Final = 200
SENT_AGAIN_HEADER: Final = "tocsin-sent-again"
UNKNOWN: Final = "unknown"
"""Reason of a record on the topic that the worker has not written."""
_FACT_CHARACTERS: Final = 260
"""A topic name has 249 characters at most."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter with all text made printable. What its headers do not contain is None.

    Attributes:
        place: topic, partition and offset of the dead letter itself.
        reason: code of the closed list.
        error: what was expected and got.
        topic, partition, offset: place of the refused record.
        time: Kafka timestamp of the refused record.
        key: key of the refused record; None without one.
        excerpt: start of the value, None for a record without one.
        size: bytes of the whole value.
        value: the value as it lies on the topic where it is UTF-8, not made printable; where it was asked for.
        value_base64: the same where it is not.
        key_base64: the key, where it is not UTF-8 or longer than `key` shows.
    """

    place: str
    reason: str
    error: str
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    time: datetime | None = None
    key: str | None = None
    excerpt: str | None = None
    size: int = 0
    value: str | None = None
    value_base64: str | None = None
    key_base64: str | None = None

    def line(self) -> str:
        """The dead letter as one line for people."""
        when = f"{self.time:%Y-%m-%d %H:%M:%S} UTC" if self.time else "no time"
        source = f"{self.topic}[{self.partition}]@{self.offset}"
        value = "no value" if self.excerpt is None else f"{self.size:,} bytes: {self.excerpt}"
        return f"{when}  {self.reason}  {source}  {self.error}  |  key {self.key or '-'}, {value}"


def read_dead_letters(
    settings: Settings, *, from_beginning: bool, follow: bool, stop: Callable[[], bool], whole: bool = False
) -> Iterator[DeadLetter]:
    """Every dead letter on the topic, each partition in its own order; with `follow` also those that arrive.

    Notes of what was sent once more (`sent_again`) are left out. `whole`: see `dead_letter_of`.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    found = read_records(settings, "mentions-dlq", from_beginning=from_beginning, follow=follow, stop=stop)
    return (dead_letter_of(record, whole=whole) for record in found if not sent_again(record))


def sent_again(record: Any) -> frozenset[int]:
    """Offsets of dead letters of this partition that were put onto the mentions topic again, if the record notes that.

    A note is a record without key and value and with the header SENT_AGAIN_HEADER: offsets, comma separated. It lies on
    the same partition behind the dead letters that it names, so it is kept for longer than they are.
    """
    if record.key is not None or record.value is not None:
        return frozenset()
    named = b",".join(bytes(content or b"") for name, content in record.headers if name == SENT_AGAIN_HEADER)
    return frozenset(number for text in named.split(b",") if (number := _number(text)) is not None)


def dead_letter_of(record: Any, *, whole: bool = False) -> DeadLetter:
    """The dead letter in a record of the topic, whoever wrote it.

    Args:
        record: with topic, partition, offset, key, value and headers, as kafka-python gives it.
        whole: with the whole value and key.
    """
    headers = {str(name): bytes(value or b"") for name, value in record.headers}
    value = record.value
    text, base64 = _whole(value) if whole else (None, None)
    return DeadLetter(
        place=place(record),
        reason=_text(headers.get(REASON_HEADER), _FACT_CHARACTERS) or UNKNOWN,
        error=_text(headers.get(ERROR_HEADER), ERROR_CHARACTERS) or "no tocsin-error header",
        topic=_text(headers.get("tocsin-topic"), _FACT_CHARACTERS),
        partition=_number(headers.get("tocsin-partition")),
        offset=_number(headers.get("tocsin-offset")),
        time=_moment(_number(headers.get("tocsin-timestamp"))),
        key=_text(record.key, EXCERPT_CHARACTERS),
        excerpt=_text(value, EXCERPT_CHARACTERS),
        size=_number(headers.get(SIZE_HEADER)) or len(value or b""),
        value=text,
        value_base64=base64,
        key_base64=_base64(record.key) if whole and _is_cut(record.key) else None,
    )


def _whole(raw: bytes | None) -> tuple[str | None, str | None]:
    """Bytes as text, or as base64 where they are none."""
    if raw is None:
        return None, None
    try:
        return bytes(raw).decode(), None
    except UnicodeDecodeError:
        return None, _base64(raw)


def _is_cut(key: bytes | None) -> bool:
    """Whether the key as text is not the whole key."""
    return key is not None and (len(key) > EXCERPT_CHARACTERS or _whole(key)[1] is not None)


def _base64(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode()


def _text(raw: bytes | None, limit: int) -> str | None:
    if raw is None:
        return None
    # A character has four bytes at most; no more than is needed is decoded, however large the record.
    return printable(bytes(raw[: 16 * limit]).decode("utf-8", "backslashreplace"), limit)


def _number(raw: bytes | None) -> int | None:
    return int(raw) if raw is not None and len(raw) <= 19 and raw.isdigit() else None


def _moment(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else moment(milliseconds / 1000)
    except OverflowError:
        return None
