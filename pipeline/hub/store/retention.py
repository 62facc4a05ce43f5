"""What the store forgets, by event time: the newest activity is "now", so that a replay keeps what a live hub keeps."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from pipeline.report.series import SHOWN_BEFORE

HOUR: Final = 3600
DAY: Final = 24 * HOUR


class Retention(msgspec.Struct, frozen=True):
    """How long what is kept, in seconds of event time.

    Attributes:
        buckets: five-minute rows of every brand.
        before, after: five-minute rows so long before the onset and after the end of an episode are kept as long as it.
        hours, days: rows of an hour and of a day; the name of a brand as long as those of a day.
        episodes: episodes since their last alert, with alerts, feedback and five-minute rows.
    """

    buckets: int = 24 * HOUR
    before: int = int(SHOWN_BEFORE.total_seconds())
    after: int = 2 * HOUR
    hours: int = 8 * DAY
    days: int = 400 * DAY
    episodes: int = 90 * DAY


_NEAR: Final = """
EXISTS (
    SELECT 1 FROM episodes WHERE episodes.number = buckets.brand
    AND buckets.start >= episodes.onset - :before
    AND (episodes.resolved IS NULL OR buckets.start < episodes.resolved + :after)
)
"""


EVERY_SECONDS: Final = 600
"""Of event time between two rounds: each has little to delete, so that nobody waits for it."""


def forget(connection: sqlite3.Connection, retention: Retention, forgotten: int, now: int) -> bool:
    """Delete what is older than its time; within the caller's transaction.

    Args:
        connection: of the writer.
        retention: how long what is kept.
        forgotten: the `now` of the last call: five-minute rows older than this have been judged.
        now: event time, Unix seconds.

    Returns:
        Whether brands were deleted.
    """
    old = now - retention.episodes
    connection.execute(
        f"DELETE FROM buckets WHERE start >= :since AND start < :until AND NOT {_NEAR}",  # noqa: S608 - a constant
        {
            "since": forgotten - retention.buckets,
            "until": now - retention.buckets,
            "before": retention.before,
            "after": retention.after,
        },
    )
    connection.execute("DELETE FROM buckets WHERE start < ?", (old,))
    connection.execute("DELETE FROM hours WHERE start < ?", (now - retention.hours,))
    connection.execute("DELETE FROM days WHERE start < ?", (now - retention.days,))
    gone = "SELECT episode_id FROM episodes WHERE changed < ?"
    for table in ("alerts", "feedback", "deliveries"):
        connection.execute(f"DELETE FROM {table} WHERE episode_id IN ({gone})", (old,))  # noqa: S608 - both constants
    connection.execute("DELETE FROM episodes WHERE changed < ?", (old,))
    # Of an alert that its topic no longer had when it was read.
    connection.execute(
        "DELETE FROM deliveries WHERE told < ? AND episode_id NOT IN (SELECT episode_id FROM episodes)", (old,)
    )
    unheard = connection.execute(
        "DELETE FROM brands WHERE last_start < ? AND number NOT IN (SELECT number FROM episodes)",
        (now - retention.days,),
    )
    return unheard.rowcount > 0
