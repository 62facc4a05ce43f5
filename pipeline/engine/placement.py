"""Which partition a brand's mentions belong on, and what is done with those that come to another one.

A producer whose partitioner is not Kafka's default puts a brand's mentions on a partition of its own choice; where
two producers differ, the brand lies on two. Partitions know nothing of each other, so each would judge its part alone.
"""

from __future__ import annotations

from pipeline.config.model import Config, Misplaced
from schemas.partitioning import partition_of


def home_of(config: Config, brand: str, partitions: int) -> int:
    """The partition on which a brand's mentions belong: of its category's name if it has one, else of its own.

    Args:
        config: says which brands have a category.
        brand: as its mentions name it.
        partitions: of the mentions topic, 1 or more.
    """
    return partition_of((config.category_of(brand) or brand).encode("utf-8", "replace"), partitions)


class Placement:
    """Where one partition stands among all of the topic.

    Attributes:
        partition: this one.
        partitions: how many there are; 0 where it is not known, and then nothing is misplaced.
        treatment: of mentions that belong on another partition.
        diverts: whether they are kept out of the brand's counts here.
    """

    __slots__ = ("_config", "diverts", "partition", "partitions", "treatment")

    def __init__(self, partition: int, partitions: int, config: Config) -> None:
        """Of this partition among so many; 0 partitions: not known."""
        self.partition = partition
        self.partitions = partitions
        self.treatment: Misplaced = config.worker.misplaced
        self.diverts = partitions > 0 and self.treatment != "warn"
        self._config = config

    def home(self, brand: str) -> int:
        """The partition on which the brand's mentions belong; this one where their number is not known."""
        return home_of(self._config, brand, self.partitions) if self.partitions else self.partition

    def is_misplaced(self, brand: str) -> bool:
        """Whether the brand's mentions belong on another partition."""
        return self.home(brand) != self.partition

    def identity_of_brand(self, brand: str) -> str:
        """What stands for the brand in the ids of its episodes: of a misplaced one, no other partition has the same."""
        return f"{brand}@{self.partition}" if self.is_misplaced(brand) else brand

    def identity_of_category(self, category: str) -> str:
        """The same for a category, whose identity no brand has: brands have no slash."""
        home = partition_of(category.encode(), self.partitions) if self.partitions else self.partition
        return f"category/{category}" if home == self.partition else f"category/{category}@{self.partition}"
