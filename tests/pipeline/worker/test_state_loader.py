"""State that cannot be read is never passed over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from pipeline.engine.records import Record, RefusedBatch
from pipeline.errors import StateError
from pipeline.worker import state_loader
from pipeline.worker.state_loader import load_state
from schemas.rejection import Reason

pytestmark = pytest.mark.usefixtures("installed")


class StoredState:
    """A consumer that gives these records of brand-state in one poll."""

    def __init__(self, *records: Any) -> None:
        self._records = list(records)
        self._position = 0

    async def start(self) -> None:
        """Nothing to connect to."""

    stop = start

    def assign(self, partitions: list[TopicPartition]) -> None:
        """One partition is all there is."""

    async def seek_to_beginning(self, partition: TopicPartition) -> None:
        """It is there already."""

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self._records[-1].offset + 1)

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def position(self, partition: TopicPartition) -> int:
        return self._position

    async def getmany(self, partition: TopicPartition, **_: Any) -> dict[TopicPartition, list[Any]]:
        self._position = self._records[-1].offset + 1
        return {partition: self._records}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0}


def loaded(monkeypatch: pytest.MonkeyPatch, *records: Any) -> state_loader.LoadedState:
    monkeypatch.setattr(state_loader, "AIOKafkaConsumer", lambda **_: StoredState(*records))
    return asyncio.run(load_state({}, "brand-state", "mentions", 0, lambda: None))


def test_the_last_value_of_every_key_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [Record(n, 0, key, value) for n, (key, value) in enumerate([(b"a", b"1"), (b"b", b"2"), (b"a", None)])]
    found = loaded(monkeypatch, *records)
    assert (found.records, found.read, found.partitions) == ({b"b": b"2"}, 3, 1)


def test_a_batch_of_state_that_cannot_be_read_ends_the_loading_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = RefusedBatch(17, 0, b"packed", 12, Reason.UNREADABLE_BATCH, "expected, got")
    with pytest.raises(StateError, match=r"'brand-state\[0\]@17'.*offsets 12 to 17 .*delete the brand-state topic"):
        loaded(monkeypatch, Record(3, 0, b"a", b"1"), refused)
