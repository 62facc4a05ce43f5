"""Brands that are on another partition than their category's: they are judged alone, which the log says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from pipeline.kafka.partitioning import partition_of

logger = structlog.get_logger("tocsin.worker")


class PlacementReport:
    """What is known of the placement of one partition's brands. One line in the log per category."""

    def __init__(self, partition: int, partitions: int) -> None:
        """No brand has been looked at.

        Args:
            partition: the one whose brands are looked at.
            partitions: of the mentions topic, 1 or more.
        """
        self._partition = partition
        self._partitions = partitions
        self._seen = 0
        self._misplaced: Counter[str] = Counter()

    def look(self, categorised: Sequence[tuple[str, str]]) -> int | None:
        """Look at the brands that are new since the last call.

        Args:
            categorised: (brand, category) of every brand with a category, in the order in which they came.

        Returns:
            How many brands are misplaced in all; None where nothing is new.
        """
        if len(categorised) == self._seen:
            return None
        for brand, category in categorised[self._seen :]:
            expected = partition_of(category.encode(), self._partitions)
            if expected != self._partition:
                self._misplaced[category] += 1
                if self._misplaced[category] == 1:
                    logger.warning(
                        "a brand is on another partition than its category's and is judged alone; "
                        "let its producer choose the partition by the category",
                        brand=brand,
                        category=category,
                        partition=self._partition,
                        expected_partition=expected,
                    )
        self._seen = len(categorised)
        return self._misplaced.total()
