"""Aligned checkpoints of one partition: when one is due, and what it writes.

A checkpoint is one snapshot of the engine (alerts, dead letters, activity, rerouted mentions, changed
state, offset) written in
one transaction; only then is Faust told that the offset may be committed. So whatever happens, the alerts on the topic,
the state and the offset in the state say the same thing, and Faust's committed offset is at most behind: what is read
again, the engine skips.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from pipeline.worker.alert_log import log_alerts
from pipeline.worker.context import WorkerContext
from pipeline.worker.engine_steps import EngineSteps, StateRecords
from pipeline.worker.phase import Life, Phase
from pipeline.worker.stall import StallWatch
from pipeline.worker.transaction import PartitionTransactions, Write

PACE: Final = 2.0
"""A checkpoint is followed by a pause of so many times its own duration, so that many alerts share a transaction; but
by no more than `checkpoint_seconds`, or an outage of half a minute would hold back alerts for another minute."""
LARGE_CHANGES: Final = 4000
"""State records from which on a checkpoint is large: some 5 MB. Large ones of a worker are made one after the other:
all at once, those of 100,000 brands held 200 MB, and none was ready sooner, for one core encodes them all."""


class Checkpoints:
    """Writes the checkpoints of one partition, one at a time."""

    def __init__(
        self,
        number: int,
        *,
        steps: EngineSteps,
        life: Life,
        transactions: PartitionTransactions,
        stall: StallWatch,
        context: WorkerContext,
    ) -> None:
        """Nothing has been written yet.

        Args:
            number: of the partition.
            steps: of its engine.
            life: says whether a checkpoint may begin.
            transactions: of this partition.
            stall: watches the transactions.
            context: what the partitions of the worker share.
        """
        self._number = number
        self._steps = steps
        self._life = life
        self._transactions = transactions
        self._stall = stall
        self._topics = context.topics
        self._config = context.config.worker
        self._metrics = context.metrics
        self._one_large = context.one_large
        self._clock = context.clock
        self._one_at_a_time = asyncio.Lock()
        self._covered: Any = None
        self._earliest_next = self._clock()

    def cover(self, event: Any) -> None:
        """The next checkpoint holds all that this event of Faust's brought, and acknowledges it."""
        self._covered = event

    async def keep_writing(self) -> None:
        """A checkpoint every `checkpoint_seconds` and whenever an alert waits; runs until cancelled.

        Raises:
            aiokafka.errors.ProducerFenced: another worker owns the partition.
            aiokafka.errors.KafkaError: the transaction failed.
        """
        while True:
            try:
                async with asyncio.timeout(self._config.checkpoint_seconds):
                    await self._steps.outbox.alert_waits.wait()
            except TimeoutError:
                pass  # the regular one is due
            await asyncio.sleep(max(0.0, self._earliest_next - self._clock()))
            await self._life.until(Phase.RUNNING)
            await self.write()

    async def write(self, *, last: bool = False) -> None:
        """Write everything since the last checkpoint in one transaction, then let Faust commit the offset.

        Nothing is written where the partition's phase does not allow it when its turn has come.

        Args:
            last: it is the one before the partition may get another owner.
        """
        async with self._one_at_a_time:
            if self._steps.engine.changes < LARGE_CHANGES:
                await self._write(last=last)
            else:
                async with self._one_large:
                    await self._write(last=last)

    async def _write(self, *, last: bool) -> None:
        batches: list[Any] = []

        def encode(records: StateRecords) -> None:
            batches.extend(self._transactions.encode_state(self._topics.state, records).batches)

        async with self._steps.alone():
            # Asked here, after all waiting: meanwhile the partition may have gone to another owner.
            if not self._life.may_write(last=last):
                return
            started = self._clock()
            await self._steps.snapshot(encode)
            # After what may be cancelled: state that went out without these would lose them.
            waiting = self._steps.outbox.take()
            covered, self._covered = self._covered, None
        await self._commit(
            started,
            [
                self._transactions.encode(self._topics.alerts, waiting.alerts),
                self._transactions.encode(self._topics.dead_letters, waiting.dead_letters),
                self._transactions.encode_packed(self._topics.activity, waiting.activity),
                *(
                    self._transactions.encode(self._topics.mentions, records, home)
                    for home, records in waiting.rerouted.items()
                ),
                Write(self._topics.state, batches),
            ],
        )
        if covered is not None:
            covered.ack()
        await log_alerts(waiting.alerts)

    async def _commit(self, started: float, writes: list[Write]) -> None:
        if not any(write.batches for write in writes):
            return
        size = sum(write.size for write in writes)
        encoded = self._clock()
        self._stall.writing(under_way=True)
        await self._transactions.commit(writes)
        self._stall.writing(under_way=False)
        now = self._clock()
        self._metrics.engine_seconds("commit", now - encoded)
        self._metrics.checkpoint(self._number, now - started, size)
        self._earliest_next = now + min(PACE * (now - started), self._config.checkpoint_seconds)
