"""The worker on a real broker, as its operator meets it: python -m benchmarks.live [part ...].

    workers     the same backlog read by one worker and by two
    partitions  the same backlog in 4 and in 16 partitions
    brands      100,000 brands closing together: longest stop of the event loop, memory; then loading their state
    latency     from the mention that makes a bucket due to the alert in a committed read, at 20,000 mentions per second
    idle        a ready worker with nothing to do

Broker, load and worker share the machine, so times are upper bounds (a backlog is filled before it is read); figures
that count CPU do not count the broker.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from benchmarks import throughput
from benchmarks.goals import Goal, table
from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options, topic_name
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.local.ports import free_port
from pipeline.kafka.partitioning import partition_of
from pipeline.kafka.topics import apply_topics
from schemas.alert import decode_alert
from schemas.moments import moment

BUCKET: Final = 300
LATENESS: Final = 120
BACKLOG: Final = 1_000_000
MANY_BRANDS: Final = 100_000
RATE: Final = 20_000
"""Mentions per second while latency is measured."""
SPEED: Final = 10
"""Seconds of event time per second while latency is measured: a bucket is due every 30 s."""
BRANDS_WITH_HISTORY: Final = 400
"""Brands with a history of which some come into a crisis; the load is of others."""
HISTORY_BUCKETS: Final = 600
CRISIS_BUCKETS: Final = 5
CRISES: Final = 40
"""Brands per bucket that come into a crisis."""
LOAD_BRANDS: Final = 200
"""Brands that make up the load."""
DEADLINE: Final = 600.0
POLL: Final = 0.4
"""Seconds between two looks at the metrics, each of which costs the worker some milliseconds."""
JARS: Final = throughput.JARS

T = TypeVar("T")


class Worker:
    """A `tocsin worker` and what its metrics say."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        """Start it; its log goes into the folder."""
        self.began = time.monotonic()
        self._port = free_port()
        self.settings = settings.model_copy(update={"metrics_port": self._port})
        self.log = folder / f"{settings.topic_prefix}{settings.instance}-{self._port}.log"
        with self.log.open("wb") as log:
            self.process = throughput.start_worker(self.settings, log)

    def samples(self) -> list[Sample]:
        """Every sample of one look at the metrics; none while the worker does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return []
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def metric(self, name: str, **labels: str) -> list[float]:
        """The values of a metric's samples with these labels; none while the worker does not answer."""
        return values(self.samples(), name, **labels)

    def wait_until(self, name: str, least: float) -> float:
        """Seconds since the start at which the metric's samples add up to so much.

        Raises:
            RuntimeError: the worker ended, or the time is up.
        """
        while sum(self.metric(name)) < least:
            if self.process.poll() is not None or time.monotonic() - self.began > DEADLINE:
                raise RuntimeError(f"expected {name} to reach {least:g}; see {self.log.read_text()[-2000:]}")
            time.sleep(POLL)
        return time.monotonic() - self.began

    def cpu_seconds(self) -> float:
        """User and system time of the worker and its children so far."""
        return throughput.cpu_seconds(psutil.Process(self.process.pid))

    def resident_mib(self) -> float:
        """MiB of the worker in memory."""
        return max(
            one.memory_info().rss / 2**20
            for one in (psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True))
        )

    def stop(self) -> None:
        """End it as a supervisor does."""
        self.process.terminate()
        self.process.wait(20)


def values(samples: Iterable[Sample], name: str, **labels: str) -> list[float]:
    """Those of the samples with this name and these labels."""
    return [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]


@contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[Worker]:
    """A worker that is stopped in any case."""
    one = Worker(settings, folder)
    try:
        yield one
    finally:
        one.stop()


def settings_of(kafka: LocalKafka, name: str, partitions: int) -> Settings:
    """The settings of a part, with topics of its own, which are created."""
    settings = Settings(kafka_bootstrap=kafka.bootstrap, topic_prefix=f"{name}-", group=f"{name}-group", instance=name)
    apply_topics(settings, partitions)
    return settings


def drained(kafka: LocalKafka, folder: Path, name: str, partitions: int, workers: int) -> tuple[float, float]:
    """CPU seconds per million mentions and mentions per second of wall time, once every worker has its partitions."""
    settings = settings_of(kafka, name, partitions).model_copy(update={"group_session_timeout_seconds": 60.0})
    with ExitStack() as running:
        # Ready on an empty topic first: start, rebalance and the first connections are not part of it.
        team = [
            running.enter_context(worker(settings.model_copy(update={"instance": f"{name}-{n}"}), folder))
            for n in range(workers)
        ]
        while [sum(one.metric("tocsin_partitions_assigned")) for one in team] != [partitions / workers] * workers:
            time.sleep(0.2)
        spent = [one.cpu_seconds() for one in team]
        # They stand still while the topic is filled: the load would take the cores that are measured.
        for one in team:
            one.process.send_signal(signal.SIGSTOP)
        asyncio.run(throughput.fill(settings, BACKLOG, brands=throughput.BRANDS, kind="given", partitions=partitions))
        pid = kafka.status().pid
        assert pid is not None
        broker = psutil.Process(pid)
        broker_spent, began = throughput.cpu_seconds(broker), time.monotonic()
        for one in team:
            one.process.send_signal(signal.SIGCONT)
        while sum(sum(one.metric("tocsin_mentions_consumed_total")) for one in team) < BACKLOG:
            time.sleep(POLL)
        passed = time.monotonic() - began
        shared = (throughput.cpu_seconds(broker) - broker_spent) / passed
        cpu = sum(one.cpu_seconds() - first for one, first in zip(team, spent, strict=True))
    print(f"    the workers used {cpu / passed:.2f} cores, the broker {shared:.2f}", flush=True)
    return 1e6 * cpu / BACKLOG, BACKLOG / passed


def workers(kafka: LocalKafka, folder: Path) -> list[Goal]:
    """One worker and two."""
    found = [drained(kafka, folder, f"workers{n}", 4, n) for n in (1, 2)]
    for n, (cpu, rate) in enumerate(found, 1):
        print(
            f"  workers {n}:      {rate:9,.0f} mentions per second of wall time, {cpu:6.2f} CPU s per million",
            flush=True,
        )
    ratio = found[1][1] / found[0][1]
    print(f"  two against one: {ratio:.2f} times as many", flush=True)
    return [Goal("two workers against one on a backlog, broker on the same cores", ratio, 1.7, "times", more=True)]


def partitions(kafka: LocalKafka, folder: Path) -> list[Goal]:
    """Four partitions and sixteen."""
    spent = []
    for n in (4, 16):
        cpu, rate = drained(kafka, folder, f"partitions{n}", n, 1)
        spent.append(cpu)
        print(
            f"  partitions {n:2}:  {rate:9,.0f} mentions per second of wall time, {cpu:6.2f} CPU s per million",
            flush=True,
        )
    return [Goal("CPU of a mention, 16 partitions against 4", spent[1] / spent[0], 1.5, "times")]


def brands(kafka: LocalKafka, folder: Path) -> list[Goal]:
    """Many brands in one bucket, closed together; then the worker is restarted, and another takes its state over."""
    settings = settings_of(kafka, "brands", throughput.PARTITIONS)
    begin = int(time.time()) // BUCKET * BUCKET - 86_400
    with worker(settings, folder) as first:
        ready = first.wait_until("tocsin_partitions_assigned", throughput.PARTITIONS)
        print(f"  start:           {ready:6.1f} s from the command to all partitions assigned, no state", flush=True)
        offset = 0
        for number in range(4):
            asyncio.run(send(settings, one_each(MANY_BRANDS, begin + number * BUCKET, f"b{number}")))
            offset += MANY_BRANDS
            first.wait_until("tocsin_mentions_consumed_total", offset)
        time.sleep(3.0)  # three checkpoints
        found = first.samples()
        longest = {stage: max(values(found, "tocsin_engine_longest_step_seconds", stage=stage)) for stage in STEPS}
        steps = ", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in longest.items())
        size = first.resident_mib()
        print(f"  {MANY_BRANDS:,} brands: longest step of {steps}; {size:.0f} MiB", flush=True)
    goals = [
        Goal("command to all partitions assigned, no state", ready, 5.0, "s"),
        Goal(
            f"longest stop of the event loop, {MANY_BRANDS:,} brands closing together", max(longest.values()), 0.05, "s"
        ),
        Goal(f"resident memory of a worker with four partitions, {MANY_BRANDS:,} active brands", size, 600.0, "MiB"),
    ]
    for number, (what, instance) in enumerate((("restarted", "brands"), ("taken over", "brands-next"))):
        with worker(settings.model_copy(update={"instance": instance}), folder) as successor:
            successor.wait_until("tocsin_partitions_assigned", throughput.PARTITIONS)
            successor.wait_until("tocsin_brands_tracked", MANY_BRANDS)
            restored = max(successor.metric("tocsin_state_restore_seconds"))
            read = sum(successor.metric("tocsin_state_restored_records"))
            asyncio.run(send(settings, one_each(100, begin + (4 + number) * BUCKET, f"after{number}")))
            mention = successor.wait_until("tocsin_mentions_consumed_total", 1)
        print(
            f"  {what + ':':17}{restored:5.1f} s to load the state ({read:,.0f} records); "
            f"first mention {mention:.1f} s after the command",
            flush=True,
        )
        goals += [
            Goal(f"{what}: loading the state of {MANY_BRANDS:,} brands", restored, 3.0, "s"),
            Goal(f"{what}: command to first mention, state of {MANY_BRANDS:,} brands", mention, 5.0, "s"),
        ]
    return goals


STEPS: Final = ("fold", "close", "encode", "restore", "collect")


def document(brand: str, name: str, at: float, sentiment: float) -> bytes:
    """A mention in words of its own: copies would weigh as one story."""
    event_time = moment(at).isoformat()
    text = " ".join(random.Random(name).choices(throughput.WORDS, k=12))
    return msgspec.json.encode(
        {
            "id": name,
            "brand": brand,
            "text": text,
            "event_time": event_time,
            "platform": "x",
            "lang": "en",
            "sentiment": sentiment,
            "author": {"id": f"a{name}"},
        }
    )


def one_each(count: int, at: int, name: str) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of one mention of each brand, all in one bucket."""
    for n in range(count):
        brand = f"brand-{n:06}"
        key = brand.encode()
        value = document(brand, f"{name}-{n}", at + n * 290 / count, 0.4)
        yield partition_of(key, throughput.PARTITIONS), key, value


def batched(records: Iterator[T], size: int) -> Iterator[list[T]]:
    """So many at a time."""
    while taken := list(islice(records, size)):
        yield taken


async def send(settings: Settings, records: Iterator[tuple[int, bytes, bytes]]) -> None:
    """Write records to the mentions topic."""
    client = AIOKafkaProducer(**aiokafka_options(settings), linger_ms=20)
    await client.start()
    topic = topic_name(settings, "mentions")
    for p, key, value in records:
        await client.send(topic, value, key=key, partition=p)
    await client.stop()


def latency(kafka: LocalKafka, folder: Path) -> list[Goal]:
    """Quiet brands of which some come into a crisis in every bucket, beside a stream of others."""
    settings = settings_of(kafka, "latency", throughput.PARTITIONS)
    begin = int(time.time()) // BUCKET * BUCKET - (HISTORY_BUCKETS + 2 * CRISIS_BUCKETS) * BUCKET
    with worker(settings, folder) as one:
        one.wait_until("tocsin_partitions_assigned", throughput.PARTITIONS)
        asyncio.run(send(settings, _history(begin)))
        one.wait_until("tocsin_mentions_consumed_total", HISTORY_BUCKETS * BRANDS_WITH_HISTORY)
        spent, began = one.cpu_seconds(), time.monotonic()
        delays, sent, seconds = asyncio.run(_latencies(settings, begin + HISTORY_BUCKETS * BUCKET))
        share = (one.cpu_seconds() - spent) / (time.monotonic() - began)
    delays.sort()
    middle, high = (1000 * delays[int(q * (len(delays) - 1))] for q in (0.5, 0.99))
    print(
        f"  latency:         median {middle:.0f} ms, p99 {high:.0f} ms, longest {1000 * delays[-1]:.0f} ms of "
        f"{len(delays)} alerts at {sent / seconds:,.0f} mentions per second; the worker used {share:.0%} of a core",
        flush=True,
    )
    return [
        Goal(f"mention to alert in a committed read, p99, {RATE:,} mentions per second", high / 1000, 1.0, "s"),
        Goal("the same: alerts that came", len(delays), CRISIS_BUCKETS * CRISES, "alerts", more=True),
    ]


def _history(begin: int) -> Iterator[tuple[int, bytes, bytes]]:
    """One mention in every bucket of every brand that gets a history, so that its normal is learned."""
    rng = random.Random(1)
    for number in range(HISTORY_BUCKETS):
        for n in range(BRANDS_WITH_HISTORY):
            key = f"history-{n:04}".encode()
            at = begin + number * BUCKET + n * BUCKET / BRANDS_WITH_HISTORY
            value = document(key.decode(), f"h{number}-{n}", at, 0.4 if rng.random() > 0.15 else -0.6)
            yield partition_of(key, throughput.PARTITIONS), key, value


def _live(begin: int) -> Iterator[tuple[float, int, bytes, bytes]]:
    """Event time, partition, key and value of the load with the crises in it, in order of event time."""
    each_bucket = RATE * BUCKET // SPEED
    for number in range(CRISIS_BUCKETS + 1):
        crises = [f"history-{number * CRISES + n:04}" for n in range(CRISES)] if number < CRISIS_BUCKETS else []
        posts = [(name, -0.8) for name in crises for _ in range(30)]
        posts += [(f"history-{n:04}", 0.4) for n in range(BRANDS_WITH_HISTORY)]
        posts += [(f"load-{n % LOAD_BRANDS:04}", 0.4) for n in range(each_bucket - len(posts))]
        random.Random(number).shuffle(posts)
        for n, (name, sentiment) in enumerate(posts):
            at = begin + (number + n / len(posts)) * BUCKET
            key = name.encode()
            yield at, partition_of(key, throughput.PARTITIONS), key, document(name, f"{number}-{n}", at, sentiment)


async def _latencies(settings: Settings, begin: int) -> tuple[list[float], int, float]:
    """Seconds from the mention that made a bucket due to its alert; mentions sent, and in what time."""
    due: dict[tuple[int, int], float] = {}  # partition and bucket to the time of sending
    delays: list[float] = []
    enough = asyncio.Event()
    topic = topic_name(settings, "mentions")
    client = AIOKafkaProducer(**aiokafka_options(settings), max_batch_size=1 << 19)  # a step in one batch a partition
    reader = AIOKafkaConsumer(
        topic_name(settings, "alerts"),
        **aiokafka_options(settings),
        isolation_level="read_committed",
        auto_offset_reset="latest",
        fetch_max_wait_ms=10,
    )
    await client.start()
    await reader.start()

    async def read() -> None:
        async for record in reader:
            alert = decode_alert(record.value)
            bucket = int(alert.detected_time.timestamp()) // BUCKET - 1
            if alert.transition == "opened" and (record.partition, bucket) in due:
                delays.append(time.time() - due[record.partition, bucket])
                if len(delays) == CRISIS_BUCKETS * CRISES:
                    enough.set()

    reading = asyncio.create_task(read())
    sent, began = 0, time.monotonic()
    for step in batched(_live(begin), RATE // 50):
        batches = [client.create_batch() for _ in range(throughput.PARTITIONS)]
        for at, p, key, value in step:
            assert batches[p].append(timestamp=None, key=key, value=value) is not None
            last_due = int(at - LATENESS) // BUCKET - 1
            due.setdefault((p, last_due), time.time())
        for p, batch in enumerate(batches):
            if batch.record_count():
                await client.send_batch(batch, topic, partition=p)
        sent += len(step)
        await asyncio.sleep(max(0.0, began + sent / RATE - time.monotonic()))
    seconds = time.monotonic() - began
    waiting = asyncio.create_task(enough.wait())
    # Whatever has not come by then is missing from the number of alerts.
    done, _ = await asyncio.wait((reading, waiting), timeout=20.0, return_when=asyncio.FIRST_COMPLETED)
    if reading in done:
        reading.result()
    reading.cancel()
    waiting.cancel()
    await reader.stop()
    await client.stop()
    return delays, sent, seconds


def idle(kafka: LocalKafka, folder: Path) -> list[Goal]:
    """A worker that waits for mentions."""
    with worker(settings_of(kafka, "idle", throughput.PARTITIONS), folder) as one:
        one.wait_until("tocsin_partitions_assigned", throughput.PARTITIONS)
        time.sleep(5.0)
        before, seconds = one.cpu_seconds(), 30.0
        time.sleep(seconds)
        share = (one.cpu_seconds() - before) / seconds
        print(f"  idle:            {share:.2%} of a core", flush=True)
    return [Goal("a ready worker without mentions", 100 * share, 1.0, "% of a core")]


PARTS: Final = {"workers": workers, "partitions": partitions, "brands": brands, "latency": latency, "idle": idle}


def main(wanted: list[str]) -> list[Goal]:
    """Run the parts asked for, all of them by default; returns what they reached.

    Raises:
        SystemExit: a part that does not exist.
    """
    if unknown := set(wanted) - PARTS.keys():
        raise SystemExit(f"benchmarks.live: expected parts among {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder, LocalKafka(Path(folder) / "kafka", 0, jars=JARS) as kafka:
        print("live: the worker on a local broker, everything on this machine", flush=True)
        return [goal for name in wanted or PARTS for goal in PARTS[name](kafka, Path(folder))]


if __name__ == "__main__":
    print(table(main(sys.argv[1:])))
