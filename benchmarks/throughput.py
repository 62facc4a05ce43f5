"""CPU seconds per million mentions, Tocsin beside its peers: python -m benchmarks.throughput [MENTIONS].

One local broker, the same topics for everybody, every consumer a process of its own. What is counted is the CPU time
(user and system) of the whole process tree from its start to the last mention, less what the same process takes for a
topic with next to nothing in it; the broker is not counted. Machines differ and other processes
disturb: compare ratios.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import RetriableError

from pipeline.config.settings import Settings, child_environment, user_cache
from pipeline.kafka.clients import admin, aiokafka_options, consumer, topic_name
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.local.child_process import owned_command
from pipeline.kafka.partitioning import partition_of
from pipeline.kafka.topics import apply_topics
from schemas.moments import moment

ROOT = Path(__file__).parents[1]
JARS = user_cache(ROOT / ".tocsin")
PEERS_STAMP = ROOT / ".venv" / "peers.stamp"
"""Made by the Makefile when everything in requirements/peers.lock has been installed."""
PEERS_PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
PARTITIONS = 4
BRANDS = 1000
PER_SECOND = 300.0
"""Mentions per second of event time: 90 per brand and bucket on average, by Zipf's law between the brands."""
WORDS = (
    "delivery",
    "support",
    "refund",
    "screen",
    "battery",
    "great",
    "awful",
    "update",
    "crash",
    "love",
    "price",
    "broken",
    "shipping",
    "store",
    "app",
    "login",
    "waiting",
    "service",
    "again",
    "never",
    "happy",
    "quality",
    "team",
    "new",
    "phone",
    "order",
    "cancelled",
    "finally",
    "thanks",
    "slow",
    "fast",
)
CHINESE = (
    "物流太慢了客服一直不回复我",
    "这次的新产品真的很好用推荐",
    "屏幕又坏了要求退款没人理",
    "价格比以前便宜质量也不错",
)
JAPANESE = (
    "配送が遅すぎてサポートも返事がない",
    "新しいアプリはとても使いやすいです",
    "またログインできない最悪",
    "店員さんが親切でした",
)


class Peer(msgspec.Struct, frozen=True):
    """One row beside Tocsin.

    Attributes:
        name: name of the row.
        module: module in benchmarks.peers.
        part: divisor of the number of mentions to read; the slow ones read few.
        job: its fourth argument, if any.
        apart: whether it runs in the environment of the peers.
    """

    name: str
    module: str
    part: int
    job: tuple[str, ...] = ()
    apart: bool = False


PEERS = (
    Peer("aiokafka, read only", "aiokafka_loop", 1),
    Peer("aiokafka, simple job", "aiokafka_loop", 1, ("job",)),
    Peer("confluent-kafka, read only", "confluent_kafka_loop", 1, apart=True),
    Peer("confluent-kafka, simple job", "confluent_kafka_loop", 1, ("job",), apart=True),
    Peer("kafka-python, simple job", "kafka_python_loop", 4),
    Peer("Bytewax, simple job", "bytewax_flow", 1, apart=True),
    Peer("Bytewax, simple job and recovery", "bytewax_flow", 1, ("recovery",), apart=True),
    Peer("Quix Streams, simple job", "quix_streams", 4, apart=True),
    Peer("Quix Streams, simple job and its state", "quix_streams", 4, ("state",), apart=True),
    Peer("Quix Streams, its windows and its state", "quix_streams", 4, ("windows",), apart=True),
    Peer("plain Faust, simple job", "plain_faust", 20),
    Peer("plain Faust, simple job and a table", "plain_faust", 50, ("table",)),
)


def mentions(count: int, *, brands: int, kind: str, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values. Kinds: `given` carries a sentiment; `english` and `mixed` (a third each EN, ZH, JA) do not."""
    rng = random.Random(seed)
    weights: list[float] = []
    for rank in range(1, brands + 1):
        weights.append((weights[-1] if weights else 0.0) + 1.0 / rank)
    begin = time.time() - 86_400 - count / PER_SECOND
    begin -= begin % 300
    for number, brand in enumerate(rng.choices(range(brands), cum_weights=weights, k=count)):
        at = moment(begin + number / PER_SECOND)
        lang, text = "en", " ".join(rng.choices(WORDS, k=16))
        if kind == "mixed" and number % 3:
            lang, phrases = (("zh", CHINESE), ("ja", JAPANESE))[number % 3 - 1]
            text = "".join(rng.choices(phrases, k=3))
        document: dict[str, object] = {
            "id": f"m{number:010}",
            "brand": f"brand-{brand:06}",
            "text": text,
            "event_time": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z",
            "platform": rng.choice(("x", "weibo", "reddit", "news")),
            "lang": lang,
            "author": {"id": f"u{rng.randrange(1_000_000):06}", "followers": int(50 * rng.paretovariate(1))},
        }
        if kind == "given":
            negative = rng.random() < 0.15
            document["sentiment"] = round(-0.9 + 0.5 * rng.random() if negative else -0.2 + 1.1 * rng.random(), 3)
        yield f"brand-{brand:06}".encode(), json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


async def fill(
    settings: Settings,
    count: int,
    *,
    brands: int,
    kind: str,
    partitions: int = PARTITIONS,
) -> None:
    """Write the mentions topic, in one go after everything has been made."""
    client = AIOKafkaProducer(**aiokafka_options(settings), max_batch_size=1 << 14)
    await client.start()
    topic = topic_name(settings, "mentions")
    full: list[tuple[int, BatchBuilder]] = []
    batches = [client.create_batch() for _ in range(partitions)]
    for key, value in mentions(count, brands=brands, kind=kind):
        p = partition_of(key, partitions)
        if batches[p].append(timestamp=None, key=key, value=value) is None:
            full.append((p, batches[p]))
            batches[p] = client.create_batch()
            batches[p].append(timestamp=None, key=key, value=value)
    for p, batch in (*full, *enumerate(batches)):
        if batch.record_count():
            await client.send_batch(batch, topic, partition=p)
    await client.stop()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and its children, dead ones included."""
    times = process.cpu_times()
    spent = times.user + times.system + times.children_user + times.children_system
    return spent + sum(cpu_seconds(child) for child in process.children())


def start_worker(settings: Settings, log: BinaryIO) -> subprocess.Popen[bytes]:
    """`tocsin worker`, which ends with this process; what it says goes into the log."""
    return subprocess.Popen(
        owned_command([sys.executable, "-m", "pipeline", "worker"]),
        cwd=ROOT,
        env=child_environment(settings),
        stdout=log,
        stderr=log,
    )


def worker_seconds(settings: Settings, folder: Path) -> tuple[float, float]:
    """CPU and wall seconds of `tocsin worker` until its committed offsets are the end of the topic."""
    topic = topic_name(settings, "mentions")
    with consumer(settings) as client:
        ends = dict(client.end_offsets(_partitions(topic)))
    began = time.monotonic()
    # One client that asks rarely, because its CPU time would be missing to the worker.
    with admin(settings) as asking, (folder / f"{settings.instance}.log").open("wb") as log:
        worker = start_worker(settings, log)
        try:
            process = psutil.Process(worker.pid)
            while worker.poll() is None:
                spent, passed = cpu_seconds(process), time.monotonic() - began
                if _is_done(asking, settings.group, ends):
                    return spent, passed
                time.sleep(0.5)
            raise RuntimeError(f"the worker ended with {worker.returncode}; see {log.name}")
        finally:
            worker.terminate()
            worker.wait(20)


def peer_seconds(arguments: list[str], python: str | Path = sys.executable) -> tuple[float, float]:
    """CPU and wall seconds of a peer from start to end, run by that interpreter."""
    before, began = os.times(), time.monotonic()
    subprocess.run(
        [python, "-m", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, time.monotonic() - began


def runnable_peers() -> list[Peer]:
    """Those whose environment exists; of the others one line tells how to get them."""
    if PEERS_STAMP.exists() and PEERS_PYTHON.exists():
        return list(PEERS)
    missing = [peer.name for peer in PEERS if peer.apart]
    print(f"  left out: {'; '.join(missing)}. `make {PEERS_STAMP.relative_to(ROOT)}` installs them", flush=True)
    return [peer for peer in PEERS if not peer.apart]


def _partitions(topic: str) -> list[object]:
    return [TopicPartition(topic, p) for p in range(PARTITIONS)]


def _is_done(client: KafkaAdminClient, group: str, ends: dict[object, int]) -> bool:
    try:
        offsets = client.list_group_offsets({group: None})[group]
    except RetriableError:  # the broker makes its offsets topic when the first group comes
        return False
    return all(p in offsets and offsets[p].offset >= end for p, end in ends.items() if end)


def main(count: int, *, peers: bool = True) -> dict[str, float]:
    """Print the table; CPU seconds per million mentions by row."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, LocalKafka(Path(folder) / "kafka", 0, jars=JARS) as kafka:

        def filled(prefix: str, size: int, kind: str, brands: int = BRANDS) -> Settings:
            settings = Settings(
                kafka_bootstrap=kafka.bootstrap,
                topic_prefix=f"{prefix}-",
                group=f"{prefix}-group",
                instance=prefix,
                metrics_port=0,
            )
            apply_topics(settings, PARTITIONS)
            asyncio.run(fill(settings, size, brands=brands, kind=kind))
            return settings

        def show(name: str, seconds: tuple[float, float], idle: float, size: int) -> None:
            found[name] = 1e6 * (seconds[0] - idle) / size
            print(
                f"  {name:44}{found[name]:8.2f}{1e6 / found[name]:12,.0f}{found[name] / found['tocsin']:8.2f}"
                f"{size:10,}{seconds[1]:8.1f}",
                flush=True,
            )

        start = worker_seconds(filled("start", 1000, "given"), Path(folder))[0]
        given = filled("given", count, "given")
        print(f"throughput: {BRANDS} brands, {PARTITIONS} partitions; start of the worker {start:.2f} CPU s, taken off")
        print(f"  {'':44}{'CPU s/M':>8}{'per s, core':>12}{'ratio':>8}{'mentions':>10}{'wall s':>8}")
        show("tocsin", worker_seconds(given, Path(folder)), start, count)
        for kind in ("english", "mixed"):
            size = count // 2
            show(f"tocsin, texts {kind}", worker_seconds(filled(kind, size, kind), Path(folder)), start, size)
        if peers:
            # A topic for every size: what a client fetches beyond the part that it is to read would count as well.
            topics = {count: topic_name(given, "mentions")}
            for peer in runnable_peers():
                size = count // peer.part
                if size not in topics:
                    topics[size] = topic_name(filled(f"given{size}", size, "given"), "mentions")
                python = PEERS_PYTHON if peer.apart else sys.executable
                run = [f"benchmarks.peers.{peer.module}", kafka.bootstrap]
                idle = peer_seconds([*run, "start-mentions", "500", *peer.job], python)[0]
                show(peer.name, peer_seconds([*run, topics[size], str(size), *peer.job], python), idle, size)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
