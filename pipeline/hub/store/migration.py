"""A store of a layout before, brought up to this one: nothing need be read from the topics anew."""

from __future__ import annotations

import sqlite3
from typing import Final

from pipeline.hub.store.due import due_of
from schemas.alert import decode_alert

DELIVERIES: Final = """
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, episode_id TEXT NOT NULL, told REAL NOT NULL, value BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX deliveries_of_episode ON deliveries (episode_id, told);
"""


def from_layout_1(connection: sqlite3.Connection) -> None:
    """Add when feedback arrived and by when somebody was to act, all of it or, on an error, nothing.

    Of old feedback the order of arrival is not known.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("ALTER TABLE feedback ADD COLUMN arrival INTEGER NOT NULL DEFAULT 0")
        connection.execute("ALTER TABLE episodes ADD COLUMN due INTEGER")
        for episode_id, value in connection.execute("SELECT episode_id, value FROM alerts").fetchall():
            connection.execute(
                "UPDATE episodes SET due = min(coalesce(due, :due), :due) WHERE episode_id = :id AND :due IS NOT NULL",
                {"id": episode_id, "due": due_of(decode_alert(value))},
            )
        connection.execute("PRAGMA user_version = 2")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def from_layout_2(connection: sqlite3.Connection) -> None:
    """Add who was told: their topic is read from its beginning, for the store has no offset of it."""
    connection.executescript(f"BEGIN IMMEDIATE; {DELIVERIES} PRAGMA user_version = 3; COMMIT;")
