"""kafka-python, `poll` in a loop, the simple job."""

from __future__ import annotations

import sys

from kafka import KafkaConsumer

from benchmarks.peers.simple_job import SimpleJob, decode


def main(bootstrap: str, topic: str, mentions: int) -> None:
    job = SimpleJob()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20,
    )
    seen = 0
    while seen < mentions:
        for records in consumer.poll(timeout_ms=500, max_records=4000).values():
            seen += len(records)
            for record in records:
                job.take(decode(record.value))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
