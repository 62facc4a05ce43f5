"""The short form of benchmarks.throughput: everybody reads the whole topic. Times are not tested."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks import throughput
from pipeline.kafka_clients import topic_name
from pipeline.settings import Settings
from pipeline.topics import apply_topics
from schemas.mention import decode_mention
from tests.integration.worker_process import committed, read


@pytest.mark.parametrize("kind", ["given", "english", "mixed"])
def test_the_traffic_is_mentions_under_their_brand_and_the_same_every_time_but_for_the_day(kind: str) -> None:
    rows = list(throughput.mentions(300, brands=20, kind=kind))
    for key, value in rows:
        mention = decode_mention(value)
        assert key == mention.brand.encode()
        assert (mention.sentiment is None) == (kind != "given")
    again = throughput.mentions(300, brands=20, kind=kind)
    assert [decode_mention(value).text for _, value in rows] == [decode_mention(value).text for _, value in again]


def test_the_worker_is_measured_until_it_has_read_the_whole_topic(bare_settings: Settings, tmp_path: Path) -> None:
    apply_topics(bare_settings, throughput.PARTITIONS)
    asyncio.run(throughput.fill(bare_settings, 500, brands=20, kind="given"))
    spent, passed = throughput.worker_seconds(bare_settings, tmp_path)
    assert spent > 0.0
    assert passed > 0.0
    log = read(bare_settings, "mentions")
    assert sum(map(len, log.values())) == 500
    assert committed(bare_settings) == {number: len(records) for number, records in log.items() if records}


def test_a_peer_reads_the_topic_to_its_end(bare_settings: Settings) -> None:
    apply_topics(bare_settings, throughput.PARTITIONS)
    asyncio.run(throughput.fill(bare_settings, 500, brands=20, kind="given"))
    topic = topic_name(bare_settings, "mentions")
    for module in ("aiokafka_loop", "kafka_python_loop"):
        spent, _ = throughput.peer_seconds([f"benchmarks.peers.{module}", bare_settings.kafka_bootstrap, topic, "500"])
        assert spent > 0.0
