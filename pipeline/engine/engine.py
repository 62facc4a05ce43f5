"""The engine of one partition: a pure function of (state, records), called by the worker, by replay and by the tests.

It sees no clock, no network, no log and no framework; time is event time. The same records in the same order give the
same alerts, byte for byte, however they are divided into batches and wherever the process died in between.

    ingest(records)   mentions into open buckets; the watermark moves; bad records become dead letters    (intake)
    close_due(limit)  buckets behind the watermark are scored and learned, a few brands at a time         (closing)
    take_outputs()    alerts, dead letters and activity so far
    snapshot()        changed state, with the offset it stands for                                   (checkpointing)
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pipeline.config.model import Config
from pipeline.engine import checkpointing
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.brands.cache import MAX_CACHED
from pipeline.engine.checkpointing import RESTORED_RECORDS, SNAPSHOT_RECORDS, StateRecord
from pipeline.engine.closing import Closing
from pipeline.engine.episodes.episode import Episodes
from pipeline.engine.intake import Intake
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.placement import Placement
from pipeline.engine.records import FEEDBACK_TOPIC, Outputs, SourceRecord
from pipeline.engine.stats import BrandView, EngineStats, OpenEpisode, view
from schemas.activity import ActivityChoice
from schemas.observation import BUCKET_SECONDS, Observation


class Engine:
    """The facade over a partition's state, its intake, its closing and its checkpointing."""

    def __init__(
        self,
        partition: int,
        config: Config,
        *,
        partitions: int = 0,
        topic: str = "mentions",
        max_cached: int = MAX_CACHED,
        observe: Callable[[ClosedBucket], None] | None = None,
        activity: ActivityChoice | None = None,
    ) -> None:
        """An engine that has seen no record.

        Args:
            partition: whose records come.
            config: what holds for the brands.
            partitions: of the topic, so that misplaced brands are known; 0: not known, and none counts as misplaced.
            topic: of the records; named in dead letters.
            max_cached: brands that are loaded at a time (brands.cache); nothing but time depends on it.
            observe: called with every closed bucket of a brand after its episodes were stepped; must change nothing.
            activity: of which closed buckets there is a record; None: as worker.activity says.
        """
        self._state = PartitionState(Placement(partition, partitions, config), config, topic, max_cached)
        self._closing = Closing(self._state, observe, activity)
        self._intake = Intake(self._state, self.close_due)

    # ---------------------------------------------------------------- facts

    @property
    def partition(self) -> int:
        """Whose records come."""
        return self._state.placement.partition

    @property
    def stats(self) -> EngineStats:
        """Plain counts since construction."""
        return self._state.stats

    @property
    def next_offset(self) -> int:
        """First offset that is not in the state; `ingest` skips records below it."""
        return self._state.at.next_offset

    @property
    def feedback_offset(self) -> int:
        """First offset of alert-feedback, on the same partition, that has not come in the log of mentions."""
        return self._state.at.feedback_offset

    @property
    def topic_ids(self) -> dict[str, str]:
        """Ids of the topics that the checkpoint speaks of, by name in the catalogue; kept, and never looked at."""
        return self._state.at.topic_ids

    @property
    def event_time(self) -> float:
        """Largest event time seen, Unix seconds; 0.0 before the first mention."""
        return self._state.at.event_time

    @property
    def watermark(self) -> float:
        """Event time up to which buckets are closed: `event_time` less the allowed lateness; 0.0 at first."""
        return self._state.watermark

    @property
    def last_timestamp(self) -> int:
        """Kafka timestamp (Unix milliseconds) of the last record ingested; 0 before the first."""
        return self._state.at.last_timestamp

    @property
    def needs_time(self) -> bool:
        """True while the passing of event time alone can still change something."""
        state = self._state
        schedule = state.schedule
        return bool(schedule.brands or schedule.waiting or state.with_episode or state.open_categories)

    @property
    def misplaced(self) -> Mapping[str, int]:
        """Brands seen here that belong on another partition, and on which: the first MAX_NAMED since construction."""
        return self._state.misplaced_seen

    @property
    def max_cached(self) -> int:
        """Brands that are loaded at a time; may change at any time, for nothing but time and memory depends on it."""
        return self._state.cache.max_loaded

    @max_cached.setter
    def max_cached(self, count: int) -> None:
        self._state.cache.max_loaded = count

    @property
    def changes(self) -> int:
        """Brands and open buckets whose records the next snapshot writes."""
        return len(self._state.changes)

    @property
    def brands(self) -> int:
        """Brands known."""
        return len(self._state.brands)

    @property
    def brands_warming_up(self) -> int:
        """Those of them whose scores do not mean anything yet; looks at each."""
        return sum(not brand.is_warm for brand in self._state.brands.values())

    def open_episodes(self) -> Iterator[OpenEpisode]:
        """Every open episode; of a category's the brand is the category."""
        state = self._state
        for name in sorted(state.open_categories):
            yield from _open_of(name, state.categories[name].episodes)
        for name in sorted(state.with_episode):
            yield from _open_of(name, state.brands[name].read_episodes())

    def brand_view(self, brand: str) -> BrandView | None:
        """The brand's last closed bucket; None for a brand never seen."""
        found = self._state.brands.get(brand)
        return None if found is None else view(found)

    def top_brands(self, count: int, since: float = 0.0) -> list[BrandView]:
        """The brands with most mentions in their last closed bucket, most first.

        Args:
            count: so many of them.
            since: leaves out brands whose last bucket ended before this event time, Unix seconds.
        """
        if not count:
            return []
        oldest = since / BUCKET_SECONDS - 1.0
        alive = [brand for brand in self._state.brands.values() if brand.last[0] and brand.last_bucket >= oldest]
        if len(alive) > count:
            # Of many brands most can be left out by their number alone, which is quicker than to order them by name.
            least = heapq.nlargest(count, [brand.last[0] for brand in alive])[-1]
            alive = [brand for brand in alive if brand.last[0] >= least]
        return list(map(view, heapq.nsmallest(count, alive, key=lambda brand: (-brand.last[0], brand.name))))

    # ---------------------------------------------------------------- work

    def process(self, records: Sequence[SourceRecord]) -> Outputs:
        """Ingest the records, close all that is due and take the outputs."""
        self.ingest(records)
        self.close_due()
        return self.take_outputs()

    def stand_for(self, topic_ids: Mapping[str, str]) -> None:
        """The checkpoints that follow are for the topics with these ids; one that says otherwise is written anew.

        Of another topic of feedback the offset of the one of before says nothing: it is read from its beginning.
        """
        at = self._state.at
        was, now = at.topic_ids.get(FEEDBACK_TOPIC), topic_ids.get(FEEDBACK_TOPIC)
        if was and now and was != now:
            at.feedback_offset = 0
        ids = dict(topic_ids)
        if was and not now:
            ids[FEEDBACK_TOPIC] = was  # one that is not read for a while is the same when it is read again
        if at.topic_ids != ids:
            at.topic_ids = ids
            self._state.changes.any |= at.next_offset > 0

    def ingest(self, records: Sequence[SourceRecord]) -> None:
        """Take records in offset order into the open buckets.

        Raises:
            DeadLetterLimitError: more refused records in a row than configured.
        """
        self._intake.ingest(records)

    def ingest_observations(self, observations: Iterable[Observation]) -> None:
        """Take aggregated history, in order of `start`: each row is a whole bucket of one brand.

        Raises:
            ValueError: a bucket that is already closed, of another size, or given twice.
        """
        self._intake.ingest_observations(observations)

    def close_due(self, limit: int = 0) -> bool:
        """Score and learn buckets behind the watermark.

        Args:
            limit: at most so many brand-buckets; 0 closes all that are due.

        Returns:
            True while more may be due.
        """
        return self._closing.close_due(limit)

    def take_outputs(self) -> Outputs:
        """Alerts, dead letters, activity and rerouted mentions since the last take, in order."""
        outputs, self._state.outputs = self._state.outputs, Outputs()
        return outputs

    # ---------------------------------------------------------------- state

    def snapshot(self) -> list[StateRecord]:
        """What changed since the last snapshot, encoded; the checkpoint is last; [] if nothing did."""
        return [record for records in self.snapshot_in_batches() for record in records]

    def snapshot_in_batches(self, size: int = SNAPSHOT_RECORDS) -> Iterator[list[StateRecord]]:
        """`snapshot`, so many records at a time; nothing may change the engine until the last batch is taken."""
        return checkpointing.snapshot_in_batches(self._state, size)

    def discard_changes(self) -> None:
        """Take what changed so far as written; for a caller that keeps no state, or the list grows with every brand."""
        self._state.changes.discard()

    def restore(self, records: Iterable[StateRecord]) -> None:
        """Take over the state of a predecessor; of a fresh engine only.

        Args:
            records: the state topic's records in log order; the last of a key holds.

        Raises:
            StateError: a record cannot be read.
        """
        for _ in self.restore_in_batches(records):
            pass

    def restore_in_batches(self, records: Iterable[StateRecord], size: int = RESTORED_RECORDS) -> Iterator[None]:
        """`restore` with pauses after so many records; nothing else may be asked of the engine until its end."""
        return checkpointing.restore_in_batches(self._state, records, size)


def _open_of(name: str, episodes: Episodes) -> Iterator[OpenEpisode]:
    for kind, episode in episodes.items():
        if episode.id:
            onset = episode.onset * BUCKET_SECONDS
            yield OpenEpisode(name, kind, episode.severity, onset, episode.score, episode.threshold)
