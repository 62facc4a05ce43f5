"""Quix Streams as its guide shows it: one message at a time, JSON as dictionaries, offsets committed every 5 s.

Without a fourth argument the job's windows are in this process and end with it. With `state` they are in Quix Streams'
own store (RocksDB on this disk and a changelog topic), read and written for every mention. With `windows` its tumbling
windows count, by event time, and its state keeps what the job learned from closed ones; both are in the store. What is
stored survives a crash and the loss of the disk. Processing is at least once, which is the default: after a crash
mentions since the last commit may count twice (exactly once is an option, not used here). The last commit is measured
too.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from quixstreams import Application, State
from quixstreams.dataframe.windows import Sum

from benchmarks.peers.simple_job import NEGATIVE, Mention, SimpleJob, Window


def event_time(value: Mapping[str, Any], *_: object) -> int:
    """Milliseconds since 1970."""
    return int(datetime.fromisoformat(value["event_time"]).timestamp() * 1000)


def mention_of(value: Mapping[str, Any]) -> Mention:
    return Mention(value["brand"], value["event_time"], value.get("sentiment", 0.0))


def window_of(state: State[Any, Any]) -> Window:
    kept = state.get("window")
    return Window() if kept is None else Window(*kept)


def main(bootstrap: str, topic: str, mentions: int, folder: str, *, mode: str) -> None:
    job = SimpleJob()
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen >= mentions:
            app.stop()

    def in_memory(value: Mapping[str, Any]) -> None:
        job.take(mention_of(value))

    def in_state(value: Mapping[str, Any], state: State[Any, Any]) -> None:
        window = window_of(state)
        job.put(window, mention_of(value))
        state.set("window", msgspec.structs.astuple(window))

    def closed(value: Mapping[str, Any], state: State[Any, Any]) -> None:
        window = window_of(state)
        window.negatives = value["negatives"]
        job.close(window)
        state.set("window", msgspec.structs.astuple(window))

    app = Application(
        bootstrap,
        consumer_group=f"{topic}-quix-{mode}-{os.getpid()}",  # a group that has committed would start from its offsets
        auto_offset_reset="earliest",
        state_dir=folder,
        on_message_processed=count,
        loglevel="ERROR",
    )
    frame = app.dataframe(app.topic(topic, timestamp_extractor=event_time if mode == "windows" else None))
    if mode == "windows":
        frame["negative"] = frame.apply(lambda value: int(value.get("sentiment", 0.0) < NEGATIVE))
        counts = frame.tumbling_window(timedelta(minutes=5)).agg(negatives=Sum("negative")).final()
        counts.update(closed, stateful=True)
    elif mode == "state":
        frame.update(in_state, stateful=True)
    else:
        frame.update(in_memory)
    app.run()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), state, mode=(sys.argv[4:] or ["memory"])[0])
