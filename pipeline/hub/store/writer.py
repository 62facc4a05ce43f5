"""The one that writes the store: what was read and how far, in one transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from pipeline.errors import TocsinError
from pipeline.hub.store.due import due_of
from pipeline.hub.store.periods import Periods
from pipeline.hub.store.retention import DAY, EVERY_SECONDS, HOUR, Retention, forget
from pipeline.hub.store.tables import open_for_writing, sole_writer
from schemas.activity import Activity, encode_activity
from schemas.alert import SEVERITIES, Alert, encode_alert
from schemas.delivery import Delivery, encode_delivery
from schemas.feedback import Feedback, encode_feedback
from schemas.observation import BUCKET_SECONDS

_NEVER: Final = -1


class Incoming(msgspec.Struct):
    """Records that belong together: they are stored in one transaction with the offsets that follow them."""

    alerts: Sequence[Alert] = ()
    activity: Sequence[Activity] = ()
    feedback: Sequence[Feedback] = ()
    deliveries: Sequence[Delivery] = ()
    offsets: Mapping[tuple[str, int], int] = {}


class Change(msgspec.Struct, frozen=True):
    """What a transaction has changed.

    Attributes:
        episodes: those with a new alert, feedback or delivery.
        brands: those with new activity.
        watermark: end of the newest bucket, Unix seconds; 0: there is none, or it is as before.
    """

    episodes: frozenset[str]
    brands: frozenset[str]
    watermark: int


class Writer:
    """Writes the store. Methods may be called from any thread, one after the other.

    What is known is not stored again: alerts, feedback and deliveries go by their ids, the activity of a brand
    comes in the order of its buckets. So records that are read a second time change nothing.
    """

    def __init__(self, path: Path, retention: Retention | None = None) -> None:
        """Open the store, and lay it out if it is new.

        Raises:
            TocsinError: as of `open_for_writing`; another hub writes it.
        """
        self.path = path
        self._retention = retention or Retention()
        self._lock = threading.Lock()
        with ExitStack() as opened:
            opened.enter_context(sole_writer(path))
            self._connection = open_for_writing(path)
            opened.callback(self._connection.close)
            self._opened = opened.pop_all()
        self._brands = self._known_brands()
        facts = dict(self._connection.execute("SELECT name, value FROM facts"))
        self._watermark = int(facts.get("watermark", 0))
        self._forgotten = int(facts.get("forgotten", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the writer is of no use any more."""
        with self._lock:
            self._opened.close()

    def next_offsets(self, topic: str) -> dict[int, int]:
        """How far a topic is stored: by partition the offset to read next."""
        with self._lock:
            return dict(
                self._connection.execute("SELECT partition, next_offset FROM offsets WHERE topic = ?", (topic,))
            )

    def apply(self, incoming: Incoming) -> Change:
        """Store all of it, or, on an error, nothing.

        Raises:
            TocsinError: the file cannot be written: no room, no permission any more, damaged.
        """
        with self._lock:
            before = dict(self._brands), self._watermark, self._forgotten
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                change = self._store(incoming)
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:  # SQLite itself ends one that found no room
                    self._connection.execute("ROLLBACK")
                self._brands, self._watermark, self._forgotten = before
                if isinstance(error, sqlite3.Error):
                    raise TocsinError(f"{self.path}: expected a store that can be written, got: {error}") from error
                raise
            return change

    def _store(self, incoming: Incoming) -> Change:
        episodes = {alert.episode_id for alert in incoming.alerts if self._store_alert(alert)}
        episodes |= {said.episode_id for said in incoming.feedback if self._store_feedback(said)}
        episodes |= {told.episode_id for told in incoming.deliveries if self._store_delivery(told)}
        brands = self._store_activity(incoming.activity)
        self._connection.executemany(
            "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)",
            [(topic, partition, offset) for (topic, partition), offset in incoming.offsets.items()],
        )
        if self._watermark - self._forgotten >= EVERY_SECONDS:
            if forget(self._connection, self._retention, self._forgotten, self._watermark):
                self._brands = self._known_brands()
            self._forgotten = self._watermark
            self._set_fact("forgotten", self._forgotten)
        return Change(frozenset(episodes), frozenset(brands), self._watermark)

    def _store_alert(self, alert: Alert) -> bool:
        value = encode_alert(alert)
        detected = int(alert.detected_time.timestamp())
        found = self._connection.execute(
            "INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?)", (alert.id, alert.episode_id, detected, value)
        )
        if not found.rowcount:
            return False
        number, _ = self._brand(alert.brand if alert.scope == "brand" else f"#{alert.brand}")
        cause = alert.evidence.cause
        self._connection.execute(
            """
            INSERT INTO episodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (episode_id) DO UPDATE SET
                severity = max(severity, excluded.severity),
                onset = min(onset, excluded.onset),
                opened = min(opened, excluded.opened),
                resolved = coalesce(resolved, excluded.resolved),
                due = min(coalesce(due, excluded.due), coalesce(excluded.due, due)),
                category = CASE WHEN excluded.changed >= changed THEN excluded.category ELSE category END,
                cause = CASE WHEN excluded.changed >= changed THEN excluded.cause ELSE cause END,
                words = CASE WHEN excluded.changed >= changed THEN excluded.words ELSE words END,
                last_alert = CASE WHEN excluded.changed >= changed THEN excluded.last_alert ELSE last_alert END,
                changed = max(changed, excluded.changed)
            """,
            (
                alert.episode_id,
                alert.scope,
                alert.brand,
                number,
                alert.category,
                alert.kind,
                SEVERITIES.index(alert.severity),
                int(alert.onset_time.timestamp()),
                detected,
                detected,
                detected if alert.transition == "resolved" else None,
                cause.name if cause else "",
                _words(alert),
                value,
                due_of(alert),
            ),
        )
        return True

    def _store_feedback(self, said: Feedback) -> bool:
        found = self._connection.execute(
            "INSERT OR IGNORE INTO feedback VALUES (?, ?, ?, ?, ?, "
            "(SELECT coalesce(max(arrival), 0) + 1 FROM feedback WHERE episode_id = ?))",
            (said.id, said.episode_id, said.kind, said.time.timestamp(), encode_feedback(said), said.episode_id),
        )
        return found.rowcount > 0

    def _store_delivery(self, told: Delivery) -> bool:
        found = self._connection.execute(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?)",
            (told.id, told.episode_id, told.time.timestamp(), encode_delivery(told)),
        )
        return found.rowcount > 0

    def _store_activity(self, records: Iterable[Activity]) -> set[str]:
        buckets: list[tuple[int, ...]] = []
        hours, days = Periods(HOUR), Periods(DAY)
        latest: dict[int, Activity] = {}
        for record in records:
            number, last = self._brand(record.brand)
            if record.start <= last:
                continue
            self._brands[record.brand] = (number, record.start)
            buckets.append(_bucket(number, record))
            hours.add(number, record)
            days.add(number, record)
            latest[number] = record
            self._watermark = max(self._watermark, record.start + BUCKET_SECONDS)
        if not buckets:
            return set()
        marks = ", ".join("?" * len(buckets[0]))
        self._connection.executemany(f"INSERT OR IGNORE INTO buckets VALUES ({marks})", buckets)  # noqa: S608 - marks
        hours.add_to(self._connection, "hours")
        days.add_to(self._connection, "days")
        self._connection.executemany(
            "UPDATE brands SET last_start = ?, latest = ? WHERE number = ?",
            [(record.start, encode_activity(record), number) for number, record in latest.items()],
        )
        self._set_fact("watermark", self._watermark)
        return {record.brand for record in latest.values()}

    def _known_brands(self) -> dict[str, tuple[int, int]]:
        found = self._connection.execute("SELECT name, number, last_start FROM brands")
        return {name: (number, last) for name, number, last in found}

    def _brand(self, name: str) -> tuple[int, int]:
        """Number and last bucket of a brand; of a category whose name follows a '#'."""
        known = self._brands.get(name)
        if known is None:
            found = self._connection.execute("INSERT INTO brands (name, last_start) VALUES (?, ?)", (name, _NEVER))
            assert found.lastrowid is not None
            known = self._brands[name] = (found.lastrowid, _NEVER)
        return known

    def _set_fact(self, name: str, value: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _bucket(number: int, record: Activity) -> tuple[int, ...]:
    expected, scores = record.expected, record.scores
    return (
        record.start,
        number,
        record.mentions * 100,
        round(record.negatives * 100),
        round(expected.value * 100),
        round(expected.lower * 100),
        round(expected.upper * 100),
        round(expected.negative_share * 10_000),
        round(scores.crisis * 100),
        round(scores.sentiment_shift * 100),
        round(scores.volume_surge * 100),
    )


def _words(alert: Alert) -> str:
    """What a search looks into: headline, terms, the trigger."""
    parts = [alert.headline, *(term.text for term in alert.evidence.terms)]
    parts += [trigger.excerpt for trigger in alert.evidence.triggers[:1]]
    return "\n".join(parts).casefold()
