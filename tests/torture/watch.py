"""How long a partition stands still after a fault, seen from outside: its last committed checkpoint."""

from __future__ import annotations

import threading
import time
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import consumer, topic_name

LOOK_SECONDS = 0.1


class RecoveryWatch(threading.Thread):
    """Looks at the end of every partition of brand-state, which moves with each checkpoint while there is load.

    The recovery from a fault is over when every partition has moved since. A fault that comes before the end of the
    last one's recovery begins a new one: what overlaps is not told apart.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        """Seconds of the longest recovery so far."""
        self._settings = settings.model_copy(update={"kafka_timeout_seconds": 3.0})
        self._stop_asked = threading.Event()
        self._since: float | None = None
        self._at_fault: dict[Any, int] = {}
        self._ends: dict[Any, int] = {}
        self._guard = threading.Lock()

    def fault(self, *, anew: bool = False) -> None:
        """A fault happens now (or, for a broker that was away, is over now).

        Args:
            anew: the topic is a new one, whose ends begin at 0.
        """
        with self._guard:
            self._since, self._at_fault = time.monotonic(), {} if anew else dict(self._ends)

    def recovered(self) -> bool:
        """Whether every partition has moved since the last fault."""
        return self._since is None

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._look_until_stopped()
            except (BrokerError, KafkaError):
                self._stop_asked.wait(0.5)

    def stop(self) -> None:
        """Look no more."""
        self._stop_asked.set()
        self.join()

    def _look_until_stopped(self) -> None:
        topic = topic_name(self._settings, "brand-state")
        with consumer(self._settings) as client:
            partitions = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]
            if not partitions:
                self._stop_asked.wait(0.5)  # deleted at this moment
                return
            while not self._stop_asked.wait(LOOK_SECONDS):
                ends = client.end_offsets(partitions)
                with self._guard:
                    self._ends = ends
                    if self._since is not None and all(ends[one] > self._at_fault.get(one, 0) for one in partitions):
                        self.longest = max(self.longest, time.monotonic() - self._since)
                        self._since = None
