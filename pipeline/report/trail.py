"""The audit trail: what was known and said when, each with its place and the SHA-256 of its bytes.

Whoever has the topic or the file can compute every digest anew; the digest over all of them fixes the whole trail.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

import msgspec

from pipeline.report.review import Record, Trail
from pipeline.report.shown import NAME_CHARACTERS, line
from schemas.alert import Alert
from schemas.delivery import Delivery
from schemas.feedback import Feedback


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record lies, on a topic or in a line of a file, the bytes of its value, and when it was written there."""

    source: str
    value: bytes
    written: datetime | None = None
    partition: int | None = None
    offset: int | None = None
    line: int | None = None


def digest(value: bytes) -> str:
    """SHA-256 of a record's value, in hexadecimal digits."""
    return sha256(value).hexdigest()


Said = Alert | Feedback | Delivery
"""What a record of the trail says."""


def record_of(said: Said, place: Place) -> Record:
    """A record of the trail."""
    delivery = said if isinstance(said, Delivery) else None
    return Record(
        kind="alert" if isinstance(said, Alert) else "feedback" if isinstance(said, Feedback) else "delivery",
        time=said.detected_time if isinstance(said, Alert) else said.time,
        what=said.kind if isinstance(said, Feedback) else said.transition,
        id=said.id,
        author=line(said.author, NAME_CHARACTERS) if isinstance(said, Feedback) else "",
        target=line(delivery.target, NAME_CHARACTERS) if delivery else "",
        outcome=delivery.outcome if delivery else "",
        alert_id=delivery.alert_id if delivery else "",
        written=place.written,
        source=line(place.source, 2 * NAME_CHARACTERS),
        sha256=digest(place.value),
        partition=place.partition,
        offset=place.offset,
        line=place.line,
    )


def trail_of(records: Iterable[Record]) -> Trail:
    """The records in order of time, those of one moment in the order of their places."""
    ordered = tuple(sorted(records, key=_order))
    return Trail(records=ordered, sha256=digest("".join(record.sha256 + "\n" for record in ordered).encode()))


def exported(trail: Trail, values: Iterable[bytes]) -> list[bytes]:
    """The records of a trail with their values, a JSON object each, for whoever computes the digests anew.

    Args:
        trail: whose order is kept.
        values: of at least its records, each a text in UTF-8, as what could be decoded is.
    """
    by_digest = {digest(value): value for value in values}
    return [
        msgspec.json.encode({**msgspec.to_builtins(record), "value": by_digest[record.sha256].decode()})
        for record in trail.records
    ]


def _order(record: Record) -> tuple[float, str, str, int, int, str]:
    place = (record.partition if record.partition is not None else -1, record.offset or record.line or 0)
    return record.time.timestamp(), record.kind, record.source, *place, record.sha256
