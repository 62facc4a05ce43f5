"""Checkpointing: what has changed, encoded with the offset that it stands for; and taken over by a successor."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Final

from pipeline.engine.brands.cache import Tails
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.state import (
    CATEGORY_PREFIX,
    CHECKPOINT_KEY,
    MIGRATED_KEY,
    OPEN_SUFFIX,
    SENTIMENT_PREFIX,
    decode_category,
    decode_checkpoint,
    encode,
    unreadable,
)
from pipeline.errors import PartitionsChangedError, StateError
from schemas.observation import BUCKET_SECONDS

StateRecord = tuple[bytes, bytes | None]
"""Key and value of a record of the state topic; None is a tombstone."""

_Opened = tuple[int, str, int, bool]
"""An open bucket: its first offset, brand, index, and whether nothing but late mentions waits in it."""

SNAPSHOT_RECORDS: Final = 500
"""State records encoded at a time, so that a checkpoint of many brands holds up nobody."""
RESTORED_RECORDS: Final = 500
"""State records restored at a time, for the same reason."""


def snapshot_in_batches(state: PartitionState, size: int = SNAPSHOT_RECORDS) -> Iterator[list[StateRecord]]:
    """What changed since the last snapshot, at most so many records at a time; the checkpoint is the last record.

    Nothing if nothing changed. Nothing may change the state until the last batch is taken; only then is it taken as
    written.
    """
    if not state.changes.any:
        return
    records = _changed_records(state)
    while batch := list(islice(records, size)):
        yield batch
    state.changes.discard()


def _changed_records(state: PartitionState) -> Iterator[StateRecord]:
    changes = state.changes
    for name in changes.expired:
        yield name.encode(), None
    for name in changes.brands:
        yield name.encode(), state.brands[name].record()
    for name in changes.open_buckets:
        found = state.brands.get(name)
        yield name.encode() + OPEN_SUFFIX, None if found is None else found.encode_open()
    for name in changes.categories:
        yield CATEGORY_PREFIX + name.encode(), encode(state.categories[name].record())
    for name, payload in state.sentiment.changed():
        yield SENTIMENT_PREFIX + name.encode(), payload
    yield CHECKPOINT_KEY, encode(state.at)


def restore_in_batches(
    state: PartitionState, records: Iterable[StateRecord], size: int = RESTORED_RECORDS
) -> Iterator[None]:
    """Take over the state of a predecessor, with a pause after so many records.

    Pauses are ten times as rare where little is done with each record. Nothing else may be asked of the state until
    the end.

    Args:
        state: of a partition of which no record has been seen.
        records: the state topic's records in log order; the last of a key holds.
        size: records between two pauses.

    Raises:
        StateError: a record cannot be read, the topic had another number of partitions then, or the state was migrated.
    """
    latest = yield from _compacted(records, 10 * size)
    if MIGRATED_KEY in latest:
        generation = latest[MIGRATED_KEY].decode("utf-8", "replace")
        raise StateError(
            f"{state.topic}[{state.placement.partition}]: its state was migrated to generation {generation}: set "
            f"TOCSIN_STATE_GENERATION={generation} for every worker"
        )
    if CHECKPOINT_KEY in latest:
        state.at = decode_checkpoint(CHECKPOINT_KEY, latest.pop(CHECKPOINT_KEY))
        state.cache.tails = Tails(state.at)
        known = state.placement.partitions
        if known:
            if state.at.partitions not in {0, known}:
                raise PartitionsChangedError(state.topic, state.at.partitions, known)
            state.at.partitions = known
    opened: list[_Opened] = []
    for number, (key, value) in enumerate(latest.items(), 1):
        if number % size == 0:
            yield
        _restore_record(state, key, value, opened)
    yield
    yield from _restore_order(state, opened, 10 * size)


def _compacted(records: Iterable[StateRecord], pause_after: int) -> Generator[None, None, dict[bytes, bytes]]:
    """The last value of each key that is not deleted, with a pause after so many records."""
    latest: dict[bytes, bytes] = {}
    for number, (key, value) in enumerate(records, 1):
        if number % pause_after == 0:
            yield
        if value is None:
            latest.pop(key, None)
        else:
            latest[key] = value
    return latest


def _restore_order(state: PartitionState, opened: list[_Opened], pause_after: int) -> Iterator[None]:
    """Restore what the records say together: the order of open buckets, what is due, which brands expire when."""
    # Buckets close their brands in order of first mention, so that alerts keep their order through a crash.
    for number, (_, name, index, waits) in enumerate(sorted(opened, key=lambda item: item[0]), 1):
        if number % pause_after == 0:
            yield
        if waits:
            state.schedule.let_wait(index, name)
        else:
            state.schedule.enter(index, name)
    yield
    if state.at.event_time:
        state.schedule.due_end = max(int(state.watermark // BUCKET_SECONDS), state.at.next_bucket)
    for number, brand in enumerate(state.brands.values(), 1):
        if number % pause_after == 0:
            yield
        if brand.last_bucket >= 0:
            state.expiry.restore(brand)
            state.is_amid_bucket |= brand.last_bucket >= state.at.next_bucket
    state.schedule.recount()


def _restore_record(state: PartitionState, key: bytes, value: bytes, opened: list[_Opened]) -> None:
    """Restore one record; open buckets are added to `opened`."""
    if key.startswith(SENTIMENT_PREFIX):
        try:
            state.sentiment.restore(key[len(SENTIMENT_PREFIX) :].decode(), value)
        except ValueError as error:
            raise unreadable(key, error) from None
    elif key.startswith(CATEGORY_PREFIX):
        category = state.category(key[len(CATEGORY_PREFIX) :].decode())
        category.restore(decode_category(key, value))
        if category.is_open:
            state.open_categories.add(category.name)
    elif key.endswith(OPEN_SUFFIX):
        name = key[: -len(OPEN_SUFFIX)].decode()
        buckets = state.brand(name).restore_open(key, value)
        opened += ((bucket.first_offset, name, index, bucket.only_waits) for index, bucket in buckets.items())
        state.cache.evict()
    else:
        brand = state.brand(key.decode())
        brand.restore(value)
        if brand.has_open_episode:
            state.with_episode.add(brand.name)
