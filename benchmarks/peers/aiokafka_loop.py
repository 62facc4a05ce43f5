"""aiokafka alone, `getmany`: reads; with a fourth argument `job` it decodes and does the simple job too."""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaConsumer

from benchmarks.peers.simple_job import SimpleJob, decode


async def main(bootstrap: str, topic: str, mentions: int, *, works: bool) -> None:
    job = SimpleJob()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    try:
        seen = 0
        while seen < mentions:
            for records in (await consumer.getmany(timeout_ms=500, max_records=4000)).values():
                seen += len(records)
                if works:
                    for record in records:
                        job.take(decode(record.value))
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), works=sys.argv[4:] == ["job"]))
