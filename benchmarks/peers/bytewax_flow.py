"""Bytewax: its Kafka source in batches, `stateful_flat_map` by brand; with a fourth argument `recovery` snapshots too.

Without recovery nothing survives a crash. With it offsets and windows are written together (SQLite on this disk) at the
end of every epoch, and a flow that starts again continues from there: state counts every mention once, alerts since the
snapshot come again. An epoch is 1 s here, not the 10 s that Bytewax takes by itself, which a short run would not see;
the epoch that the end interrupts is not written. The recovery files are as safe as the disk that they are on. One
worker; neither consumer group nor rebalancing: partitions are fixed when the flow starts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from benchmarks.peers.simple_job import Mention, SimpleJob, Window, decode


def main(bootstrap: str, topic: str, mentions: int, *, recovers: bool) -> None:
    job = SimpleJob()
    seen = 0
    folder = tempfile.TemporaryDirectory()

    def put(window: Window | None, mention: Mention) -> tuple[Window, Sequence[str]]:
        nonlocal seen
        window = window or Window()
        before = job.alerts
        job.put(window, mention)
        seen += 1
        if seen >= mentions:
            folder.cleanup()
            os._exit(0)  # A source that waits for more has no end of its own.
        return window, (mention.brand,) if job.alerts > before else ()

    flow = Dataflow("simple_job")
    messages = op.input("mentions", flow, KafkaSource([bootstrap], [topic]))
    decoded = op.map("decode", messages, lambda message: decode(message.value))
    by_brand = op.key_on("brand", decoded, lambda mention: mention.brand)
    op.output("alerts", op.stateful_flat_map("windows", by_brand, put), TestingSink([]))
    if recovers:
        init_db_dir(Path(folder.name), 1)
        cli_main(flow, epoch_interval=timedelta(seconds=1), recovery_config=RecoveryConfig(Path(folder.name)))
    else:
        cli_main(flow)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), recovers=sys.argv[4:] == ["recovery"])
