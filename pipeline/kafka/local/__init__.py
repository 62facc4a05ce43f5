"""A single-node Apache Kafka (KRaft) on this machine, from Python packages alone: no Docker, no Java to install.

It serves `make run`, the integration tests and the benchmarks. It listens on 127.0.0.1 only and keeps one replica of
everything, so it is not for production data.
"""

from pipeline.kafka.local.jars import KAFKA_VERSION
from pipeline.kafka.local.node import LocalKafka, Status

__all__ = ["KAFKA_VERSION", "LocalKafka", "Status"]
