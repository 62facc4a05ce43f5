"""Material from the topics: alerts, alert-feedback, alert-deliveries and brand-activity, committed records only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipeline.config.settings import Settings
from pipeline.kafka.reading import place as named
from pipeline.kafka.reading import read_records
from pipeline.kafka.topics import partitions_if_any
from pipeline.report.material import Material, kept, take
from pipeline.report.trail import Place
from schemas.activity import decode_activity
from schemas.alert import decode_alert
from schemas.delivery import decode_delivery
from schemas.feedback import decode_feedback
from schemas.moments import moment

CLOCKS_SECONDS: Final = 86_400.0
"""By which the clocks of workers and brokers may be wrong."""


def read_topics(settings: Settings) -> Material:
    """All alerts, feedback and deliveries on the topics; without activity, which is read when the brand is known.

    Where there is no topic of deliveries, as in an older installation, there are none.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    found = Material()

    _read(settings, "alerts", kept(found.alerts, decode_alert), "an alert", found)
    _read(settings, "alert-feedback", kept(found.feedback, decode_feedback), "feedback", found, keeps_tombstones=True)
    if partitions_if_any(settings, "alert-deliveries"):
        _read(settings, "alert-deliveries", kept(found.deliveries, decode_delivery), "a delivery", found)
    return found


def read_activity(found: Material, settings: Settings, brand: str, since: float) -> None:
    """Add the activity of a brand that is still on the topic to the material.

    No record is written before its five minutes are over, so what was written long before tells of nothing later.

    Args:
        found: the material.
        settings: where the broker is.
        brand: whose.
        since: Unix seconds; what was written more than a day before is passed over.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    key = brand.encode()

    def keep(value: bytes, _: Place) -> None:
        found.activity.append(decode_activity(value))

    _read(settings, "brand-activity", keep, "an activity", found, key=key, since=since - CLOCKS_SECONDS)


def _read(
    settings: Settings,
    topic: str,
    keep: Callable[[bytes, Place], None],
    expected: str,
    found: Material,
    *,
    key: bytes | None = None,
    keeps_tombstones: bool = False,
    since: float | None = None,
) -> None:
    """Every record of a topic; those with another key than the one asked for are passed over undecoded.

    A record without a value on a compacted topic deletes its key: it is no problem, and it says nothing.
    """
    everything = read_records(settings, topic, from_beginning=True, follow=False, stop=lambda: False, since=since)
    for record in everything:
        if (key is not None and record.key != key) or (keeps_tombstones and record.value is None):
            continue
        place = Place(
            source=record.topic,
            partition=record.partition,
            offset=record.offset,
            value=record.value or b"",
            written=moment(record.timestamp / 1000),
        )
        problem = take(keep, record.value, place, named(record), expected)
        if problem:
            found.problems.append(problem)
