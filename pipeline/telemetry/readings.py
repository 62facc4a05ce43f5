"""What metrics read of an engine. Only the thread that runs the engine reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class StatsReadings(Protocol):
    """What is read of EngineStats: cumulative since the engine was made. Keys are members of the closed lists."""

    consumed: int
    ticks: int
    feedback: int
    skipped: int
    late: int
    duplicates: int
    duplicates_unchecked: int
    texts_scored: int
    texts_unlisted: int
    labels_learned: int
    labels_left_out: int
    buckets_closed: int
    scores: int

    @property
    def arrivals(self) -> Mapping[Any, int]: ...
    @property
    def sentiment_drifts(self) -> Mapping[str, int]: ...
    @property
    def forgotten(self) -> Mapping[Any, int]: ...
    @property
    def fields_dropped(self) -> Mapping[str, int]: ...
    @property
    def misplaced(self) -> Mapping[Any, int]: ...
    @property
    def rejected(self) -> Mapping[Any, int]: ...  # dict is invariant in its keys: Reason here, str in a test double
    @property
    def alerts(self) -> Mapping[Any, int]: ...
    @property
    def suppressed(self) -> Mapping[Any, int]: ...


class EpisodeReadings(Protocol):
    """What is read of an open episode; never changed once it is given."""

    @property
    def brand(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def onset(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def threshold(self) -> float: ...


class BandReadings(Protocol):
    """What is read of what is normal for a brand."""

    @property
    def lower(self) -> float: ...
    @property
    def upper(self) -> float: ...
    @property
    def negative_share(self) -> float: ...


class BrandReadings(Protocol):
    """What is read of a brand's last closed bucket; never changed once it is given."""

    @property
    def brand(self) -> str: ...
    @property
    def mentions(self) -> float: ...
    @property
    def negatives(self) -> float: ...
    @property
    def expected(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def bucket(self) -> int: ...
    @property
    def band(self) -> BandReadings | None: ...


class EngineReadings(Protocol):
    """The part of the engine that metrics read."""

    @property
    def stats(self) -> StatsReadings: ...
    @property
    def watermark(self) -> float: ...
    @property
    def brands(self) -> int: ...
    @property
    def needs_time(self) -> bool: ...
    def open_episodes(self) -> Iterable[EpisodeReadings]: ...
    def top_brands(self, count: int, since: float = 0.0) -> Iterable[BrandReadings]: ...
    def brand_view(self, brand: str) -> BrandReadings | None: ...
