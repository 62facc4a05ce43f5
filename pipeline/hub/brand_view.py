"""What the page of a brand shows: its activity, episodes, thresholds and configuration, beside its category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pipeline.config.advice import advice_for
from pipeline.config.model import Config
from pipeline.engine.episodes.rules import rules
from pipeline.hub.series import Point, added, spaced, step_for
from pipeline.hub.store.reader import Bucket, Episode, Reader
from pipeline.hub.store.retention import DAY, HOUR
from schemas.activity import Activity
from schemas.observation import BUCKET_SECONDS

RANGES: Final = (1, 7, 30, 90, 365)
"""Days that can be shown."""
_POINTS: Final = 180
_COMPARED: Final = 20


class Compared(msgspec.Struct, frozen=True):
    """A brand's last 24 hours beside the 24 before: mentions, and the negative share of the last, None without any.

    `points` are the hours of both days. A '#' before the name says that it is a category.
    """

    brand: str
    mentions: float
    before: float
    negative_share: float | None
    points: Sequence[Point]


class Threshold(msgspec.Struct, frozen=True):
    """The score at which a kind of episode opens, None where it is muted, and the newest score."""

    kind: str
    threshold: float | None
    score: float | None


class BrandView(msgspec.Struct, frozen=True):
    """Everything of the page.

    Attributes:
        brand: its name.
        latest: its newest activity.
        days: how many are shown.
        points: activity, each for `step` seconds.
        episodes: those of the shown stretch, from the newest on.
        thresholds: by kind.
        config: rows (key, value, source) of the configuration that holds.
        config_hash: of that configuration.
        notes: what the configuration says without effect.
        category: the brand's category.
        compared: the brand, its category as a whole, then the other brands of it.
        since, until: the shown stretch, Unix seconds.
    """

    brand: str
    latest: Activity
    days: int
    points: Sequence[Point]
    step: int
    episodes: Sequence[Episode]
    thresholds: Sequence[Threshold]
    config: Sequence[tuple[str, Any, str]]
    config_hash: str
    notes: Sequence[str]
    category: str | None
    compared: Sequence[Compared]
    since: int
    until: int


def brand_view(reader: Reader, config: Config, brand: str, days: int) -> BrandView | None:
    """Ask the store for everything of the page; None for a brand of which nothing was heard."""
    latest = reader.latest(brand)
    if latest is None:
        return None
    until = reader.watermark()
    since = until - days * DAY
    step, points = _points(reader, brand, since, until)
    category = config.category_of(brand)
    return BrandView(
        brand=brand,
        latest=latest,
        days=days,
        points=points,
        step=step,
        episodes=reader.episodes_of(brand, since=since),
        thresholds=_thresholds(config, latest),
        config=config.explain(brand),
        config_hash=config.brand(brand).config_hash,
        notes=advice_for(config, brand),
        category=category,
        compared=_compared(reader, config, brand, category, until) if category else (),
        since=since,
        until=until,
    )


def _points(reader: Reader, brand: str, since: int, until: int) -> tuple[int, Sequence[Point]]:
    """Activity in the finest rows that reach as far back."""
    length = until - since
    if length <= DAY:
        size, buckets = BUCKET_SECONDS, reader.five_minutes(brand, since, until)
    elif length <= 7 * DAY:
        size, buckets = HOUR, reader.periods(brand, since, until, HOUR)
    else:
        size, buckets = DAY, reader.periods(brand, since, until, DAY)
    step = max(step_for(length, _POINTS), size)
    if size == DAY:
        step = DAY
    first = buckets[0].start if buckets else since  # nothing is known of the time before
    return step, spaced(buckets, max(since, first), until, step=step, size=size)


def _thresholds(config: Config, latest: Activity) -> list[Threshold]:
    scores = msgspec.structs.asdict(latest.scores)
    return [
        Threshold(kind, rule.threshold if rule.may_open else None, scores.get(kind))
        for kind, rule in rules(config.brand(latest.brand).detection).items()
    ]


def _compared(reader: Reader, config: Config, brand: str, category: str, until: int) -> list[Compared]:
    others = [name for name in config.members(category) if name != brand][:_COMPARED]
    rows = [_last_day(reader, name, until) for name in [brand, *others]]
    mentions = sum(row.mentions for row in rows)
    negatives = sum(row.mentions * (row.negative_share or 0.0) for row in rows)
    whole = Compared(
        f"#{category}",
        mentions,
        sum(row.before for row in rows),
        negatives / mentions if mentions else None,
        added([row.points for row in rows]),
    )
    return [rows[0], whole, *sorted(rows[1:], key=lambda row: -row.mentions)]


def _last_day(reader: Reader, brand: str, until: int) -> Compared:
    hours = reader.periods(brand, until - 2 * DAY, until, HOUR)
    edge = until - DAY
    last = [hour for hour in hours if hour.start >= edge]
    mentions = _mentions(last)
    negatives = sum(hour.negatives for hour in last)
    before = _mentions([hour for hour in hours if hour.start < edge])
    points = spaced(hours, until - 2 * DAY, until, step=HOUR, size=HOUR)
    return Compared(brand, mentions, before, negatives / mentions if mentions else None, points)


def _mentions(hours: Sequence[Bucket]) -> float:
    return sum(hour.mentions for hour in hours)
