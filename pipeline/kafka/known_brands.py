"""Which brands were ever mentioned: the keys of the topic that keeps their state."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from pipeline.config.settings import Settings
from pipeline.kafka.reading import read_records


def known_brands(settings: Settings, wanted: AbstractSet[str]) -> set[str]:
    """Brands that have state, or had some that was deleted lately.

    Args:
        settings: where the broker is.
        wanted: reading ends when all of these are found.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    known: set[str] = set()
    records = read_records(settings, "brand-state", from_beginning=True, follow=False, stop=lambda: wanted <= known)
    for record in records:
        # A brand's own record, or that of its open buckets, which comes first; other keys begin with the mark.
        name = (record.key or b"").decode().partition("#")[0]
        if name:
            known.add(name)
    return known
