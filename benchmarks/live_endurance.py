"""The endurance run with a worker and a broker: see benchmarks.endurance.

A producer keeps some seconds of mentions before a real `tocsin worker`, so that the worker is at full load and event
time advances as fast as it can process them. Old mentions and old state are deleted meanwhile, so the disk holds
some 2 GB at most, however long it runs.
"""

from __future__ import annotations

import asyncio
import logging
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka.admin import ConfigResource, ConfigResourceType
from prometheus_client.samples import Sample

from benchmarks import live, throughput
from pipeline.config.settings import Settings
from pipeline.demo.run_guard import stoppable
from pipeline.kafka.clients import admin, aiokafka_options, topic_name
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.partitioning import partition_of

BEGIN: Final = 1_735_689_600
"""2025-01-01T00:00:00Z: event time passes faster than life, and must not overtake the broker's clock."""
STEP: Final = 300
"""Seconds of event time in a round."""
DAY: Final = 86_400
REGULAR: Final = 2000
ONCE: Final = 500
"""Brands per round that are mentioned once; a divisor of REGULAR."""
MAX_BRANDS: Final = 2500
"""engine.max_brands, which holds for a partition."""
STORM_EVERY: Final = 12
"""Rounds between two in which a regular brand gets many negative posts, each time the next one."""
STORM: Final = 40
TEXTS: Final = 3000
MOMENTS: Final = 25
"""Times that the mentions of a round are written at."""
PARTITIONS: Final = throughput.PARTITIONS
LINES: Final = 30
LOOK_SECONDS: Final = 2.0
"""Between two looks at the metrics, because to answer costs the worker some milliseconds."""
BACKLOG_SECONDS: Final = 5.0
MIN_BACKLOG: Final = 20_000
SILENT_SECONDS: Final = 60.0
"""A worker that has not answered for so long has failed."""
BROKER: Final = {"log.retention.check.interval.ms": "15000", "log.segment.delete.delay.ms": "5000"}
BOUNDS: Final = {
    "mentions": {"retention.bytes": str(128 << 20), "segment.bytes": str(32 << 20)},
    "brand-state": {"segment.bytes": str(64 << 20), "delete.retention.ms": "60000"},
}
"""Limits per partition: every bucket writes the state of every brand, and every expired brand a tombstone."""

Message = tuple[int, bytes, bytes]
"""Partition, key and value."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The worker at one moment.

    Attributes:
        seconds: since the load began.
        mentions: consumed so far.
        days: of event time that have passed.
        brands: with state.
        expired: brands expired so far.
        alerts: so far.
        mib: resident memory of the worker.
        lag: records on the broker that it has not consumed.
        step: maximum of seconds that the event loop stood still to encode a batch of a checkpoint, since the start.
    """

    seconds: float
    mentions: int
    days: float = 0.0
    brands: int = 0
    expired: int = 0
    alerts: int = 0
    mib: float
    lag: int = 0
    step: float = 0.0

    @property
    def line(self) -> str:
        """Below HEADER."""
        return (
            f"{self.seconds:7.0f} {self.mentions:9d} {self.days:11.1f} {self.brands:7d} {self.expired:10d} "
            f"{self.alerts:7d} {self.mib:6.1f} {self.lag:7d} {1000 * self.step:9.1f}"
        )


HEADER: Final = "seconds  mentions  event days  brands    expired  alerts    MiB     lag   step ms"


class Load:
    """Mentions in rounds of five minutes of event time, from templates: what makes them must not be what is slow.

    In every round each regular brand has a mention, and so have brands that are mentioned once. A fifth of the
    mentions carries a sentiment; the texts of the others are scored.
    """

    def __init__(self) -> None:
        """Make the templates."""
        dice = random.Random(1)
        self._texts = [self._text(dice, n) for n in range(TEXTS)]
        keys = [f"brand-{n:05}".encode() for n in range(REGULAR)]
        self._regular = [(partition_of(key, PARTITIONS), key) for key in keys]

    @staticmethod
    def _text(dice: random.Random, n: int) -> bytes:
        if n % 3 == 0:
            return f'"lang":"en","text":"{" ".join(dice.choices(throughput.WORDS, k=16))}'.encode()
        lang, phrases = (("zh", throughput.CHINESE), ("ja", throughput.JAPANESE))[n % 3 - 1]
        return f'"lang":"{lang}","text":"{"".join(dice.choices(phrases, k=3))}'.encode()

    def mentions(self, number: int) -> Iterator[Message]:
        """A round, in order of event time."""
        if number % STORM_EVERY == STORM_EVERY - 1:
            place, key = self._regular[number // STORM_EVERY % REGULAR]
            moment = _moment(number, 0)
            for n in range(STORM):
                yield place, key, self._mention(key, REGULAR + ONCE + n, number, moment, b',"sentiment":-0.8')
        for n, (place, key) in enumerate(self._regular):
            if n % (REGULAR // MOMENTS or 1) == 0:
                moment = _moment(number, STEP * n // REGULAR)
            yield place, key, self._mention(key, n, number, moment, self._label(n + number))
            if n % (REGULAR // ONCE) == 0:
                once = n * ONCE // REGULAR
                name = b"once-%d-%d" % (number, once)
                value = self._mention(name, REGULAR + once, number, moment, self._label(n + number + 1))
                # On any partition: a brand that comes once is nowhere else, and the hash costs more than all the rest.
                yield once % PARTITIONS, name, value

    @staticmethod
    def _label(turn: int) -> bytes:
        return b"" if turn % 5 else b',"sentiment":-0.6' if turn % 25 == 0 else b',"sentiment":0.5'

    def _mention(self, key: bytes, n: int, number: int, moment: bytes, label: bytes) -> bytes:
        # A word of its own in every text, so that caches of words get new ones.
        return b'{"id":"%d-%d","brand":"%b",%b %d","event_time":"%b","platform":"x","author":{"id":"a%d"}%b}' % (
            number,
            n,
            key,
            self._texts[(7 * n + 31 * number) % TEXTS],
            (2503 * number + n) * 7919 % 1_000_003,
            moment,
            n,
            label,
        )


def _moment(number: int, second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + number * STEP + second)).encode()


def room(looks: Sequence[Look], sent: int) -> int:
    """Mentions that may be sent now, so that some seconds of them wait for the worker.

    Args:
        looks: at the worker, the last of them of now.
        sent: mentions so far.
    """
    rate = 0.0
    if len(looks) > 1:
        before, now = looks[-2:]
        rate = (now.mentions - before.mentions) / (now.seconds - before.seconds)
    return max(MIN_BACKLOG, int(BACKLOG_SECONDS * rate)) - (sent - looks[-1].mentions)


def result(looks: Sequence[Look]) -> str:
    """The result of a run in one line.

    Args:
        looks: looks of the whole run, at even distances; memory is compared with mentions after the first third.
    """
    last = looks[-1]
    first, second = (next(look for look in looks if look.seconds >= last.seconds * n / 3) for n in (1, 2))
    late = [look for look in looks if look.seconds >= first.seconds]
    try:
        slope = statistics.linear_regression([look.mentions / 1e6 for look in late], [look.mib for look in late]).slope
        growth = f"{slope:+.2f} MiB per million mentions over the second and the last third"
    except statistics.StatisticsError:
        growth = "too few looks to say whether it grows"
    return (
        f"result: {first.mib:.1f} MiB after the first third, {second.mib:.1f} at two thirds, {last.mib:.1f} at the "
        f"end; {growth}; {last.mentions:,} mentions in {last.seconds:.0f} s, {last.mentions / last.seconds:,.0f} a "
        f"second of wall time, {last.days:.1f} days of event time"
    )


def main(seconds: float) -> None:
    """Run so long under full load, print a line every thirtieth of it and the result.

    Raises:
        SystemExit: the worker or the broker failed, in one line; or the run was interrupted.
    """
    looks: list[Look] = []
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is gone is reported in one line
    with stoppable(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with LocalKafka(folder / "kafka", 0, properties=BROKER, jars=live.JARS) as kafka:
                settings = _settings(kafka, folder)
                with live.worker(settings, folder) as worker:
                    run = _Run(worker, seconds, looks)
                    run.await_ready()
                    asyncio.run(run.play())
        except KeyboardInterrupt:
            if len(looks) > 1:
                print(result(looks), flush=True)
            raise SystemExit("benchmarks.endurance: interrupted; worker and broker are stopped") from None
        except KafkaError as error:
            raise SystemExit(f"benchmarks.endurance: the broker failed: {error}") from None
    print(result(looks), flush=True)


def _settings(kafka: LocalKafka, folder: Path) -> Settings:
    """A worker's settings; its topics are made, and bounded."""
    config = folder / "endurance.toml"
    config.write_text(f"[engine]\nmax_brands = {MAX_BRANDS}\n")
    settings = live.settings_of(kafka, "endurance", PARTITIONS).model_copy(update={"config": config})
    with admin(settings) as client:
        for name, values in BOUNDS.items():
            topic = topic_name(settings, name)
            client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, values)])
    return settings


def last_event(log: Path) -> str:
    """The event of the last line of a worker's log, or the line itself where it is not JSON."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["none"]
    try:
        return str(msgspec.json.decode(lines[-1], type=dict[str, object])["event"])
    except (msgspec.DecodeError, KeyError):
        return lines[-1]


class _Run:
    """One worker under load."""

    def __init__(self, worker: live.Worker, seconds: float, looks: list[Look]) -> None:
        """Nothing is sent yet; looks are appended to the list."""
        self._worker = worker
        self._seconds = seconds
        self._looks = looks
        self._began = self._answered = time.monotonic()
        self._topic = topic_name(worker.settings, "mentions")

    def await_ready(self) -> None:
        """Until the worker has its partitions.

        Raises:
            SystemExit: the worker failed.
        """
        while sum(live.values(self._samples(), "tocsin_partitions_assigned")) < PARTITIONS:
            time.sleep(0.2)

    async def play(self) -> None:
        """Send for as long as asked.

        Raises:
            SystemExit: the worker failed.
            KafkaError: the broker did.
        """
        load, sent, number, lines = Load(), 0, 0, 0
        print(HEADER, flush=True)
        self._began = time.monotonic()
        async with AIOKafkaProducer(**aiokafka_options(self._worker.settings), max_batch_size=1 << 19) as client:
            while True:
                look = await asyncio.to_thread(self._look)
                if look is not None and look.seconds >= lines * self._seconds / LINES:
                    lines += 1
                    print(look.line, flush=True)
                if time.monotonic() - self._began >= self._seconds:
                    return
                while look is not None and room(self._looks, sent) > 0:
                    sent += await self._send(client, load.mentions(number))
                    number += 1
                await asyncio.sleep(LOOK_SECONDS)

    async def _send(self, client: AIOKafkaProducer, mentions: Iterator[Message]) -> int:
        """Send a round, one batch a partition; how many it were."""
        batches = [client.create_batch() for _ in range(PARTITIONS)]
        for place, key, value in mentions:
            added = batches[place].append(timestamp=None, key=key, value=value)
            assert added is not None, "a round fits into a batch"
        await asyncio.gather(
            *[await client.send_batch(batch, self._topic, partition=place) for place, batch in enumerate(batches)]
        )
        return sum(batch.record_count() for batch in batches)

    def _look(self) -> Look | None:
        found = self._samples()
        try:
            mib = self._worker.resident_mib()
        except psutil.NoSuchProcess:  # ended just now, which the next look tells
            return None
        if not found:
            return None

        def total(name: str) -> int:
            return int(sum(live.values(found, f"tocsin_{name}")))

        watermark = min(live.values(found, "tocsin_watermark_timestamp_seconds"), default=BEGIN)
        look = Look(
            seconds=time.monotonic() - self._began,
            mentions=total("mentions_consumed_total"),
            days=max(0.0, (watermark - BEGIN) / DAY),
            brands=total("brands_tracked"),
            expired=total("brands_forgotten_total"),
            alerts=total("alerts_total"),
            mib=mib,
            lag=total("consumer_lag_records"),
            step=max(live.values(found, "tocsin_engine_longest_step_seconds", stage="encode"), default=0.0),
        )
        self._looks.append(look)
        return look

    def _samples(self) -> list[Sample]:
        """What the worker's metrics say, nothing while the worker is too busy to answer.

        Raises:
            SystemExit: the worker has ended, or does not answer any more.
        """
        found = self._worker.samples()
        now = time.monotonic()
        if found:
            self._answered = now
        code = self._worker.process.poll()
        if code is not None:
            after = f"after {now - self._began:.0f} s with code {code}"
            word = last_event(self._worker.log)
            raise SystemExit(f"benchmarks.endurance: the worker ended {after}; its last word: {word}")
        if now - self._answered > SILENT_SECONDS:
            raise SystemExit(f"benchmarks.endurance: the worker has not answered for {SILENT_SECONDS:.0f} s")
        return found
