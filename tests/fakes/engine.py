"""Stand-ins for the engine: plain values that metrics read, and an engine that a partition drives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline.engine.encoding import OutRecord, alert_record
from pipeline.engine.records import Outputs, SourceRecord
from schemas.alert import Alert, decode_alert
from schemas.observation import BUCKET_SECONDS
from tests.schemas.contracts import examples

STATE_KEY = b"#state"
"""Of the state record that OffsetEngine keeps."""
ALERT = decode_alert(examples("alert", "valid")[0].read_bytes())
"""What OffsetEngine says of every record, but for the id, which is the record's offset in twelve digits."""
ALERT_BYTES = len(alert_record(ALERT).value or b"")
"""Of one of its alerts, roughly: the id is shorter."""


def offset_of(alert: OutRecord) -> int:
    """The record of which it is."""
    return int(dict(alert.headers)["ce_id"])


@dataclass
class FakeStats:
    consumed: int = 0
    ticks: int = 0
    feedback: int = 0
    skipped: int = 0
    late: int = 0
    duplicates: int = 0
    duplicates_unchecked: int = 0
    texts_scored: int = 0
    texts_unlisted: int = 0
    buckets_closed: int = 0
    scores: int = 0
    labels_learned: int = 0
    labels_left_out: int = 0
    arrivals: dict[tuple[str, str], int] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)
    sentiment_drifts: dict[str, int] = field(default_factory=dict)
    fields_dropped: dict[str, int] = field(default_factory=dict)
    misplaced: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    alerts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    suppressed: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeEpisode:
    brand: str
    kind: str = "crisis"
    severity: str = "critical"
    onset: float = 1_799_999_100.0
    score: float = 9.0
    threshold: float = 4.5


@dataclass(frozen=True)
class FakeBand:
    lower: float = 4.0
    upper: float = 14.0
    negative_share: float = 0.15


@dataclass(frozen=True)
class FakeView:
    brand: str
    mentions: float = 10.0
    negatives: float = 2.0
    expected: float = 8.0
    score: float = 0.5
    bucket: int = 1 << 40
    band: FakeBand | None = None


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

    def top_brands(self, count: int, since: float = 0.0) -> list[FakeView]:
        alive = [view for view in self.views.values() if (view.bucket + 1) * BUCKET_SECONDS >= since]
        return sorted(alive, key=lambda view: -view.mentions)[:count]

    def brand_view(self, brand: str) -> FakeView | None:
        return self.views.get(brand)


def busy_engine(partition: int, watermark: float) -> FakeEngine:
    """An engine with some of everything, so that no series is empty."""
    views = {
        f"brand-{partition}-{number}": FakeView(f"brand-{partition}-{number}", mentions=10.0 + number)
        for number in range(40)
    }
    stats = FakeStats(1000, 10, 2, 1, 5, 3, 1, 800, 120, 100)
    stats.rejected = {"malformed_json": 2}
    stats.arrivals = {("x", "on_time"): 995, ("news", "late"): 5}
    stats.alerts = {("crisis", "critical", "opened"): 1}
    stats.suppressed = {("crisis", "budget"): 1}
    burning = f"brand-{partition}-0"
    views[burning] = dataclasses.replace(views[burning], band=FakeBand())
    return FakeEngine(stats, watermark, views, [FakeEpisode(burning)])


@dataclass
class OffsetEngine(FakeEngine):
    """An engine that makes an alert of every record when it closes it; its state, in pieces, is what is not closed yet.

    A snapshot that is not taken to its end leaves everything as changed as before, as the real one's does.
    """

    next_offset: int = 0
    event_time: float = 0.0
    last_timestamp: int = 0
    misplaced: dict[str, int] = field(default_factory=dict)
    max_cached: int = 1
    pieces: int = 3
    changes: int = 0
    outputs: list[Alert] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    topic_ids: dict[str, str] = field(default_factory=dict)

    def stand_for(self, topic_ids: Mapping[str, str]) -> None:
        self.topic_ids = dict(topic_ids)

    def restore_in_batches(self, records: Iterable[tuple[bytes, bytes | None]]) -> Iterator[None]:
        for key, value in records:
            if key == STATE_KEY and value is not None:
                self.next_offset, self.waiting = msgspec.json.decode(value)
            yield

    def ingest(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            if record.offset >= self.next_offset:
                self.next_offset = record.offset + 1
                self.waiting.append(record.offset)
                self.changes += 1

    def close_due(self, limit: int = 0) -> bool:
        """One record at a time."""
        if self.waiting:
            self.outputs.append(msgspec.structs.replace(ALERT, id=f"{self.waiting.pop(0):012}"))
            self.changes += 1
        return bool(self.waiting)

    def take_outputs(self) -> Outputs:
        taken, self.outputs = Outputs(alerts=self.outputs), []
        return taken

    def snapshot_in_batches(self) -> Iterator[list[tuple[bytes, bytes | None]]]:
        if self.changes:
            for piece in range(1, self.pieces):
                yield [(b"brand-%d" % piece, b"")]
            yield [(STATE_KEY, msgspec.json.encode((self.next_offset, self.waiting)))]
            self.changes = 0
