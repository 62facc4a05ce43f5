"""Brands that are on another partition than their key's: they are judged apart from themselves, which the log says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import structlog

from pipeline.config.model import Config
from pipeline.kafka.partitioning import likely_partitioner

PAUSE_SECONDS: Final = 60.0
"""Shortest time between two lines of one partition about brands: a wrong partitioner misplaces most of them."""
NAMED: Final = 5
"""Brands that a line names."""

logger = structlog.get_logger("tocsin.worker")


class PlacementReport:
    """What is known of the placement of one partition's brands, and how much of it was said.

    One line per category, and one line a minute at most for the brands without.
    """

    def __init__(self, partition: int, partitions: int, config: Config, clock: Callable[[], float]) -> None:
        """No brand has been looked at.

        Args:
            partition: the one whose brands are looked at.
            partitions: of the mentions topic, 1 or more.
            config: says which brands have a category, and what is done with misplaced mentions.
            clock: seconds, never going back.
        """
        self._partition = partition
        self._partitions = partitions
        self._config = config
        self._clock = clock
        self._seen = 0
        self._without_category: list[str] = []
        self._said = 0
        self._earliest = -PAUSE_SECONDS
        self._categories: set[str] = set()
        self._categorised = 0

    def look(self, misplaced: Mapping[str, int]) -> tuple[int, int] | None:
        """Look at the brands that are new since the last call, and say what is to be said.

        Args:
            misplaced: every misplaced brand and the partition it belongs on, in the order in which they came.

        Returns:
            How many there are, and how many of them have a category; None where nothing is new.
        """
        is_new = len(misplaced) > self._seen
        for brand, home in islice(misplaced.items(), self._seen, None):
            category = self._config.category_of(brand)
            if category is None:
                self._without_category.append(brand)
                continue
            self._categorised += 1
            if category not in self._categories:
                self._categories.add(category)
                logger.warning(
                    "a brand is on another partition than its category's and is judged alone; "
                    "let its producer choose the partition by the category",
                    brand=brand,
                    category=category,
                    partition=self._partition,
                    expected_partition=home,
                )
        self._seen = len(misplaced)
        self._say(misplaced)
        return (self._seen, self._categorised) if is_new else None

    def _say(self, misplaced: Mapping[str, int]) -> None:
        """One line about the brands without a category that no line has counted yet, unless there was one just now."""
        fresh = self._without_category[self._said :]
        if not fresh or self._clock() < self._earliest:
            return
        placed = [(brand.encode(), self._partition) for brand in fresh]
        logger.warning(
            "mentions lie on another partition than their key's, so that a brand may be judged in two halves",
            producer=f"places keys {likely_partitioner(placed, self._partitions)}",
            brands=len(self._without_category),
            new=fresh[:NAMED],
            partition=self._partition,
            expected_partitions=[misplaced[brand] for brand in fresh[:NAMED]],
            treatment=self._config.worker.misplaced,
        )
        self._said = len(self._without_category)
        self._earliest = self._clock() + PAUSE_SECONDS
