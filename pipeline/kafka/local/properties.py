"""Configuration files of the local broker: server.properties and its logging."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CLUSTER_ID: Final = base64.urlsafe_b64encode(b"tocsin-one-node-").decode()[:22]
"""Fixed, so that formatting the storage again after an interruption is harmless."""

_BASE: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # One node: every internal topic has one replica, and few partitions so that it starts fast.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    # Topics come from the catalogue, never by accident.
    "auto.create.topics.enable": "false",
    "group.coordinator.rebalance.protocols": "classic,consumer",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After a kill the node must wait for its own old session to expire before it may serve again (default 9 s).
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    # A small machine beside a worker.
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
}

_LISTENERS: Final = ("listeners", "advertised.listeners", "listener.security.protocol.map")


def server_properties(data: Path, port: int, controller_port: int, extra: Mapping[str, str]) -> str:
    """The text of server.properties.

    `extra` overrides any property, except that its listeners are added to the plaintext listener on `port`, which the
    node itself uses.
    """
    properties = _BASE | {
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data.resolve()),
    }
    for name, value in extra.items():
        properties[name] = f"{properties[name]},{value}" if name in _LISTENERS else value
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


LOGGING_PROPERTIES: Final = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %m (%c{1})%n%throwable{12}
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
"""Log4j 2: warnings and errors to standard output, which is the log file."""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
