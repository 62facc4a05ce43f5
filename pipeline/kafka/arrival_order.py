"""Records of several partitions in the order in which the broker took them, as far as that is known."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Any


def in_order_of_arrival(waiting: Mapping[Any, deque[Any]], unread: Collection[Any]) -> Iterator[tuple[Any, Any]]:
    """Partitions and their records by timestamp, each partition in its own order; what is given is taken out.

    Ends when a partition that may bring an earlier record than all that wait has none at hand.

    Args:
        waiting: records that were read, by partition (Kafka's TopicPartition); one at least of every unread one.
        unread: the partitions that may bring more.
    """
    heads = [(queue[0].timestamp, place.partition, place) for place, queue in waiting.items() if queue]
    heapq.heapify(heads)
    while heads:
        _, number, place = heads[0]
        queue = waiting[place]
        yield place, queue.popleft()
        if queue:
            heapq.heapreplace(heads, (queue[0].timestamp, number, place))
        elif place in unread:
            return
        else:
            heapq.heappop(heads)
