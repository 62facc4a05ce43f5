"""A migration from end to end: what is there, what would be done, and the doing of it, one transaction a partition.

    1 no worker is active; the old partitions' producers are fenced
    2 topics get their partitions, the new generation's state topic is made, the plan is written there
    3 the old state is read, and what is unread is counted by the old partitions' engines   (drain)
    4 their state is dealt out to the new partitions                                        (split)
    5 per new partition, the last one first: alerts, dead letters and state in one transaction
    6 the old state is marked, so that nobody goes on from it

Killed anywhere it can be run again: the same plan gives the same results, and partitions that are done are left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.engine.encoding import activity_record, alert_record, dead_letter_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import Outputs
from pipeline.engine.state import CATEGORY_PREFIX, CHECKPOINT_KEY, MIGRATED_KEY, decode_checkpoint
from pipeline.errors import TocsinError
from pipeline.kafka.clients import aiokafka_options, topic_name
from pipeline.migration.cluster import await_no_workers, count_partitions, grow, workers
from pipeline.migration.drain import Drain, Drained, State
from pipeline.migration.plan import PLAN_KEY, Plan, encode_plan, taken_up
from pipeline.migration.split import Targets, split
from pipeline.migration.unread import committed_consumer, ends_of, unread
from pipeline.worker.driver.installation import install
from pipeline.worker.state_loader import load_state
from pipeline.worker.transaction import PartitionTransactions
from schemas.catalogue import topics

STATE_RECORDS: Final = 10_000
"""State records written in one transaction: some 40 MB."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or would be.

    Attributes:
        plan: from where to where; None where nothing is to be done.
        topic: the new state topic.
        names: brands and categories with state, and `moved`, how many of them get another partition.
        mentions, alerts, dead_letters: of the unread records; None in a dry run.
        active: workers that would have to be stopped; in a dry run only.
        applied: False for a dry run.
        resumed: it had been begun before.
    """

    plan: Plan | None
    topic: str
    names: int = 0
    moved: int = 0
    mentions: int | None = None
    alerts: int | None = None
    dead_letters: int | None = None
    active: list[str] = []
    applied: bool = False
    resumed: bool = False


def migrate(
    settings: Settings,
    config: Config,
    *,
    to: int | None = None,
    before: int | None = None,
    apply: bool = False,
    progress: Progress = lambda what, done, total: None,  # noqa: ARG005
) -> Report:
    """Move what was learned to where the keys go, now that there are more partitions or shall be.

    Args:
        settings: of the generation that is there.
        config: that of the workers.
        to: wanted number of partitions; default: the most that any topic has.
        before: number of partitions that the state was made for; default: as the state says.
        apply: do it; else only say what would be done.
        progress: told of long work.

    Raises:
        BrokerError: no broker, a topic is missing, no permission.
        StateError: the state cannot be read.
        TocsinError: workers are active, or fewer partitions are wanted than there are.
        aiokafka.errors.KafkaError: the broker cannot be reached, or a worker has taken a partition over.
    """
    counts = count_partitions(settings)
    after = to or max(counts.values(), default=0)
    _check(settings, counts, after)
    install()
    if apply:
        await_no_workers(settings)
    return asyncio.run(_Migration(settings, config, counts, after, progress).run(before, apply=apply))


def _check(settings: Settings, counts: dict[str, int], after: int) -> None:
    for name in topics():
        if name not in counts:
            if name in {
                "brand-activity",
                "alert-feedback",
                "alert-deliveries",
            }:  # workers run without
                continue
            raise TocsinError(
                f"{settings.kafka_bootstrap}: expected the topic {topic_name(settings, name)}, got none; "
                "TOCSIN_TOPIC_PREFIX and TOCSIN_STATE_GENERATION say which topics hold"
            )
        if counts[name] > after:
            raise TocsinError(
                f"{topic_name(settings, name)}: expected at most {after} partitions, got {counts[name]}: Kafka cannot "
                "take partitions away"
            )


class _Migration:
    """One migration, on one event loop."""

    def __init__(
        self, settings: Settings, config: Config, counts: dict[str, int], after: int, progress: Progress
    ) -> None:
        self._settings, self._config, self._progress = settings, config, progress
        self._counts, self._after = counts, after
        self._next = settings.model_copy(update={"state_generation": settings.state_generation + 1})
        self._mentions = topic_name(settings, "mentions")
        self._old, self._new = topic_name(settings, "brand-state"), topic_name(self._next, "brand-state")
        self._options = aiokafka_options(settings)

    async def run(self, before: int | None, *, apply: bool) -> Report:
        states = await self._load(self._old, self._counts["brand-state"])
        before = self._before(states, before)
        if before == self._after:
            return Report(plan=None, topic=self._new, applied=apply)
        if before > self._after:
            raise TocsinError(
                f"{self._mentions}: expected more than the {before} partitions that the state was made for, got "
                f"{self._after}: say with --to how many there shall be"
            )
        if not apply:
            if MIGRATED_KEY in states[0]:
                raise TocsinError(
                    f"{self._old}: this state was migrated already: set TOCSIN_STATE_GENERATION="
                    f"{self._next.state_generation} for every worker"
                )
            return await self._would(states[:before])
        producers = [self._producer(number) for number in range(self._after)]
        try:
            for done, producer in enumerate(producers):
                self._progress("fencing", done, len(producers))
                await producer.start()
            # Once more, now that nobody can write to it any longer.
            states = await self._load(self._old, self._counts["brand-state"])
            return await self._apply(states[:before], producers)
        finally:
            for producer in producers:
                await producer.stop()

    def _producer(self, number: int) -> PartitionTransactions:
        """The producer of a partition under the id that its worker has: it fences one, and is fenced by one."""
        return PartitionTransactions(self._options, f"{self._settings.topic_prefix}tocsin-{number}", number)

    async def _load(self, topic: str, partitions: int) -> list[State]:
        states: list[State] = []
        for number in range(partitions):
            self._progress("reading state", number, partitions)
            load = partial(load_state, self._options, topic, self._mentions, number, lambda: None)
            states.append((await load()).records)
        return states

    def _before(self, states: Sequence[State], told: int | None) -> int:
        """The partitions that the state was made for.

        Raises:
            TocsinError: nothing says it.
        """
        if told is not None:
            return told
        checkpoints = (
            decode_checkpoint(CHECKPOINT_KEY, one[CHECKPOINT_KEY]) for one in states if CHECKPOINT_KEY in one
        )
        # Workers that were started on the grown topic may have left larger ones beside the old.
        made_for = [one.partitions for one in checkpoints]
        known = min(filter(None, made_for), default=0)
        if known:
            return known
        if len(states) < self._after or not made_for:
            return len(states)
        raise TocsinError(
            f"{self._old}: expected state that says for how many partitions it was made, or fewer partitions than "
            f"{self._after}, got neither; say it with --from"
        )

    async def _plan(self, states: Sequence[State], partitions: int) -> Plan:
        """A plan up to what is committed now; partitions that are still to be added are empty."""
        consumer = committed_consumer(self._options)
        await consumer.start()
        try:
            ends = await ends_of(consumer, self._mentions, partitions)
        finally:
            await consumer.stop()
        starts = [
            decode_checkpoint(CHECKPOINT_KEY, state[CHECKPOINT_KEY]).next_offset if CHECKPOINT_KEY in state else 0
            for state in states
        ]
        document = msgspec.json.encode(self._config.document(), order="sorted")
        return Plan(
            before=len(states),
            after=self._after,
            generation=self._next.state_generation,
            starts=starts + [0] * (self._after - len(starts)),
            ends=ends + [0] * (self._after - len(ends)),
            config=hashlib.sha256(document).hexdigest()[:12],
        )

    async def _would(self, states: Sequence[State]) -> Report:
        plan = await self._plan(states, self._counts["mentions"])
        targets = Targets(self._config, states, self._after)
        return Report(
            plan=plan, topic=self._new, names=len(targets), moved=targets.moved, active=workers(self._settings)
        )

    async def _apply(self, states: Sequence[State], producers: Sequence[PartitionTransactions]) -> Report:
        grow(self._settings, self._counts, self._after, self._next)
        for state in states:
            state.pop(MIGRATED_KEY, None)
        plan = await self._plan(states, self._after)
        done = await self._load(self._new, self._after)
        resumed = PLAN_KEY in done[0]
        finished = CHECKPOINT_KEY in done[0]
        if resumed:
            plan = taken_up(done[0][PLAN_KEY], plan, self._new)
        elif not finished:
            await producers[0].commit([producers[0].encode_state(self._new, [(PLAN_KEY, encode_plan(plan))])])
        if finished:
            await self._mark(producers[: len(states)])
            return Report(plan=plan, topic=self._new, applied=True, resumed=True)
        drained = await self._drain(states, plan)
        targets = Targets(self._config, drained.states, self._after)
        new = split(drained.states, targets, plan.ends)
        self._check_readable(new)
        outputs = _dealt(drained, targets, self._after)
        for count, number in enumerate(reversed(range(self._after))):
            self._progress("writing", count, self._after)
            if CHECKPOINT_KEY not in done[number]:
                await self._write(producers[number], new[number], outputs[number], with_plan=not number)
        await self._mark(producers[: len(states)])
        return Report(
            plan=plan,
            topic=self._new,
            names=len(targets),
            moved=targets.moved,
            mentions=drained.mentions,
            alerts=sum(map(len, drained.alerts)),
            dead_letters=len(drained.dead_letters),
            applied=True,
            resumed=resumed,
        )

    async def _drain(self, states: Sequence[State], plan: Plan) -> Drained:
        drain = Drain(self._config, states, self._after, self._mentions)
        consumer = committed_consumer(self._options)
        await consumer.start()
        try:
            taken, starts, ends = 0, dict(enumerate(plan.starts)), dict(enumerate(plan.ends))
            async for portion in unread(consumer, self._mentions, starts, ends):
                drain.take(portion)
                taken += len(portion)
                self._progress("counting unread mentions", taken, plan.unread)
        finally:
            await consumer.stop()
        return drain.finish()

    def _check_readable(self, states: Sequence[State]) -> None:
        """Let the new engines restore what is about to be written: whatever they refuse is found out before."""
        for number, state in enumerate(states):
            self._progress("checking", number, len(states))
            Engine(number, self._config, partitions=self._after, topic=self._mentions).restore(state.items())

    async def _write(
        self,
        producer: PartitionTransactions,
        state: State,
        outputs: Outputs,
        *,
        with_plan: bool,
    ) -> None:
        """One new partition. Without its checkpoint, which goes out with what is not state, it is not begun.

        With the partition that holds the plan the migration is finished.
        """
        records: list[tuple[bytes, bytes | None]] = [
            (key, value) for key, value in state.items() if key != CHECKPOINT_KEY
        ]
        # A transaction must end in time, however many brands there are.
        while len(records) > STATE_RECORDS:
            await producer.commit([producer.encode_state(self._new, records[:STATE_RECORDS])])
            del records[:STATE_RECORDS]
        if with_plan:
            records.append((PLAN_KEY, None))
        await producer.commit(
            [
                producer.encode(
                    topic_name(self._settings, "alerts"),
                    (alert_record(alert, self._config.worker.ce_source) for alert in outputs.alerts),
                ),
                producer.encode(
                    topic_name(self._settings, "mentions-dlq"), map(dead_letter_record, outputs.dead_letters)
                ),
                producer.encode_packed(
                    topic_name(self._settings, "brand-activity"), map(activity_record, outputs.activity)
                ),
                producer.encode_state(self._new, [*records, (CHECKPOINT_KEY, state[CHECKPOINT_KEY])]),
            ]
        )

    async def _mark(self, producers: Sequence[PartitionTransactions]) -> None:
        mark: list[tuple[bytes, bytes | None]] = [(MIGRATED_KEY, str(self._next.state_generation).encode())]
        for number, producer in enumerate(producers):
            self._progress("marking the old state", number, len(producers))
            await producer.commit([producer.encode_state(self._old, mark)])


def _dealt(drained: Drained, targets: Targets, after: int) -> list[Outputs]:
    """Alerts and activity by the partition that knows their brand now, dead letters by the one their record lies on."""
    outputs = [Outputs() for _ in range(after)]
    for number, own in enumerate(drained.alerts):
        for alert in own:
            name = alert.brand.encode()
            target = targets.of(number, CATEGORY_PREFIX + name if alert.scope == "category" else name)
            outputs[target].alerts.append(alert)
    for number, seen in enumerate(drained.activity):
        for activity in seen:
            outputs[targets.of(number, activity.brand.encode())].activity.append(activity)
    for letter in drained.dead_letters:
        outputs[letter.partition].dead_letters.append(letter)
    return outputs
