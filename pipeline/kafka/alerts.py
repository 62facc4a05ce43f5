"""Reading the alerts topic as a downstream service does: committed records only, each decoded and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pipeline.config.settings import Settings
from pipeline.errors import TocsinError
from pipeline.kafka.reading import place, read_records
from schemas.alert import Alert, decode_alert
from schemas.text import printable


class AlertRecord(msgspec.Struct, frozen=True):
    """A record of the alerts topic.

    Attributes:
        place: topic, partition and offset, for messages.
        value: bytes on the topic; empty for a record without a value.
        alert: the decoded alert, None when it cannot be decoded.
        problem: why it cannot be decoded, made printable.
    """

    place: str
    value: bytes
    alert: Alert | None
    problem: str = ""


def read_alerts(settings: Settings, *, from_beginning: bool = True) -> list[AlertRecord]:
    """Every alert that is on the topic now, in order of detection; records that cannot be decoded come last.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    found = list(_records(settings, from_beginning=from_beginning, follow=False, stop=lambda: False))
    readable = [record for record in found if record.alert is not None]
    readable.sort(key=_detected)
    return readable + [record for record in found if record.alert is None]


def follow_records(settings: Settings, stop: Callable[[], bool], *, from_beginning: bool) -> Iterator[AlertRecord]:
    """Every record of the alerts topic as it arrives, until `stop` says so (asked some five times per second).

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    return _records(settings, from_beginning=from_beginning, follow=True, stop=stop)


def follow_alerts(settings: Settings, stop: Callable[[], bool], *, from_beginning: bool) -> Iterator[Alert]:
    """Every alert as it arrives, until `stop` says so.

    Raises:
        BrokerError: no broker, no topic, no permission.
        TocsinError: a record that is no alert.
    """
    for record in follow_records(settings, stop, from_beginning=from_beginning):
        if record.alert is None:
            raise TocsinError(f"{record.place}: expected an alert of version 1: {record.problem}")
        yield record.alert


def _detected(record: AlertRecord) -> tuple[float, str]:
    assert record.alert is not None
    return record.alert.detected_time.timestamp(), record.alert.brand


def _records(
    settings: Settings, *, from_beginning: bool, follow: bool, stop: Callable[[], bool]
) -> Iterator[AlertRecord]:
    return map(read_alert, read_records(settings, "alerts", from_beginning=from_beginning, follow=follow, stop=stop))


def read_alert(record: Any) -> AlertRecord:
    """A record of kafka-python as an alert, or with the reason why it is none."""
    where = place(record)
    if record.value is None:
        return AlertRecord(where, b"", None, "no value")
    try:
        return AlertRecord(where, record.value, decode_alert(record.value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return AlertRecord(where, record.value, None, printable(str(error), 200))
