"""The smallest correct reader of the alerts topic; docs/contracts.md says why it does what it does.

    python examples/subscriber.py --bootstrap 127.0.0.1:9092 --handled handled.txt

It needs kafka-python and nothing of Tocsin. Replace `handle` by what your service does, with `incident_id` as the key
of a pager, ticket or thread, so that doing it a second time changes nothing: after a crash between `handle` and the
line that remembers the id, it is done once more. An id need not be remembered longer than the topic keeps its alerts.
For TLS or SASL add kafka-python's own arguments to KafkaConsumer.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata
from kafka.errors import CommitFailedError, KafkaError


def handle(alert: dict[str, Any]) -> None:
    """Say what has happened and who must act. Text in alerts is freed of control characters; it is still text."""
    headline = alert.get("headline") or f"{alert['kind']} {alert['transition']}: {alert['brand']}"
    playbook = alert.get("playbook") or {}
    owner, until = playbook.get("owner", "nobody is named"), playbook.get("respond_by")
    duty = "it is over" if alert["transition"] == "resolved" else owner + (f", by {until}" if until else "")
    print(f"[{alert['severity']}] {headline} -> {duty}", flush=True)


def read(record: Any) -> dict[str, Any] | None:
    """The alert in a record as plain JSON, so that a field that is not known is passed over; None for no alert."""
    try:
        alert = json.loads(record.value)
        if alert["version"] == 1 and all(alert[name] for name in ("id", "kind", "transition", "severity", "brand")):
            return dict(alert)
        problem = "another version, or an empty field"
    except (ValueError, TypeError, LookupError) as error:
        problem = repr(error)
    print(f"{record.topic}[{record.partition}]@{record.offset}: no alert of version 1: {problem}", file=sys.stderr)
    return None


def follow(consumer: Any, handled_file: Path, idle_seconds: float | None) -> None:
    """Handle every alert once, and only then commit where we are."""
    handled = set(handled_file.read_text(encoding="utf-8").split()) if handled_file.exists() else set()
    wait = 1000 if idle_seconds is None else int(idle_seconds * 1000)
    with handled_file.open("a", encoding="utf-8") as remember:
        while True:
            batches = consumer.poll(wait)
            if not batches and idle_seconds is not None and consumer.assignment():
                return
            for records in batches.values():
                for record in records:
                    alert = read(record)
                    if alert is not None and alert["id"] not in handled:
                        handle(alert)
                        handled.add(alert["id"])
                        print(alert["id"], file=remember, flush=True)
            if batches:
                ends = {place: OffsetAndMetadata(records[-1].offset + 1, "", -1) for place, records in batches.items()}
                try:
                    consumer.commit(ends)
                except CommitFailedError:  # the partitions are another member's now, which reads these records again
                    print("taken over by another member of the group", file=sys.stderr)


def main() -> int:
    """Read until Ctrl-C, or until nothing has come for as long as --idle says."""
    options = argparse.ArgumentParser(description="Print every alert once: what has happened, and who must act.")
    options.add_argument("--bootstrap", default="127.0.0.1:9092", help="brokers, host:port, comma separated")
    options.add_argument("--topic", default="alerts", help="with the prefix of the cluster, if it has one")
    options.add_argument("--group", default="alert-subscriber", help="a group of your own")
    options.add_argument("--handled", type=Path, default=Path("handled.txt"), help="file of the ids that are handled")
    options.add_argument("--idle", type=float, metavar="SECONDS", help="end when nothing has come for so long")
    given = options.parse_args()
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        consumer = KafkaConsumer(
            given.topic,
            bootstrap_servers=given.bootstrap.split(","),
            group_id=given.group,
            isolation_level="read_committed",  # what a crashed worker wrote and never committed is not seen
            enable_auto_commit=False,  # only what has been handled is committed
            auto_offset_reset="earliest",  # a new group begins with the oldest alert kept
            max_poll_records=50,  # so few that they are handled long before the group gives us up
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=10_000,
        )
        try:
            if given.topic not in consumer.topics():
                print(f"subscriber: expected the topic {given.topic} at {given.bootstrap}, got none", file=sys.stderr)
                return 1
            follow(consumer, given.handled, given.idle)
        finally:
            consumer.close()
    except KafkaError as error:
        print(f"subscriber: no alerts from {given.bootstrap}: {' '.join(repr(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
