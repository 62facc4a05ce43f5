"""The changes to Faust and aiokafka that a worker makes to its process, for the length of a test."""

from __future__ import annotations

import pytest
from aiokafka.consumer import consumer, fetcher
from faust.transport.drivers import TRANSPORTS

from pipeline.worker.driver import installation


def install_until_the_test_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """`installation.install()`, taken back with whatever else the test has patched."""
    for name in ("PartitionRecords", "MemoryRecords", "FetchResult"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))
    monkeypatch.setattr(consumer, "GroupCoordinator", consumer.GroupCoordinator)
    monkeypatch.setattr(TRANSPORTS, "aliases", dict(TRANSPORTS.aliases))
    installation.install()
