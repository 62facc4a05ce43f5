"""A stand-in for the engine where only what metrics read of it matters: plain values that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FakeStats:
    consumed: int = 0
    ticks: int = 0
    skipped: int = 0
    late: int = 0
    duplicates: int = 0
    duplicates_unchecked: int = 0
    texts_scored: int = 0
    buckets_closed: int = 0
    scores: int = 0
    labels_learned: int = 0
    labels_left_out: int = 0
    forgotten: dict[str, int] = field(default_factory=dict)
    sentiment_drifts: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    alerts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    suppressed: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeEpisode:
    brand: str
    kind: str = "crisis"
    severity: str = "critical"


@dataclass(frozen=True)
class FakeView:
    brand: str
    mentions: float = 10.0
    negatives: float = 2.0
    expected: float = 8.0
    score: float = 0.5


@dataclass
class FakeEngine:
    stats: FakeStats = field(default_factory=FakeStats)
    watermark: float = 0.0
    views: dict[str, FakeView] = field(default_factory=dict)
    episodes: list[FakeEpisode] = field(default_factory=list)
    needs_time: bool = True

    @property
    def brands(self) -> int:
        return len(self.views)

    def open_episodes(self) -> list[FakeEpisode]:
        return list(self.episodes)

    def top_brands(self, count: int) -> list[FakeView]:
        return sorted(self.views.values(), key=lambda view: -view.mentions)[:count]

    def brand_view(self, brand: str) -> FakeView | None:
        return self.views.get(brand)


def busy_engine(partition: int, watermark: float) -> FakeEngine:
    """An engine with some of everything, so that no series is empty."""
    views = {
        f"brand-{partition}-{number}": FakeView(f"brand-{partition}-{number}", mentions=10.0 + number)
        for number in range(40)
    }
    stats = FakeStats(1000, 10, 1, 5, 3, 1, 800, 120, 100)
    stats.rejected = {"malformed_json": 2}
    stats.alerts = {("crisis", "critical", "opened"): 1}
    stats.suppressed = {("crisis", "budget"): 1}
    return FakeEngine(stats, watermark, views, [FakeEpisode(f"brand-{partition}-0")])
