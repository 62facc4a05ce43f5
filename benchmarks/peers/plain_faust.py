"""Faust as its guide shows it: one event at a time, a Record, and with a fourth argument `table` a table of counts."""

from __future__ import annotations

import os
import sys
import tempfile

import faust

from benchmarks.peers.simple_job import SimpleJob


class Mention(faust.Record, serializer="json"):  # type: ignore[misc]  # Faust ships no usable types
    brand: str
    event_time: str
    sentiment: float = 0.0


def main(bootstrap: str, topic: str, mentions: int, *, table: bool) -> None:
    app = faust.App(
        f"{topic}-plain-{'table' if table else 'memory'}",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=tempfile.mkdtemp(),
        web_enabled=False,
        topic_disable_leader=True,
        topic_partitions=4,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
    )
    source = app.topic(topic, key_type=bytes, value_type=Mention)
    counts = app.Table("counts", default=int, partitions=4) if table else None
    job = SimpleJob()

    @app.agent(source)  # type: ignore[untyped-decorator]  # Faust is untyped
    async def work(stream: faust.Stream) -> None:
        seen = 0
        async for mention in stream:
            if counts is not None:
                counts[mention.brand] += 1
            job.take(mention)
            seen += 1
            if seen >= mentions:
                os._exit(0)  # Faust's own stop takes seconds that are not the mentions'.

    sys.argv = ["faust", "worker", "-l", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), table=sys.argv[4:] == ["table"])
