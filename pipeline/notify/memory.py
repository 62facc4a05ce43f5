"""What one target has been told, on disk: a restart repeats nothing, loses nothing that waits, closes what is open.

One SQLite file a target, written before the offset is committed. A second process on the same file is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pipeline.errors import TocsinError
from pipeline.notify.decision import SECONDS_PER_HOUR, Past, Reason, dedup_key
from schemas.alert import Alert, decode_alert, encode_alert
from schemas.delivery import Delivery, decode_delivery, encode_delivery

VERSION: Final = 2
"""A file of the version before is brought up to it, any other is refused."""
KEPT_DAYS: Final = 100.0
"""Longer than the topic keeps alerts: no older one can be read again."""
_SILENT_DAYS: Final = 30.0
"""An episode without news for so long has lost its end: it is no longer said again."""
_SCHEMA: Final = """
CREATE TABLE delivered (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE deliveries (at REAL NOT NULL);
CREATE TABLE told (episode TEXT PRIMARY KEY, key TEXT NOT NULL, at REAL NOT NULL, alert BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE in_flight (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE held (id TEXT PRIMARY KEY, episode TEXT NOT NULL, number INTEGER NOT NULL, reason TEXT NOT NULL,
                   published REAL NOT NULL, alert BLOB NOT NULL) WITHOUT ROWID;
"""
_SINCE_VERSION_2: Final = """
CREATE TABLE unrecorded (number INTEGER PRIMARY KEY, id TEXT NOT NULL, at REAL NOT NULL, value BLOB NOT NULL)
"""

_ALL_HELD: Final = ("SELECT count(*) FROM held", ())
_Write = Callable[[str, tuple[object, ...]], int]
"""Runs a statement with its values and gives the number of rows that it changed."""


class Held(msgspec.Struct, frozen=True):
    """An alert that waits, why, and since when (Unix seconds of its publication)."""

    alert: Alert
    reason: Reason
    published: float


class Memory:
    """What one target has been told. Not for use by two threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def past(self, alert: Alert, now: float) -> Past:
        """What the target knows that matters for this alert."""
        return Past(
            delivered=self._has("SELECT 1 FROM delivered WHERE id = ?", alert.id),
            told=self.told(alert.episode_id) is not None,
            shared=self.is_shared(dedup_key(alert), alert.episode_id),
            recent=self.recent(now),
        )

    def told(self, episode: str) -> tuple[str, Alert] | None:
        """The key and the last delivered alert of an episode that is open at the target; None of any other."""
        row = self._connection.execute("SELECT key, alert FROM told WHERE episode = ?", (episode,)).fetchone()
        return (row[0], decode_alert(row[1])) if row else None

    def is_shared(self, key: str, episode: str) -> bool:
        """Whether another episode is open at the target under the same key."""
        return self._has("SELECT 1 FROM told WHERE key = ? AND episode <> ?", key, episode)

    def open_alerts(self) -> list[Alert]:
        """The last delivered alert of every episode that is open at the target, the oldest first."""
        return [decode_alert(row[0]) for row in self._connection.execute("SELECT alert FROM told ORDER BY at, episode")]

    def recent(self, now: float) -> int:
        """Deliveries of the last hour."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM deliveries WHERE at > ?", (now - SECONDS_PER_HOUR,)
        ).fetchone()
        return int(count)

    def attempt(self, alerts: Iterable[Alert]) -> None:
        """Remember what is being delivered, before it is: where nothing can be remembered, nothing may be told.

        Else a full disk would have people told the same thing every few seconds.
        """
        with self._transaction() as write:
            write("DELETE FROM in_flight", ())
            for alert in alerts:
                write("INSERT INTO in_flight VALUES (?)", (alert.id,))

    def interrupted(self) -> list[str]:
        """Ids of the alerts whose delivery had begun when the process ended: they may be told twice."""
        rows = self._connection.execute(
            "SELECT id FROM in_flight WHERE id NOT IN (SELECT id FROM delivered) ORDER BY id"
        )
        return [row[0] for row in rows]

    def delivered(self, alerts: Iterable[Alert], now: float, records: Iterable[Delivery] = ()) -> int:
        """Remember one delivery, of one alert or of several at once.

        What had waited of the same episodes is dropped: the target knows something later.

        Args:
            alerts: that the target was told.
            now: Unix seconds.
            records: of the delivery, which are not yet on their topic.

        Returns:
            The number of other alerts that were dropped so.
        """
        dropped = 0
        with self._transaction() as write:
            write("INSERT INTO deliveries VALUES (?)", (now,))
            _keep(write, records)
            for alert in alerts:
                write("INSERT OR IGNORE INTO delivered VALUES (?, ?)", (alert.id, now))
                write("DELETE FROM held WHERE id = ?", (alert.id,))
                dropped += self._drop(write, alert.episode_id, now)
                if alert.transition == "resolved":
                    write("DELETE FROM told WHERE episode = ?", (alert.episode_id,))
                else:
                    write(
                        "INSERT INTO told VALUES (?, ?, ?, ?) ON CONFLICT (episode) DO UPDATE SET key = excluded.key, "
                        "at = excluded.at, alert = excluded.alert",
                        (alert.episode_id, dedup_key(alert), now, encode_alert(alert)),
                    )
        return dropped

    def ended(self, alert: Alert, now: float) -> int:
        """Remember that an episode is over of which the target is not told so; what waited of it is dropped.

        Returns:
            The number of alerts that were dropped.
        """
        with self._transaction() as write:
            write("DELETE FROM told WHERE episode = ?", (alert.episode_id,))
            return self._drop(write, alert.episode_id, now)

    def give_up(self, alert: Alert, now: float, records: Iterable[Delivery] = ()) -> None:
        """Remember that an alert is not to be tried again: the target refuses it; `records` as of `delivered`."""
        with self._transaction() as write:
            _keep(write, records)
            write("INSERT OR IGNORE INTO delivered VALUES (?, ?)", (alert.id, now))
            write("DELETE FROM held WHERE id = ?", (alert.id,))
            if alert.transition == "resolved":
                write("DELETE FROM told WHERE episode = ?", (alert.episode_id,))

    def hold(self, alert: Alert, reason: Reason, published: float) -> None:
        """Keep an alert that waits; once more changes nothing."""
        with self._transaction() as write:
            write(
                "INSERT OR IGNORE INTO held SELECT ?, ?, coalesce(max(number), 0) + 1, ?, ?, ? FROM held",
                (alert.id, alert.episode_id, reason.value, published, encode_alert(alert)),
            )

    def held(self) -> list[Held]:
        """What waits, in the order in which it came."""
        rows = self._connection.execute("SELECT alert, reason, published FROM held ORDER BY number")
        return [Held(decode_alert(alert), Reason(reason), published) for alert, reason, published in rows]

    def held_count(self, reason: Reason | None = None) -> int:
        """The number of alerts that wait, for one reason or for any."""
        chosen = ("SELECT count(*) FROM held WHERE reason = ?", (reason.value,)) if reason else _ALL_HELD
        (count,) = self._connection.execute(*chosen).fetchone()
        return int(count)

    def waited(self, alerts: Iterable[Alert]) -> dict[str, Reason]:
        """Why alerts wait, by id, of those that do."""
        query = "SELECT reason FROM held WHERE id = ?"
        rows = {alert.id: self._connection.execute(query, (alert.id,)).fetchone() for alert in alerts}
        return {name: Reason(row[0]) for name, row in rows.items() if row}

    def unrecorded(self, limit: int) -> list[Delivery]:
        """The first records of deliveries that are not known to be on their topic."""
        rows = self._connection.execute("SELECT value FROM unrecorded ORDER BY number LIMIT ?", (limit,))
        return [decode_delivery(row[0]) for row in rows]

    def unrecorded_count(self) -> int:
        """How many there are."""
        (count,) = self._connection.execute("SELECT count(*) FROM unrecorded").fetchone()
        return int(count)

    def recorded(self, ids: Iterable[str]) -> None:
        """Remember that these records are on their topic."""
        with self._transaction() as write:
            for one in ids:
                write("DELETE FROM unrecorded WHERE id = ?", (one,))

    def forget(self, now: float) -> None:
        """Drop what can no longer matter, so that the file stays small."""
        with self._transaction() as write:
            for table in ("delivered", "unrecorded"):
                write(f"DELETE FROM {table} WHERE at < ?", (now - KEPT_DAYS * 24 * SECONDS_PER_HOUR,))  # noqa: S608 - of two
            write("DELETE FROM deliveries WHERE at < ?", (now - SECONDS_PER_HOUR,))
            write("DELETE FROM told WHERE at < ?", (now - _SILENT_DAYS * 24 * SECONDS_PER_HOUR,))

    def _drop(self, write: _Write, episode: str, now: float) -> int:
        """What waits of an episode is done with: it counts as delivered, so that it is not held again."""
        write("INSERT OR IGNORE INTO delivered SELECT id, ? FROM held WHERE episode = ?", (now, episode))
        return write("DELETE FROM held WHERE episode = ?", (episode,))

    def _has(self, query: str, *values: str) -> bool:
        return self._connection.execute(query, values).fetchone() is not None

    @contextmanager
    def _transaction(self) -> Iterator[_Write]:
        with self._connection:  # commits, or rolls back where the block raises
            self._connection.execute("BEGIN IMMEDIATE")
            yield lambda query, values: self._connection.execute(query, values).rowcount


def _keep(write: _Write, records: Iterable[Delivery]) -> None:
    for one in records:
        write(
            "INSERT INTO unrecorded (id, at, value) VALUES (?, ?, ?)",
            (one.id, one.time.timestamp(), encode_delivery(one)),
        )


def open_memory(path: Path | None) -> Memory:
    """The memory of one target; close it in the end.

    Args:
        path: of its file, made where it is not there; None for one that is gone afterwards.

    Raises:
        TocsinError: the file cannot be used, or another process uses it.
    """
    try:
        return Memory(_connect(path))
    except sqlite3.DatabaseError as error:
        in_use = "locked" in str(error)
        raise TocsinError(
            f"{path}: expected the memory of one target, got: {error}; "
            + ("another `tocsin notify` uses it: stop that one first" if in_use else "move it away to start anew")
        ) from None
    except OSError as error:
        raise TocsinError(f"{path}: expected a folder that can be written to: {error.strerror}") from None


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    # Opened by the thread that starts the service, so that errors end it; used by that of the target alone.
    name = ":memory:" if path is None else path
    connection = sqlite3.connect(name, timeout=0.0, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Take the file for this process, and make its tables where it is new."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # from the first lock until the process ends
    connection.execute("BEGIN EXCLUSIVE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, 1, VERSION}:
        raise sqlite3.DatabaseError(f"version {version} instead of {VERSION}")
    if version == 0:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
    if version < VERSION:
        connection.execute(_SINCE_VERSION_2)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
