"""A KafkaConsumer whose paused partitions go on when they are resumed."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer


class ConsumerClient(KafkaConsumer):
    """kafka-python's, without its stall after `pause` and `resume`.

    kafka-python 3.0.12 sets the fetched records of a paused partition aside, and takes them up again only while
    `Fetcher._next_partition_records` is None. But that keeps the partition read last even when nothing of it is left,
    and what is set aside is not fetched again: once every partition that is not paused has records set aside, `poll`
    returns nothing for ever.
    """

    def poll(self, *arguments: Any, **options: Any) -> dict[Any, list[Any]]:
        """As kafka-python's `poll`."""
        fetcher = self._fetcher
        if not fetcher._next_partition_records:  # noqa: SLF001 - only this lets the fetcher look at what it set aside
            fetcher._next_partition_records = None  # noqa: SLF001
        polled: dict[Any, list[Any]] = super().poll(*arguments, **options)
        return polled
