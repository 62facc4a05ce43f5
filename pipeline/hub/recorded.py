"""A recorded file through the engine into the store, for the hub without Kafka."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pipeline.config.model import Config
from pipeline.hub.store.writer import Change, Incoming, Writer
from pipeline.replay import Inputs, Replay
from schemas.activity import Activity


def replay_into(
    writer: Writer,
    inputs: Inputs,
    config: Config,
    now: datetime,
    on_change: Callable[[Change], None],
    stop: Callable[[], bool],
) -> bool:
    """Run recorded mentions through the engine, and store alerts and activity as they come out.

    Args:
        writer: of the store.
        inputs: what is replayed.
        config: detection and behaviour.
        now: as of `pipeline.replay.Replay`.
        on_change: told of each transaction.
        stop: asked between two batches whether to end early.

    Returns:
        Whether the files were read to their end.

    Raises:
        TocsinError: a file cannot be read, or holds nothing that can be replayed.
    """
    fresh: list[Activity] = []
    replay = Replay(config, partitions=inputs.partitions, now=now, on_activity=fresh.extend)
    stored = 0
    for batch in inputs.batches:
        if stop():
            return False
        replay.take(batch)
        alerts = replay.report.alerts[stored:]
        if alerts or fresh:
            on_change(writer.apply(Incoming(alerts=alerts, activity=fresh)))
            stored += len(alerts)
            fresh.clear()
    # The end puts all alerts in the order of their times; the store passes over those that it knows.
    report = replay.end(flush=True)
    on_change(writer.apply(Incoming(alerts=report.alerts, activity=fresh)))
    return True
