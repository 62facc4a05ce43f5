"""The state topic: compacted to the bone, written by another version, corrupted, deleted."""

from __future__ import annotations

import itertools
import time

import msgspec

from pipeline.engine.state import CHECKPOINT_KEY
from pipeline.kafka.clients import admin, producer, topic_name
from pipeline.kafka.topics import apply_topics
from tests.integration.worker_process import outcome, read
from tests.torture.trial import MIN_ALERTS, Trial
from tests.torture.workers import last_line


def compaction(trial: Trial) -> None:
    """Segments of a second, cleaned at once, tombstones dropped at once; the worker is killed behind each cleaning."""
    trial.begin(1)
    trial.configure(
        "brand-state",
        **{
            "segment.ms": "1000",
            "segment.bytes": "1048576",
            "min.cleanable.dirty.ratio": "0.001",
            "delete.retention.ms": "0",
            "min.compaction.lag.ms": "0",
        },
    )
    for _ in trial.each_round():
        before = _superseded(trial)
        deadline = time.monotonic() + 40
        while _superseded(trial) >= before and time.monotonic() < deadline:
            time.sleep(0.5)
        trial.expect(time.monotonic() < deadline, "the cleaner to drop superseded records within 40 s")
        trial.workers.kill("w0")
        trial.watch.fault()
        trial.workers.start("w0")
        trial.await_recovery()


def _superseded(trial: Trial) -> float:
    """Share of offsets of partition 0 behind which no record stands any more, as a number that falls on cleaning."""
    records = read(trial.settings, "brand-state")[0]
    return len(records) / int(records[-1].offset + 1)


def unreadable(trial: Trial) -> None:
    """A record of an older version, then a corrupt one: refused in words; the documented way out is followed."""
    trial.begin(1)
    for number in trial.each_round():
        trial.pause(2, 4)
        trial.workers.stop("w0")
        if number % 2 == 0:
            checkpoint = msgspec.msgpack.decode(_last(trial, CHECKPOINT_KEY))
            key, value = CHECKPOINT_KEY, msgspec.msgpack.encode([0, *checkpoint[1:]])
        else:
            key, value = b"brand-1", b"\xc1 no MessagePack begins like this"
        with producer(trial.settings) as client:
            client.send(topic_name(trial.settings, "brand-state"), value, key, partition=0)
        worker = trial.workers.start("w0")
        code = worker.await_end(60)
        line = last_line(worker)
        trial.expect(
            code == 1 and line.startswith("tocsin: error: ") and key.decode() in line and "brand-state" in line,
            f"a start on such a record to be refused with the way out, got {code}: {line}",
        )
        _rebuild(trial)


def deleted(trial: Trial) -> None:
    """The state topic is lost with the workers stopped: it is built anew from the mentions."""
    trial.begin(1)
    for _ in trial.each_round():
        trial.await_alerts(MIN_ALERTS)  # of before, which are to be written once more
        trial.pause(2, 4)
        trial.workers.stop("w0")
        _rebuild(trial)


def _rebuild(trial: Trial) -> None:
    """What docs/delivery.md says for unreadable state: delete the topic and the group, make it anew, start."""
    trial.before = outcome(trial.settings)
    with admin(trial.settings) as client:
        client.delete_topics([topic_name(trial.settings, "brand-state")])
        client.delete_groups([trial.settings.group])
    apply_topics(trial.settings)
    trial.watch.fault(anew=True)
    trial.workers.start("w0")
    trial.await_recovery()


def _last(trial: Trial, key: bytes) -> bytes:
    records = itertools.chain(read(trial.settings, "brand-state")[0])
    found: bytes = [record.value for record in records if record.key == key][-1]
    return found
