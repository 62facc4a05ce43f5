"""The short form of benchmarks.throughput: everybody reads the whole topic. Times are not tested."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import throughput
from pipeline.config.settings import Settings
from pipeline.kafka.clients import topic_name
from pipeline.kafka.topics import apply_topics
from schemas.mention import decode_mention
from tests.integration.worker_process import committed, read

# Runs a peer as it is and tells the alerts of its job when it ends, however it ends. Peers apart have no pytest.
COUNTING = r"""
import atexit, os, runpy, sys
from benchmarks.peers.simple_job import SimpleJob
jobs, make, leave = [], SimpleJob.__init__, os._exit
def remember(job):
    make(job)
    jobs.append(job)
def tell():
    os.write(1, b"%d" % sum(job.alerts for job in jobs))
def tell_and_leave(code):
    tell()
    leave(code)
SimpleJob.__init__, os._exit = remember, tell_and_leave
atexit.register(tell)
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


def bursts(count: int, *, brands: int, kind: str) -> Iterator[tuple[bytes, bytes]]:
    """Twenty mentions a brand and 5 minutes, one of them negative; every ninth time all of them: an alert."""
    del kind
    for number in range(count):
        bucket, brand = number // (20 * brands), f"brand-{number % brands}"
        is_negative = bucket % 9 == 8 or number % (20 * brands) < brands
        at = f"2026-11-01T{bucket // 12:02}:{bucket % 12 * 5:02}:00.000Z"
        document = {"brand": brand, "event_time": at, "sentiment": -0.8 if is_negative else 0.1}
        yield brand.encode(), json.dumps(document).encode()


@pytest.mark.parametrize("kind", ["given", "english", "mixed"])
def test_the_traffic_is_mentions_under_their_brand_and_the_same_every_time_but_for_the_day(kind: str) -> None:
    rows = list(throughput.mentions(300, brands=20, kind=kind))
    for key, value in rows:
        mention = decode_mention(value)
        assert key == mention.brand.encode()
        assert (mention.sentiment is None) == (kind != "given")
    again = throughput.mentions(300, brands=20, kind=kind)
    assert [decode_mention(value).text for _, value in rows] == [decode_mention(value).text for _, value in again]


@pytest.mark.integration
def test_the_worker_is_measured_until_it_has_read_the_whole_topic(bare_settings: Settings, tmp_path: Path) -> None:
    apply_topics(bare_settings, throughput.PARTITIONS)
    asyncio.run(throughput.fill(bare_settings, 500, brands=20, kind="given"))
    spent, passed = throughput.worker_seconds(bare_settings, tmp_path)
    assert spent > 0.0
    assert passed > 0.0
    log = read(bare_settings, "mentions")
    assert sum(map(len, log.values())) == 500
    assert committed(bare_settings) == {number: len(records) for number, records in log.items() if records}


@pytest.mark.integration
def test_a_peer_reads_the_topic_to_its_end(bare_settings: Settings) -> None:
    apply_topics(bare_settings, throughput.PARTITIONS)
    asyncio.run(throughput.fill(bare_settings, 500, brands=20, kind="given"))
    topic = topic_name(bare_settings, "mentions")
    for module in ("aiokafka_loop", "kafka_python_loop"):
        spent, _ = throughput.peer_seconds([f"benchmarks.peers.{module}", bare_settings.kafka_bootstrap, topic, "500"])
        assert spent > 0.0


@pytest.mark.integration
def test_the_peers_find_the_same_alerts(bare_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    brands, buckets = 20, 20
    count = 20 * brands * buckets
    monkeypatch.setattr(throughput, "mentions", bursts)
    apply_topics(bare_settings, throughput.PARTITIONS)
    asyncio.run(throughput.fill(bare_settings, count, brands=brands, kind="given"))
    topic, found = topic_name(bare_settings, "mentions"), {}
    for peer in throughput.runnable_peers():
        if "read only" in peer.name or peer.module == "plain_faust":  # Faust prints, and takes its time to start
            continue
        python = throughput.PEERS_PYTHON if peer.apart else sys.executable
        run = [f"benchmarks.peers.{peer.module}", bare_settings.kafka_bootstrap, topic, str(count), *peer.job]
        done = subprocess.run(
            [python, "-c", COUNTING, *run], cwd=throughput.ROOT, capture_output=True, text=True, check=True, timeout=90
        )
        found[peer.name] = int(done.stdout)
    assert found == dict.fromkeys(found, 2 * brands)


def test_peers_that_are_not_installed_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(throughput, "PEERS_STAMP", throughput.ROOT / ".venv" / "nothing.stamp")
    assert {peer.apart for peer in throughput.runnable_peers()} == {False}
    (line,) = capsys.readouterr().out.splitlines()
    for peer in throughput.PEERS:
        assert (peer.name in line) == peer.apart
    assert "`make .venv/nothing.stamp` installs them" in line
