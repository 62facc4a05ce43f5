"""The two ends of a checkpoint on a real broker: transactions that fence, and a loader that reads to the very end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import ProducerFenced

from pipeline.engine.encoding import OutRecord
from pipeline.errors import StateError
from pipeline.kafka.clients import aiokafka_options, topic_name
from pipeline.kafka.topics import apply_topics
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.state_loader import load_state
from pipeline.worker.transaction import PartitionTransactions
from tests.integration.worker_process import publish, read
from tests.pipeline.mention_streams import START, mention, record
from tests.pipeline.worker.installed import install_until_the_test_ends

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker."""
    install_until_the_test_ends(monkeypatch)


@pytest.fixture
def settings(bare_settings):
    apply_topics(bare_settings)
    return bare_settings


def transactions(settings, partition: int = 1) -> PartitionTransactions:
    return PartitionTransactions(aiokafka_options(settings), f"{settings.group}-{partition}", partition)


def loaded(settings, partition: int = 1):
    state, mentions = topic_name(settings, "brand-state"), topic_name(settings, "mentions")
    return load_state(aiokafka_options(settings), state, mentions, partition, lambda: None)


def test_an_owner_that_was_replaced_writes_nothing_more(settings):
    topic = topic_name(settings, "brand-state")

    async def run() -> Any:
        old, new = transactions(settings), transactions(settings)
        await old.start()
        await old.commit([old.encode_state(topic, [(b"a", b"1")])])
        await new.start()
        with pytest.raises(ProducerFenced):
            await old.commit([old.encode_state(topic, [(b"a", b"2")])])
        await new.commit([new.encode_state(topic, [(b"b", b"3")])])
        await old.stop()
        await new.stop()
        return await loaded(settings)

    assert asyncio.run(run()).records == {b"a": b"1", b"b": b"3"}


def test_the_loader_reads_every_key_to_the_end_past_markers_tombstones_and_an_aborted_transaction(settings):
    topic = topic_name(settings, "brand-state")
    many = [(b"k%d" % n, b"v" * 500) for n in range(5000)]

    async def run() -> Any:
        first, second = transactions(settings), transactions(settings)
        await first.start()
        await first.commit([first.encode_state(topic, many)])
        await first.commit([first.encode_state(topic, [(b"k7", None), (b"k8", b"new")])])
        # Left open by a worker that dies: fencing aborts it.
        await first._producer.begin_transaction()
        for batch in first.encode_state(topic, [(b"k9", b"never")]).batches:
            await (await first._producer.send_batch(batch, topic, partition=1))
        await second.start()
        found = await loaded(settings)
        await first.stop()
        await second.stop()
        return found

    found = asyncio.run(run())
    assert found.read == 5002
    assert found.records == {key: value for key, value in many if key not in {b"k7", b"k8"}} | {b"k8": b"new"}
    assert list(found.records)[-1] == b"k8"


def test_an_empty_partition_loads_as_empty(settings):
    found = asyncio.run(loaded(settings, 3))
    assert (found.records, found.read, found.source_start, found.source_end) == ({}, 0, 0, 0)


def test_a_checkpoint_is_written_whole_into_every_topic(settings):
    names = [topic_name(settings, name) for name in ("alerts", "mentions-dlq", "brand-state")]
    large = OutRecord(None, b"x" * 1_048_576, [("reason", b"too_large" * 1000)])
    empty = OutRecord(None, None, [("reason", b"tombstone")])

    async def run() -> Any:
        one = transactions(settings)
        await one.start()
        await one.commit(
            [
                one.encode(names[0], [OutRecord(b"acme", b"{}", [("ce_id", b"1")])]),
                one.encode(names[1], [large, empty, large]),
                one.encode_state(names[2], [(b"acme", b"s"), (b"#checkpoint", b"c")]),
            ]
        )
        await one.stop()

    asyncio.run(run())
    assert [(r.key, r.value, r.headers) for r in read(settings, "alerts")[1]] == [(b"acme", b"{}", [("ce_id", b"1")])]
    letters = read(settings, "mentions-dlq")[1]
    assert [(r.key, r.value, r.headers) for r in letters] == [
        (r.key, r.value, r.headers) for r in (large, empty, large)
    ]
    assert [r.key for r in read(settings, "brand-state")[1]] == [b"acme", b"#checkpoint"]


def test_a_state_record_too_large_for_its_topic_is_named_before_anything_is_sent(settings):
    async def run() -> Any:
        one = transactions(settings)
        await one.start()
        try:
            one.encode_state("brand-state", [(b"acme#open", b"x" * 2_000_000)])
        finally:
            await one.stop()

    with pytest.raises(StateError, match="expected state records of at most 1048576 bytes"):
        asyncio.run(run())


def test_a_gap_is_read_exactly_and_more_than_once(settings):
    assert publish(settings, [record(0, mention(id=str(n), at=START + n)) for n in range(50)]) == 50
    partition = next(number for number, records in read(settings, "mentions").items() if records)

    async def run() -> Any:
        gaps = GapReader(aiokafka_options(settings), topic_name(settings, "mentions"))
        found = [
            [record.offset async for records in gaps.read(partition, start, end) for record in records]
            for start, end in ((10, 20), (0, 3), (49, 50), (7, 7))
        ]
        await gaps.close()
        return found

    assert asyncio.run(run()) == [list(range(10, 20)), [0, 1, 2], [49], []]
