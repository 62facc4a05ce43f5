"""One scenario at work: its topics, load, workers and clock, and the comparison at its end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, topic_name
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.topics import apply_topics
from tests.integration.worker_process import Message, Outcome, committed, oracle, outcome, read
from tests.torture.traffic import LEARNING_HOURS, Feed, Trouble, traffic
from tests.torture.verdict import Verdict, judge, rings
from tests.torture.watch import RecoveryWatch
from tests.torture.workers import PRODUCT, TortureError, Workers

SESSION_SECONDS: Final = 6.0
"""The shortest session that brokers allow by default."""
RATE: Final = 300.0
"""Mentions a second while workers suffer."""
LEARNING_RECORDS: Final = LEARNING_HOURS * 240
SETTLE_SECONDS: Final = 120.0
MIN_ALERTS: Final = 5
"""A scenario with fewer alerts than this has proved nothing."""
ENOUGH_ALERTS: Final = 12
"""The load goes on until its log rings so many: some faults are over after a few seconds of load."""
HURRY: Final = 10.0
"""Times `RATE` at which it does, so that this takes seconds. A log rings once in some 500 mentions."""
PARTITIONS: Final = 4


@dataclass(frozen=True)
class Cluster:
    """Brokers to be tormented; one or three."""

    nodes: list[LocalKafka]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)


class Trial:
    """What a scenario is given."""

    def __init__(
        self,
        name: str,
        seed: int,
        rounds: int,
        cluster: Cluster,
        folder: Path,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Nothing is started yet.

        Args:
            name: of the scenario, its topics and its group.
            seed: with the name it decides everything random.
            rounds: how often the fault comes.
            cluster: is running.
            folder: for logs.
            progress: told how many rounds are done.
        """
        self.name = name
        self.rounds = rounds
        self.dice = random.Random(f"{seed} {name}")
        self.cluster = cluster
        self.settings = Settings(
            kafka_bootstrap=cluster.bootstrap,
            topic_prefix=f"{name}-",
            group=name,
            group_session_timeout_seconds=SESSION_SECONDS,
        )
        self.workers = Workers(self.settings, folder)
        self.watch = RecoveryWatch(self.settings)
        self.feed: Feed | None = None
        self.before = Outcome()
        """What was on the topics before the state was built anew; it is written once more."""
        self.missing: dict[int, list[Message]] = {}
        """Alerts that a scenario has deleted with their topic."""
        self._progress = progress

    @property
    def node(self) -> LocalKafka:
        """The broker, or the first of three."""
        return self.cluster.nodes[0]

    def begin(
        self, workers: int = 1, program: tuple[str, ...] = PRODUCT, trouble: Trouble | None = None, rate: float = RATE
    ) -> None:
        """Topics, a day of mentions to learn from, workers that are ready, load, and the watch over recoveries."""
        apply_topics(self.settings)
        # Small segments: the cleaner is at work behind every scenario.
        self.configure("brand-state", **{"segment.bytes": "2097152", "segment.ms": "20000"})
        self.feed = Feed(self.settings, traffic(self.dice.randrange(1 << 32), trouble or Trouble()), rate)
        self.feed.publish(LEARNING_RECORDS)
        for number in range(workers):
            self.workers.start(f"w{number}", program)
        self.await_balanced()
        self.feed.start()
        self.watch.start()
        # The first checkpoint of every partition: from now on there is state to lose.
        self.watch.fault()
        self.await_recovery()
        self.watch.longest = 0.0

    def each_round(self) -> Iterator[int]:
        """The rounds, as the progress bar sees them pass."""
        for number in range(self.rounds):
            yield number
            self._progress(number + 1)

    def pause(self, least: float, most: float) -> None:
        """A random time, in which the load goes on."""
        time.sleep(self.dice.uniform(least, most))

    def await_balanced(self, seconds: float = 60.0) -> None:
        """Until every running worker is ready and has its share of the partitions."""
        share = PARTITIONS // max(1, len(self.workers.running))

        def balanced() -> bool:
            return (
                all(len(self._partitions(name)) >= share for name in self.workers.running)
                and len({number for name in self.workers.running for number in self._partitions(name)}) == PARTITIONS
            )

        self.workers.await_condition(balanced, seconds, f"partitions shared by {', '.join(self.workers.running)}")

    def _partitions(self, name: str) -> list[int]:
        ready = self.workers[name].events("ready")
        said = self.workers[name].answer("/readyz") if ready else (0, "")
        return list(ready[-1]["partitions"]) if said[0] == 200 else []

    def await_recovery(self, seconds: float = 90.0) -> None:
        """Until every partition has written a checkpoint since the last fault."""
        self.workers.await_condition(self.watch.recovered, seconds, "every partition writes checkpoints again")

    def expect(self, holds: bool, what: str) -> None:
        """A promise of this scenario's own."""
        if not holds:
            raise TortureError(f"expected {what}")

    def configure(self, name: str, **config: str) -> None:
        """Set values of a topic."""
        topic = topic_name(self.settings, name)
        with admin(self.settings) as client:
            said = client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])["topic"][topic]
        self.expect(said == "OK", f"{config} to be set on {topic}, got {said}")

    def _has_committed(self, ends: Mapping[int, int]) -> bool:
        committed = self.committed()
        return all(committed.get(number, 0) >= end for number, end in ends.items())

    def await_alerts(self, least: int) -> None:
        """Load, faster than before, until the oracle has so many alerts over the log; returns at once when it has."""
        feed = self.feed
        assert feed is not None

        def has_rung() -> bool:
            self.expect(feed.is_alive(), f"the load to go on until its log rings {least} alerts")
            return rings(read(self.settings, "mentions"), least)

        if not has_rung():
            with feed.hurrying(HURRY):
                self.workers.await_condition(has_rung, SETTLE_SECONDS, f"a load that rings {least} alerts")

    def quiet(self) -> None:
        """Load until there are enough alerts, then no more; returns when the workers have committed all of it."""
        if self.feed is not None and self.feed.is_alive():
            self.await_alerts(ENOUGH_ALERTS)
            self.feed.stop()
        while True:
            ends = self.ends()
            self.workers.await_condition(
                partial(self._has_committed, ends),
                SETTLE_SECONDS,
                f"all committed: {ends}",
            )
            # A transaction's records may have become readable only now.
            if self.ends() == ends:
                return

    def ends(self) -> dict[int, int]:
        """The offset after the last committed record of every partition of mentions."""
        log = read(self.settings, "mentions")
        return {number: records[-1].offset + 1 for number, records in log.items() if records}

    def committed(self) -> dict[int, int]:
        """The group's offsets; none while the broker does not say."""
        try:
            return committed(self.settings)
        except (BrokerError, KafkaError):
            return {}

    def verdict(self) -> Verdict:
        """Stop everything in order and compare with the oracle."""
        self.await_balanced()
        self.quiet()
        self.watch.stop()
        for name in self.workers.running:
            self.workers.stop(name)
        log = read(self.settings, "mentions")
        got = outcome(self.settings)
        for kind in ("alerts", "dead_letters", "activity"):
            for number, messages in getattr(self.before, kind).items():
                now = getattr(got, kind)[number]
                self.expect(now[: len(messages)] == messages, f"{kind}[{number}] of before to stay")
                getattr(got, kind)[number] = now[len(messages) :]
        for number, messages in self.missing.items():
            got.alerts[number] = messages + got.alerts[number]
        want = oracle(self.settings, log=log)
        if want.alert_count < MIN_ALERTS:
            raise TortureError(f"expected at least {MIN_ALERTS} alerts to compare, got {want.alert_count}")
        return judge(sum(map(len, log.values())), got, want)

    def close(self) -> None:
        """Leave nothing running."""
        self.workers.close()
        for thread in (self.feed, self.watch):
            if thread is not None and thread.is_alive():
                thread.stop()
