"""Tables of the store, and how its file is opened.

Counts and scores of activity are whole hundredths, shares whole ten-thousandths: an integer of SQLite takes the bytes
that it needs, a real always eight. Times are Unix seconds.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.errors import TocsinError
from pipeline.hub.store.migration import DELIVERIES, from_layout_1, from_layout_2

VERSION: Final = 3
"""Of the layout; a file of one before is brought up to it, any other is refused."""

_PERIOD_COLUMNS: Final = """
    start INTEGER NOT NULL,
    brand INTEGER NOT NULL,
    mentions INTEGER NOT NULL,
    negatives INTEGER NOT NULL,
    buckets INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    below INTEGER NOT NULL,
    above INTEGER NOT NULL,
    usual_negatives INTEGER NOT NULL,
    score INTEGER NOT NULL,
    PRIMARY KEY (start, brand)
"""

_TABLES: Final = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE offsets (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE brands (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_start INTEGER NOT NULL, latest BLOB);
CREATE INDEX brands_by_last_start ON brands (last_start);
CREATE TABLE episodes (
    episode_id TEXT PRIMARY KEY,
    scope TEXT NOT NULL,
    brand TEXT NOT NULL,
    number INTEGER NOT NULL,
    category TEXT,
    kind TEXT NOT NULL,
    severity INTEGER NOT NULL,
    onset INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    resolved INTEGER,
    cause TEXT NOT NULL,
    words TEXT NOT NULL,
    last_alert BLOB NOT NULL,
    due INTEGER
) WITHOUT ROWID;
CREATE INDEX episodes_of_brand ON episodes (number, onset);
CREATE INDEX episodes_by_opening ON episodes (opened);
CREATE INDEX open_episodes ON episodes (severity, opened) WHERE resolved IS NULL;
CREATE TABLE alerts (
    id TEXT PRIMARY KEY, episode_id TEXT NOT NULL, detected INTEGER NOT NULL, value BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_of_episode ON alerts (episode_id, detected);
CREATE INDEX alerts_by_time ON alerts (detected);
CREATE TABLE feedback (
    id TEXT PRIMARY KEY, episode_id TEXT NOT NULL, kind TEXT NOT NULL, said REAL NOT NULL, value BLOB NOT NULL,
    arrival INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX feedback_of_episode ON feedback (episode_id, said);
{DELIVERIES}
CREATE TABLE buckets (
    start INTEGER NOT NULL,
    brand INTEGER NOT NULL,
    mentions INTEGER NOT NULL,
    negatives INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    lower INTEGER NOT NULL,
    upper INTEGER NOT NULL,
    usual_share INTEGER NOT NULL,
    crisis INTEGER NOT NULL,
    sentiment_shift INTEGER NOT NULL,
    volume_surge INTEGER NOT NULL,
    PRIMARY KEY (start, brand)
) WITHOUT ROWID;
CREATE TABLE hours ({_PERIOD_COLUMNS}) WITHOUT ROWID;
CREATE TABLE days ({_PERIOD_COLUMNS}) WITHOUT ROWID;
"""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The store's file, made if there is none. Transactions are the caller's, and so is being the `sole_writer`.

    Raises:
        TocsinError: it cannot be opened, is no store, or one of another layout.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        # After a kill the file is whole; after a power cut the last commits may be gone, their offsets with them.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA busy_timeout = 2000")
        _lay_out(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from None
    return connection


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold the lock of a store: of two writers each would add what it reads. The kernel lets go when we end.

    Raises:
        TocsinError: another process holds it, or its file cannot be made.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a")
    except OSError as error:
        raise _unusable(path, error) from None
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TocsinError(
                f"{path}: expected a store that no other hub writes, got one that is in use; stop that hub, or set "
                "another file with --store"
            ) from None
        yield


def _unusable(path: Path, error: Exception) -> TocsinError:
    return TocsinError(
        f"{path}: expected a file that the hub can keep its store in, got: {error}; set another with --store"
    )


def _lay_out(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise TocsinError(f"{path}: expected a store of the hub, got another database; set another with --store")
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version in {1, 2}:
        if version == 1:
            from_layout_1(connection)
        from_layout_2(connection)
    elif version != VERSION:
        raise TocsinError(
            f"{path}: expected a store of layout {VERSION}, got layout {version}; remove it, and the hub reads the "
            "topics anew"
        )


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that can write nothing. It may be used by one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA busy_timeout = 2000")
    connection.execute("PRAGMA cache_size = -8192")
    return connection
