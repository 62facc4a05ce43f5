"""The steps in which an engine is driven are short, whatever the log holds: what is counted is work, not time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.records import FEEDBACK_HEADER, Record, SourceRecord
from pipeline.worker.engine_steps import slices
from tests.fakes.engine import OffsetEngine
from tests.pipeline.worker.fake_partition import make_partition, mentions, slice_of


def feedback(offset: int) -> Record:
    return Record(offset, 0, None, None, ((FEEDBACK_HEADER, b"{}"),))


@given(st.lists(st.booleans()), st.integers(1, 5))
def test_slices_are_the_records_in_order_and_feedback_stands_at_the_head_of_one(said: list[bool], most: int) -> None:
    records = [feedback(n) if is_said else mentions(n, n + 1)[0] for n, is_said in enumerate(said)]
    parts = list(slices(records, most))
    assert [record for part in parts for record in part] == records
    assert all(0 < len(part) <= most for part in parts)
    assert {part[0].offset for part in parts} >= {n for n, is_said in enumerate(said) if is_said}


@dataclass
class WatchedEngine(OffsetEngine):
    """Notes what waits to be closed when feedback comes: the engine would have to close it in one go."""

    waited: list[int] = field(default_factory=list)

    def ingest(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            if record.value is None:
                self.waited.append(len(self.waiting))
            super().ingest([record])


def test_what_is_due_before_feedback_is_closed_step_by_step_and_not_when_it_is_taken() -> None:
    engine = WatchedEngine()
    partition = make_partition(engine=engine)
    records = [*mentions(0, 250), feedback(250), *mentions(251, 270), feedback(270)]

    async def run() -> None:
        await partition.open()
        engine.waiting = list(range(1000, 1040))  # restored amid closing, or due by the clock
        await partition.accept(slice_of(*records))

    asyncio.run(run())
    assert engine.waited == [0, 0]
    assert engine.next_offset == 271
