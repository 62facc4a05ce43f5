"""confluent-kafka alone, `consume` in batches: reads; with a fourth argument `job` it does the simple job too.

librdkafka fetches and unpacks in C, in threads of its own. No consumer group, no commits, no state that outlives the
process: after a crash everything starts from the beginning.
"""

from __future__ import annotations

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.peers.simple_job import SimpleJob, decode


def main(bootstrap: str, topic: str, mentions: int, *, works: bool) -> None:
    job = SimpleJob()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}-confluent", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    seen = 0
    while seen < mentions:
        for message in consumer.consume(4000, timeout=0.5):
            if message.error() is not None:
                raise SystemExit(f"confluent-kafka: {message.error()}")
            seen += 1
            if works:
                job.take(decode(message.value()))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), works=sys.argv[4:] == ["job"])
