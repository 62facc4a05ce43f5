"""The engine's outputs as records for a topic: the only place where alerts, dead letters and activity become bytes.

A refused record is kept byte for byte up to a bound, with the reason in the headers: route on the code. The bound is
what makes every dead letter fit: brokers measure a batch as it is compressed, so a record that was accepted can be a
thousand times larger than max.message.bytes once it is unpacked.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pipeline.engine.records import REROUTED_HEADER, DeadLetter, Rerouted
from schemas.activity import Activity, encode_activity
from schemas.alert import DEFAULT_SOURCE, Alert, alert_headers, encode_alert
from schemas.text import printable

REASON_HEADER: Final = "tocsin-reason"
ERROR_HEADER: Final = "tocsin-error"
SIZE_HEADER: Final = "tocsin-size"
SHA256_HEADER: Final = "tocsin-sha256"
ERROR_CHARACTERS: Final = 300
KEPT_BYTES: Final = 1 << 20
"""Key and value together; with the headers it stays below max.message.bytes of the dead letter topic (2 MiB)."""


CARRIED_HEADERS: Final = 12
CARRIED_HEADER_BYTES: Final = 8192
"""Headers that a rerouted mention takes along, names and values together: a record that was only just accepted must not
become too large by what is added."""


_NO_HEADERS: Final[list[tuple[str, bytes]]] = []


class OutRecord(msgspec.Struct, frozen=True):
    """A record to be written: an alert, a dead letter, state, activity or a rerouted mention."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def alert_record(alert: Alert, source: str = DEFAULT_SOURCE) -> OutRecord:
    """The record of an alert: keyed by its brand, CloudEvents attributes with this source in the headers."""
    return OutRecord(alert.brand.encode(), encode_alert(alert), alert_headers(alert, source))


def activity_record(activity: Activity) -> OutRecord:
    """The record of an activity: keyed by its brand, without headers, for there is one per brand and five minutes."""
    return OutRecord(activity.brand.encode(), encode_activity(activity), _NO_HEADERS)


def dead_letter_record(letter: DeadLetter) -> OutRecord:
    """The record of a dead letter: original key and value, and where it stood.

    Above KEPT_BYTES the key is kept first and the value is truncated to what is left; two more headers then state the
    size and the SHA-256 of the whole value.
    """
    key, value = letter.record.key, letter.record.value
    headers = [
        (REASON_HEADER, str(letter.reason).encode()),
        (ERROR_HEADER, printable(letter.error, ERROR_CHARACTERS).encode()),
        ("tocsin-topic", letter.topic.encode()),
        ("tocsin-partition", str(letter.partition).encode()),
        ("tocsin-offset", str(letter.record.offset).encode()),
        ("tocsin-timestamp", str(letter.record.timestamp).encode()),
    ]
    if len(key or b"") + len(value or b"") > KEPT_BYTES:
        whole = value or b""
        headers += [
            (SIZE_HEADER, str(len(whole)).encode()),
            (SHA256_HEADER, hashlib.sha256(whole).hexdigest().encode()),
        ]
        key = None if key is None else key[:KEPT_BYTES]
        value = None if value is None else value[: KEPT_BYTES - len(key or b"")]
    return OutRecord(key, value, headers)


def rerouted_record(rerouted: Rerouted) -> OutRecord:
    """The record of a rerouted mention: as it was, and two headers that say whence it comes.

    Its own headers come along where they are few and small, or else none of them.
    """
    record = rerouted.record
    headers = [
        (REROUTED_HEADER, f"{rerouted.partition}@{record.offset}".encode()),
        ("tocsin-timestamp", str(record.timestamp).encode()),
    ]
    own = record.headers
    if (
        len(own) <= CARRIED_HEADERS
        and sum(len(name) + len(value or b"") for name, value in own) <= CARRIED_HEADER_BYTES
    ):
        headers += own
    return OutRecord(record.key, record.value, headers)
