"""The demo's day begins when the worker has read the two days before it, so that what happens in it can be acted on."""

from __future__ import annotations

import threading

import msgspec
import pytest

from pipeline.demo.day import SimulatedDay
from pipeline.simulation import Simulation

STREAM = Simulation("demo", brands=12, hours=1.0, history_hours=25.0, seed=1)
BEGIN = STREAM.labels.history_end.timestamp()


class Worker(threading.Event):
    """A worker that has read everything after some looks at it; nobody waits for a clock."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self.waits = 0

    def watermark(self) -> float | None:
        self.looks -= 1
        return BEGIN - 300.0 if self.looks < 0 else BEGIN - 7200.0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return self.is_set()


def times(lines: list[bytes]) -> tuple[str, str]:
    found = [msgspec.json.decode(line)["event_time"] for line in lines]
    return min(found), max(found)


@pytest.mark.parametrize("looks", [0, 3])
def test_the_day_follows_the_history_once_it_is_read(looks: int) -> None:
    worker = Worker(looks)
    day = SimulatedDay(STREAM, 900.0, watermark=worker.watermark, stop=worker)
    before, after = list(day.history()), list(day.day())
    begin = f"{STREAM.labels.history_end:%Y-%m-%dT%H:%M}"
    assert times(before)[1] < begin <= times(after)[0]
    assert before + after == [line.rstrip(b"\n") for batch in STREAM.batches() for line in batch.lines]
    assert worker.waits == looks
    assert day.passed == STREAM.labels.end.timestamp()


def test_while_the_worker_reads_the_history_the_status_says_what_is_waited_for() -> None:
    worker = Worker(1)
    day = SimulatedDay(STREAM, 900.0, watermark=worker.watermark, stop=worker)
    for _ in day.history():
        pass
    assert "; the day begins when the worker has read up to here, it is at " in day.status()
    assert ";" not in day.status()


def test_whoever_stops_the_demo_waits_for_no_worker() -> None:
    worker = Worker(1000)
    worker.set()
    day = SimulatedDay(STREAM, 900.0, watermark=worker.watermark, stop=worker)
    assert list(day.day()) == []
    assert worker.waits == 1
