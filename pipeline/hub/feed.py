"""The topics into the store: committed records only, and how far they were read in the same transaction.

No consumer group is needed: the offsets are in the store, so a restart goes on after what it has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import structlog
from kafka import TopicPartition

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.hub.store.writer import Change, Incoming, Writer
from pipeline.kafka.clients import broker_errors, consumer, topic_name
from pipeline.kafka.reading import place
from pipeline.kafka.topics import partition_count, partitions_if_any
from schemas.activity import decode_activity
from schemas.alert import decode_alert
from schemas.delivery import decode_delivery
from schemas.feedback import decode_feedback
from schemas.text import printable

TOPICS: Final = ("alerts", "brand-activity", "alert-feedback", "alert-deliveries")
_DELIVERIES: Final = "alert-deliveries"
_POLL_MILLISECONDS: Final = 250
_RECORDS: Final = 5_000
"""Of one transaction at most."""
_SILENCE_SECONDS: Final = 5.0
"""After which the brokers are asked whether they are still there."""
_METADATA_MILLISECONDS: Final = 10_000
"""After which the brokers are asked how many partitions there are."""
_BACK_OFF_SECONDS: Final = (1.0, 30.0)
_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "alerts": decode_alert,
    "brand-activity": decode_activity,
    "alert-feedback": decode_feedback,
    "alert-deliveries": decode_delivery,
}

logger = structlog.get_logger("tocsin.hub")


class Feed:
    """Reads until it is stopped; a broker that goes away is tried again, and `problem` says so meanwhile.

    Attributes:
        problem: why nothing can be read now; empty while all is well.
        received: when the last record came, Unix seconds; 0: none yet.
        unreadable: records that could not be decoded.
    """

    def __init__(self, settings: Settings, writer: Writer, on_change: Callable[[Change], None]) -> None:
        """Nothing is read before `run`.

        Raises:
            BrokerError: no broker, or a topic of the catalogue is missing.
        """
        self.problem = ""
        self.received = 0.0
        self.unreadable = 0
        self._settings = settings
        self._writer = writer
        self._on_change = on_change
        self._stopped = threading.Event()
        self._partitions = {name: partition_count(settings, name) for name in TOPICS if name != _DELIVERIES}
        told = partitions_if_any(settings, _DELIVERIES)
        if told:
            self._partitions[_DELIVERIES] = told
        else:  # an installation from before there was one
            logger.warning(
                "no topic says who was told, so nothing does here: run `tocsin topics apply`, then start the hub again",
                topic=topic_name(settings, _DELIVERIES),
            )
        self._names = {topic_name(settings, name): name for name in self._partitions}

    def stop(self) -> None:
        """Let `run` return soon."""
        self._stopped.set()

    def run(self) -> None:
        """Read until stopped.

        Raises:
            TocsinError: the store cannot be written.
        """
        least, most = _BACK_OFF_SECONDS
        pause = least
        while not self._stopped.is_set():
            begun = time.monotonic()
            try:
                self._read()
            except BrokerError as error:
                self._say(printable(str(error), 300))
                logger.warning("the topics cannot be read; trying again", why=self.problem, seconds=pause)
                pause = least if time.monotonic() - begun > most else min(2 * pause, most)
                self._stopped.wait(pause)

    def _read(self) -> None:
        """Read until stopped, or until a topic has more partitions: the next call reads those too."""
        settings = self._settings
        options = {"max_poll_records": _RECORDS, "metadata_max_age_ms": _METADATA_MILLISECONDS}
        with (
            consumer(settings, client_id="tocsin-hub", **options) as client,
            broker_errors(settings, "read alerts, brand-activity, alert-feedback and alert-deliveries"),
        ):
            partitions = self._assign(client)
            activity = [partition for partition in partitions if self._names[partition.topic] == "brand-activity"]
            others = [partition for partition in partitions if partition not in activity]
            # Alerts come first: they say of which activity every five minutes are kept.
            client.pause(*activity)
            ends: dict[Any, int] = client.end_offsets(others)
            self._say("")
            heard = time.monotonic()
            while not (self._stopped.is_set() or self._have_grown(client)):
                records = [record for batch in client.poll(_POLL_MILLISECONDS).values() for record in batch]
                self._store(records)
                if records:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _SILENCE_SECONDS:
                    client.end_offsets(partitions)  # of a broker that is gone, poll says only that there is nothing
                    heard = time.monotonic()
                if ends and all(client.position(partition) >= end for partition, end in ends.items()):
                    ends = {}
                    client.resume(*activity)

    def _have_grown(self, client: Any) -> bool:
        """Whether a topic has more partitions than are read."""
        is_more = False
        for topic, name in self._names.items():
            known, now = self._partitions[name], len(client.partitions_for_topic(topic) or ())
            if now > known:
                logger.info("a topic has more partitions now; they are read too", topic=topic, before=known, now=now)
                self._partitions[name], is_more = now, True
        return is_more

    def _say(self, problem: str) -> None:
        """Note why nothing can be read, or that it can, and let open pages know."""
        if problem != self.problem:
            self.problem = problem
            self._on_change(Change(frozenset(), frozenset(), 0))

    def _assign(self, client: Any) -> list[Any]:
        """Take every partition, each from where the store ends."""
        partitions = [
            TopicPartition(topic, number)
            for topic, name in self._names.items()
            for number in range(self._partitions[name])
        ]
        client.assign(partitions)
        for topic in self._names:
            known = self._writer.next_offsets(topic)
            for partition in partitions:
                if partition.topic == topic and partition.partition in known:
                    client.seek(partition, known[partition.partition])
        return partitions

    def _store(self, records: Iterable[Any]) -> None:
        found: dict[str, list[Any]] = {name: [] for name in TOPICS}
        offsets: dict[tuple[str, int], int] = {}
        for record in records:
            offsets[record.topic, record.partition] = record.offset + 1
            name = self._names[record.topic]
            if record.value is None:
                continue  # a deletion: what is kept here goes by its own times
            try:
                found[name].append(_DECODERS[name](record.value))
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
                self.unreadable += 1
                logger.warning("a record cannot be read", place=place(record), why=printable(str(error), 200))
        if not offsets:
            return  # nothing was read
        change = self._writer.apply(
            Incoming(
                alerts=found["alerts"],
                activity=found["brand-activity"],
                feedback=found["alert-feedback"],
                deliveries=found["alert-deliveries"],
                offsets=offsets,
            )
        )
        self.received = time.time()
        self._on_change(change)
