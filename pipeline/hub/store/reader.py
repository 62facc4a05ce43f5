"""What the pages ask the store. Answers are as of one moment each; nothing here can write."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from pipeline.hub.store.retention import DAY, HOUR
from pipeline.hub.store.tables import open_for_reading
from schemas.activity import Activity, decode_activity
from schemas.alert import SEVERITIES, Alert, decode_alert
from schemas.delivery import Delivery, decode_delivery
from schemas.feedback import Feedback, FeedbackKind, decode_feedback
from schemas.observation import BUCKET_SECONDS

CONNECTIONS: Final = 4
"""Questions answered at the same time; more wait."""
ACTIVE_SECONDS: Final = 2 * HOUR
"""A brand is active that was mentioned in the last so many seconds."""
MAX_POINTS: Final = 2_000
"""Of one answer about activity."""


class Episode(msgspec.Struct, frozen=True):
    """An episode as its alerts so far tell it; `severity` is the gravest, times are Unix seconds.

    `due` is by when somebody is to act, None where no alert tells.
    """

    episode_id: str
    scope: str
    brand: str
    number: int
    category: str | None
    kind: str
    severity: str
    onset: int
    opened: int
    changed: int
    resolved: int | None
    cause: str
    alert: Alert
    due: int | None


class Bucket(msgspec.Struct, frozen=True):
    """Activity of a brand in five minutes, an hour or a day. `start` in Unix seconds.

    `expected` with `lower` and `upper` is what was normal, `scores` the score by kind, the highest of an hour or day.
    """

    start: int
    mentions: float
    negatives: float
    expected: float
    lower: float
    upper: float
    usual_share: float
    scores: dict[str, float]


class Status(msgspec.Struct, frozen=True):
    """Is the line alive? `watermark` is the end of the newest bucket, 0 before the first; brands are those watched."""

    watermark: int
    brands: int
    active_brands: int
    open_episodes: int
    episodes: int


class Search(msgspec.Struct, frozen=True):
    """What to look for; an empty text and None let everything through. Times are Unix seconds of the opening.

    `brand` is a part of a brand's id, `called` are brands that people call so. `text` is a part of what an episode is
    about or of its brand's id, `text_called` are brands that people call so.
    """

    brand: str = ""
    called: tuple[str, ...] = ()
    cause: str = ""
    text: str = ""
    text_called: tuple[str, ...] = ()
    kind: str = ""
    since: float | None = None
    until: float | None = None


_COLUMNS: Final = (
    "episode_id, scope, brand, number, category, kind, severity, onset, opened, changed, resolved, cause, "
    "last_alert, due"
)
_WATERMARK: Final = "SELECT value FROM facts WHERE name = 'watermark'"
_SERIES: Final = "WITH RECURSIVE series(at) AS (SELECT :first UNION ALL SELECT at + :step FROM series WHERE at < :last)"


class Reader:
    """Answers questions, a few at a time. Methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open a store that exists."""
        self._free: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._connections = [open_for_reading(path) for _ in range(CONNECTIONS)]
        for connection in self._connections:
            self._free.put(connection)

    def close(self) -> None:
        """Close the file."""
        for connection in self._connections:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = self._free.get()
        try:
            yield connection
        finally:
            self._free.put(connection)

    def _rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        with self._connection() as connection:
            return connection.execute(sql, values).fetchall()

    def status(self) -> Status:
        """What is watched, and how far."""
        with self._connection() as connection:
            watermark = _scalar(connection, _WATERMARK)
            heard = "SELECT count(*) FROM brands WHERE last_start >= ?"
            return Status(
                watermark=watermark,
                brands=_scalar(connection, heard, (0,)),
                active_brands=_scalar(connection, heard, (watermark - ACTIVE_SECONDS,)),
                open_episodes=_scalar(connection, "SELECT count(*) FROM episodes WHERE resolved IS NULL"),
                episodes=_scalar(connection, "SELECT count(*) FROM episodes"),
            )

    def watermark(self) -> int:
        """End of the newest bucket, Unix seconds; 0 before the first."""
        with self._connection() as connection:
            return _scalar(connection, _WATERMARK)

    def first_day(self) -> int:
        """Start of the first day of which anything is kept, of any brand, Unix seconds; 0 before the first."""
        with self._connection() as connection:
            return _scalar(connection, "SELECT coalesce(min(start), 0) FROM days")

    def newest(self, brand: str) -> int:
        """End of the brand's own newest bucket, Unix seconds; 0 where nothing was heard of it."""
        rows = self._rows("SELECT last_start FROM brands WHERE name = ? AND last_start >= 0", (brand,))
        return int(rows[0][0]) + BUCKET_SECONDS if rows else 0

    def open_episodes(self) -> list[Episode]:
        """Every open episode, the gravest first, then the oldest."""
        return _episodes(
            self._rows(
                f"SELECT {_COLUMNS} FROM episodes WHERE resolved IS NULL ORDER BY severity DESC, opened, brand"  # noqa: S608
            )
        )

    def last_episodes(self, limit: int) -> list[Episode]:
        """The episodes that ended last."""
        return _episodes(
            self._rows(
                f"SELECT {_COLUMNS} FROM episodes WHERE resolved IS NOT NULL ORDER BY resolved DESC LIMIT ?",  # noqa: S608
                (limit,),
            )
        )

    def episode(self, episode_id: str) -> Episode | None:
        """One episode, None for one that is not known (any more)."""
        found = _episodes(self._rows(f"SELECT {_COLUMNS} FROM episodes WHERE episode_id = ?", (episode_id,)))  # noqa: S608
        return found[0] if found else None

    def beginning_with(self, digits: str, limit: int) -> list[Episode]:
        """Episodes whose id begins with these hexadecimal digits, by id."""
        sql = f"SELECT {_COLUMNS} FROM episodes WHERE episode_id LIKE ? ORDER BY episode_id LIMIT ?"  # noqa: S608
        return _episodes(self._rows(sql, (f"{digits}%", limit)))

    def alerts(self, episode_id: str) -> list[Alert]:
        """The alerts of an episode, in order of detection."""
        rows = self._rows("SELECT value FROM alerts WHERE episode_id = ? ORDER BY detected", (episode_id,))
        return [decode_alert(value) for (value,) in rows]

    def alerts_of(self, brand: str) -> list[Alert]:
        """The alerts of all episodes of a brand or, with a '#' before its name, of a category, by time of detection."""
        sql = (
            "SELECT value FROM alerts JOIN episodes USING (episode_id) "
            "WHERE number = (SELECT number FROM brands WHERE name = ?) ORDER BY alerts.detected, id"
        )
        return [decode_alert(value) for (value,) in self._rows(sql, (brand,))]

    def feedback(self, episode_ids: Sequence[str]) -> list[Feedback]:
        """What people have said about these episodes, in the order of its times, then of its arrival."""
        marks = ", ".join("?" * len(episode_ids))
        sql = f"SELECT value FROM feedback WHERE episode_id IN ({marks}) ORDER BY said, arrival, id"  # noqa: S608 - marks
        return [decode_feedback(value) for (value,) in self._rows(sql, list(episode_ids))]

    def deliveries(self, episode_id: str) -> list[Delivery]:
        """Who was told of an episode, in order of time."""
        rows = self._rows("SELECT value FROM deliveries WHERE episode_id = ? ORDER BY told, id", (episode_id,))
        return [decode_delivery(value) for (value,) in rows]

    def response_seconds(self, kind: FeedbackKind) -> list[float]:
        """Seconds from the opening of an episode to the first feedback of a kind, of every one that has some."""
        return [
            float(seconds)
            for (seconds,) in self._rows(
                "SELECT MAX(MIN(said) - opened, 0) FROM feedback JOIN episodes USING (episode_id) "
                "WHERE feedback.kind = ? GROUP BY episode_id",
                (kind,),
            )
        ]

    def episodes_of(self, brand: str, *, since: int = 0, limit: int = 50) -> list[Episode]:
        """The episodes of a brand or, with a '#' before its name, of a category, from the newest on."""
        sql = (
            f"SELECT {_COLUMNS} FROM episodes WHERE number = (SELECT number FROM brands WHERE name = ?) "  # noqa: S608
            "AND coalesce(resolved, changed) >= ? ORDER BY onset DESC LIMIT ?"
        )
        return _episodes(self._rows(sql, (brand, since, limit)))

    def search(self, wanted: Search, *, limit: int, skipped: int = 0) -> list[Episode]:
        """Episodes that fit, from the newest on."""
        where: list[str] = ["1"]
        values: list[str | float] = []
        if wanted.brand:
            where.append(_named("brand", wanted.called))
            values += [_like(wanted.brand), *wanted.called]
        if wanted.text:
            where.append(f"(words LIKE ? ESCAPE '\\' OR {_named('brand', wanted.text_called)})")
            values += [_like(wanted.text.casefold()), _like(wanted.text), *wanted.text_called]
        for clause, value in (
            ("cause = ?", wanted.cause),
            ("kind = ?", wanted.kind),
            ("opened >= ?", wanted.since),
            ("opened < ?", wanted.until),
        ):
            if value not in {"", None}:
                where.append(clause)
                values.append(value)
        sql = f"SELECT {_COLUMNS} FROM episodes WHERE {' AND '.join(where)} ORDER BY opened DESC LIMIT ? OFFSET ?"  # noqa: S608
        return _episodes(self._rows(sql, [*values, limit, skipped]))

    def brands(self, part: str, called: Sequence[str], limit: int) -> tuple[list[str], int]:
        """Brands that were heard of and whose id fits, by id, and how many there are in all.

        Args:
            part: of the id; an empty one fits every brand.
            called: ids that fit for another reason.
            limit: how many are named.
        """
        rest = f"FROM brands WHERE last_start >= 0 AND {_named('name', called)}"
        values = [_like(part) or "%", *called]
        with self._connection() as connection:
            found = connection.execute(f"SELECT name {rest} ORDER BY name LIMIT ?", [*values, limit]).fetchall()
            return [name for (name,) in found], _scalar(connection, f"SELECT count(*) {rest}", values)

    def latest(self, brand: str) -> Activity | None:
        """The newest activity of a brand, None for one that is not known."""
        rows = self._rows("SELECT latest FROM brands WHERE name = ? AND latest IS NOT NULL", (brand,))
        return decode_activity(rows[0][0]) if rows else None

    def five_minutes(self, brand: str, since: int, until: int) -> list[Bucket]:
        """The buckets of a brand in [since, until); one without a mention has no row."""
        sql = f"""
            {_SERIES}
            SELECT
                start, mentions, negatives, expected, lower, upper, usual_share, crisis, sentiment_shift, volume_surge
            FROM series CROSS JOIN buckets ON start = at
            WHERE brand = (SELECT number FROM brands WHERE name = :brand)
        """  # noqa: S608 - constants
        return [
            Bucket(
                start=row[0],
                mentions=row[1] / 100,
                negatives=row[2] / 100,
                expected=row[3] / 100,
                lower=row[4] / 100,
                upper=row[5] / 100,
                usual_share=row[6] / 10_000,
                scores={"crisis": row[7] / 100, "sentiment_shift": row[8] / 100, "volume_surge": row[9] / 100},
            )
            for row in self._rows(sql, _series(brand, since, until, BUCKET_SECONDS))
        ]

    def periods(self, brand: str, since: int, until: int, seconds: int) -> list[Bucket]:
        """Hours (3600 seconds) or days (86400) of a brand in [since, until); one without a mention has no row.

        A bucket without a mention has no record, and so no expectation of its own: it is given the mean of the others.
        """
        table = {HOUR: "hours", DAY: "days"}[seconds]
        sql = f"""
            {_SERIES}
            SELECT start, mentions, negatives, buckets, expected, below, above, usual_negatives, score
            FROM series CROSS JOIN {table} ON start = at
            WHERE brand = (SELECT number FROM brands WHERE name = :brand)
        """  # noqa: S608 - constants
        watermark = self.watermark()
        return [_period(row, seconds, watermark) for row in self._rows(sql, _series(brand, since, until, seconds))]


def _period(row: tuple[int, ...], seconds: int, watermark: int) -> Bucket:
    start, mentions, negatives, buckets, expected, below, above, usual, score = row
    whole = max(min(seconds, watermark - start) // BUCKET_SECONDS, buckets)
    scale = whole / buckets
    middle = expected / 100 * scale
    return Bucket(
        start,
        mentions / 100,
        negatives / 100,
        middle,
        max(middle - (below / 100 * scale) ** 0.5, 0.0),
        middle + (above / 100 * scale) ** 0.5,
        usual / expected if expected else 0.0,
        {"crisis": score / 100},
    )


def _series(brand: str, since: int, until: int, step: int) -> dict[str, Any]:
    first = since - since % step
    last = min(until - 1, first + step * (MAX_POINTS - 1))
    return {"brand": brand, "first": first, "last": last - last % step, "step": step}


def _episodes(rows: list[Any]) -> list[Episode]:
    names = Episode.__struct_fields__
    return [
        Episode(
            **dict(zip(names, (*row[:6], SEVERITIES[row[6]], *row[7:12], decode_alert(row[12]), row[13]), strict=True))
        )
        for row in rows
    ]


def _named(column: str, called: Sequence[str]) -> str:
    """The clause that a brand's name fits; its values are the pattern and what is called so."""
    return f"({column} LIKE ? ESCAPE '\\' OR {column} IN ({', '.join('?' * len(called))}))"


def _like(text: str) -> str:
    if not text:
        return ""
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return f"%{text}%"


def _scalar(connection: sqlite3.Connection, sql: str, values: Sequence[Any] = ()) -> int:
    row = connection.execute(sql, values).fetchone()
    return int(row[0]) if row else 0
