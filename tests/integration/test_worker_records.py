"""Records that a producer may write and a worker must not die of: any compression, any size, any header."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka import TopicPartition

from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options, consumer, producer, topic_name
from pipeline.kafka.partitioning import partition_of
from pipeline.worker.driver.decompression import MAX_DECOMPRESSED_BYTES
from tests.integration.worker_process import (
    WorkerProcess,
    committed,
    difference,
    oracle,
    outcome,
    read,
    settle,
    wait_until,
)
from tests.pipeline.mention_streams import mention
from tests.pipeline.worker.driver.packed_batches import damaged, honest

pytestmark = pytest.mark.integration

CONFIG = "[worker]\nticks = false\ncheckpoint_seconds = 0.3\n"
CODECS = ("gzip", "snappy", "lz4", "zstd")


@pytest.fixture
def worker(cluster_settings, tmp_path):
    """A worker that is ready; it does not outlive the test."""
    process = WorkerProcess(cluster_settings, tmp_path, config=CONFIG)
    process.start()
    process.await_ready(4)
    yield process
    process.close()


class NotUtf8(str):
    """A text whose bytes are not text: what a producer in another language may put into a header's name."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


def send(settings: Settings, *values: bytes, **options: Any) -> None:
    """Publish under the key acme by aiokafka, which writes every compression, unlike kafka-python as it is here."""

    async def publish() -> None:
        async with AIOKafkaProducer(**(aiokafka_options(settings) | options)) as client:
            for value in values:
                await client.send_and_wait(topic_name(settings, "mentions"), value, b"acme")

    asyncio.run(publish())


def send_batch(settings: Settings, codec: str, *values: bytes) -> int:
    """Publish them as one batch in that compression, on the partition of acme; the offset of its first record."""

    async def publish() -> int:
        options = {"compression_type": codec, "max_batch_size": 256 << 20}
        async with AIOKafkaProducer(**(aiokafka_options(settings) | options)) as client:
            batch = client.create_batch()
            for value in values:
                assert batch.append(key=b"acme", value=value, timestamp=None) is not None
            topic = topic_name(settings, "mentions")
            partition = partition_of(b"acme", len(await client.partitions_for(topic)))
            written = await (await client.send_batch(batch, topic, partition=partition))
            return int(written.offset)

    return asyncio.run(publish())


def send_packed(settings: Settings, *batches: bytes) -> list[int]:
    """Publish each as it is, on the partition of acme; the offsets of their first records."""

    async def publish() -> list[int]:
        async with AIOKafkaProducer(**aiokafka_options(settings)) as client:
            topic = topic_name(settings, "mentions")
            partition = partition_of(b"acme", len(await client.partitions_for(topic)))
            offsets = []
            for data in batches:
                batch = client.create_batch()
                batch.append(key=None, value=b"", timestamp=None)  # one that is empty is not sent
                batch._build = lambda data=data: data
                offsets.append((await (await client.send_batch(batch, topic, partition=partition))).offset)
            return offsets

    return asyncio.run(publish())


def ends(settings: Settings) -> dict[int, int]:
    """The offset after the last record of every partition of mentions that has any."""
    topic = topic_name(settings, "mentions")
    with consumer(settings) as client:
        found = client.end_offsets([TopicPartition(topic, number) for number in client.partitions_for_topic(topic)])
    return {where.partition: end for where, end in found.items() if end}


def counted(worker: WorkerProcess, sample: str) -> Callable[[], float]:
    """The sum of a metric over its labels, 0 while there is none; the worker must be alive."""

    def value() -> float:
        assert worker.process.poll() is None, worker.said[-2000:]
        lines = worker.answer("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))

    return value


def test_mentions_of_every_compression_arrive(cluster_settings, worker):
    for codec in CODECS:
        send(cluster_settings, mention(id=codec, text="a" * 2000), compression_type=codec)
    consumed = counted(worker, "tocsin_mentions_consumed_total{")
    wait_until(lambda: consumed() == len(CODECS), 20, "every compression folded in")
    assert counted(worker, "tocsin_mentions_rejected_total{")() == 0
    worker.stop()


def test_a_record_that_was_small_only_while_compressed_becomes_a_dead_letter_cut_to_size(cluster_settings, worker):
    bomb = mention(text="a" * (5 << 20))
    send(cluster_settings, bomb, compression_type="gzip", max_request_size=64 << 20, max_batch_size=32 << 20)
    send(cluster_settings, mention())
    settle(cluster_settings, [worker])
    worker.stop()
    (letter,) = chain(*read(cluster_settings, "mentions-dlq").values())
    assert bomb.startswith(letter.value)
    assert len(letter.key + letter.value) == 1 << 20
    assert dict(letter.headers)["tocsin-size"] == b"%d" % len(bomb)
    assert not difference(outcome(cluster_settings), oracle(cluster_settings))


def test_batches_that_unpack_to_more_than_the_bound_become_dead_letters_and_their_neighbours_count(
    cluster_settings, worker
):
    """By snappy a batch that a broker takes stays below the bound."""
    hidden = [mention(id=str(n), text="a" * 100_000) for n in range(600)]
    first = {}
    for codec in ("gzip", "lz4", "zstd"):
        send(cluster_settings, mention(id=f"before {codec}"))
        first[codec] = send_batch(cluster_settings, codec, *hidden)
        first[f"{codec}, one record"] = send_batch(cluster_settings, codec, bytes(MAX_DECOMPRESSED_BYTES))
    send(cluster_settings, mention(id="after"))
    consumed = counted(worker, "tocsin_mentions_consumed_total{")
    rejected = counted(worker, "tocsin_mentions_rejected_total{")
    wait_until(lambda: (consumed() - rejected(), rejected()) == (4, 3 * len(hidden) + 3), 30, "all of it folded in")
    worker.stop()
    letters = [dict(letter.headers) for letter in chain(*read(cluster_settings, "mentions-dlq").values())]
    assert {letter["tocsin-reason"] for letter in letters} == {b"too_large"}
    spans = [(offset, offset + len(hidden) - 1 if codec in CODECS else offset) for codec, offset in first.items()]
    assert [int(letter["tocsin-offset"]) for letter in letters] == [last for _, last in spans]
    for letter, (start, last) in zip(letters, spans, strict=True):
        assert f"offsets {start} to {last} are refused" in letter["tocsin-error"].decode()
    (partition,) = (at for at in committed(cluster_settings).values() if at)
    assert partition == spans[-1][1] + 2


def test_a_worker_that_starts_at_a_bomb_goes_past_it(cluster_settings, worker):
    """The state ends before the batch: what lies between is read by the gap reader, which must not unpack it either."""
    send(cluster_settings, mention(id="before"))
    settle(cluster_settings, [worker])
    worker.stop()
    send_batch(cluster_settings, "zstd", *(mention(id=str(n), text="a" * 100_000) for n in range(600)))
    send(cluster_settings, mention(id="after"))
    worker.start()
    consumed = counted(worker, "tocsin_mentions_consumed_total{")
    wait_until(lambda: consumed() == 601, 30, "the batch refused and the mention after it folded in")
    assert counted(worker, "tocsin_mentions_rejected_total{")() == 600
    worker.stop()
    assert len([*chain(*read(cluster_settings, "mentions-dlq").values())]) == 1


def test_batches_that_kafka_takes_and_its_client_cannot_read_become_dead_letters_and_their_neighbours_count(
    cluster_settings, worker
):
    """Each ended the worker, at the same offset after every restart; or hid the mentions after it."""
    kinds = damaged([mention(id=name) for name in ("one", "two", "three")])
    with_neighbours = []
    for n, data in enumerate(kinds.values()):
        with_neighbours += [honest(0, mention(id=f"before {n}")), data]
    offsets = send_packed(cluster_settings, *with_neighbours, honest(0, mention(id="after")))
    consumed = counted(worker, "tocsin_mentions_consumed_total{")
    rejected = counted(worker, 'tocsin_mentions_rejected_total{reason="unreadable_batch"')
    wait_until(lambda: (consumed() - rejected(), rejected()) == (len(kinds) + 1, 3 * len(kinds)), 30, "all folded in")
    worker.stop()
    letters = [*chain(*read(cluster_settings, "mentions-dlq").values())]
    assert len(letters) == len(kinds)
    for letter, data, first in zip(letters, kinds.values(), offsets[1::2], strict=False):
        headers = dict(letter.headers)
        # The broker changes the head of a batch (offset, leader, times), not its payload.
        assert (letter.key, letter.value[61:]) == (None, data[61:])
        assert (headers["tocsin-reason"], headers["tocsin-offset"]) == (b"unreadable_batch", b"%d" % (first + 2))
        assert f"offsets {first} to {first + 2} are refused" in headers["tocsin-error"].decode()
    (partition,) = (at for at in committed(cluster_settings).values() if at)
    assert partition == offsets[-1] + 1


def test_a_worker_that_starts_at_a_batch_it_cannot_read_goes_past_it(cluster_settings, worker):
    """What lies between the state and Faust's position is read by the gap reader."""
    send(cluster_settings, mention(id="before"))
    settle(cluster_settings, [worker])
    worker.stop()
    send_packed(cluster_settings, *damaged([mention(id="one"), mention(id="two")]).values())
    send(cluster_settings, mention(id="after"))
    for _ in range(2):
        worker.start()
        worker.await_ready(4)
        wait_until(lambda: committed(cluster_settings) == ends(cluster_settings), 30, "all of mentions committed")
        worker.stop()
    letters = [*chain(*read(cluster_settings, "mentions-dlq").values())]
    assert len(letters) == len(damaged([b"{}", b"{}"]))


def test_a_header_name_that_is_not_utf8_costs_no_mention(cluster_settings, worker):
    send(cluster_settings, mention(id="1"))
    with producer(cluster_settings) as client:
        client.send(
            topic_name(cluster_settings, "mentions"), mention(id="2"), b"acme", headers=[(NotUtf8("x"), b"1")]
        ).get(10)
    send(cluster_settings, mention(id="3"))
    consumed = counted(worker, "tocsin_mentions_consumed_total{")
    wait_until(lambda: consumed() == 3, 20, "every mention folded in")
    assert counted(worker, "tocsin_mentions_rejected_total{")() == 0
    worker.stop()


def test_mentions_of_an_aborted_transaction_were_never_said(cluster_settings, worker):
    send(cluster_settings, mention(id="1"))
    with producer(cluster_settings, transactional_id=f"{cluster_settings.group}-collector") as client:
        client.init_transactions()
        for name, end in (("2", client.commit_transaction), ("3", client.abort_transaction)):
            client.begin_transaction()
            client.send(topic_name(cluster_settings, "mentions"), mention(id=name), b"acme")
            client.flush()
            end()
    send(cluster_settings, mention(id="4"))
    # The markers that end a transaction are written after the coordinator has answered.
    wait_until(lambda: len([*chain(*read(cluster_settings, "mentions").values())]) == 3, 20, "transactions ended")
    settle(cluster_settings, [worker])
    assert counted(worker, "tocsin_mentions_consumed_total{")() == 3
    worker.stop()
    assert not difference(outcome(cluster_settings), oracle(cluster_settings))
