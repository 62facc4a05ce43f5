"""The changes to Faust and aiokafka are made once, by the command; who relies on them says so when they are missing."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.record import memory_records
from faust import streams
from faust.transport.drivers import TRANSPORTS

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.errors import ConfigError
from pipeline.worker.app import create_app
from pipeline.worker.driver import faust_driver, fetched_slices
from pipeline.worker.driver.gap_reader import GapReader
from pipeline.worker.driver.group_member import GroupMember
from pipeline.worker.driver.installation import SCHEME, NotInstalledError, install
from pipeline.worker.state_loader import load_state

OWN_RECORDS = fetched_slices.LightRecords.__mro__[1]
OWN_RESULT = fetched_slices.SliceResult.__mro__[1]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just begun; whatever a test installs is gone after it."""
    monkeypatch.setattr(fetcher, "PartitionRecords", OWN_RECORDS)
    monkeypatch.setattr(fetcher, "MemoryRecords", memory_records.MemoryRecords)
    monkeypatch.setattr(fetcher, "FetchResult", OWN_RESULT)
    monkeypatch.setattr(consumer, "GroupCoordinator", GroupCoordinator)
    monkeypatch.setattr(TRANSPORTS, "aliases", {k: v for k, v in TRANSPORTS.aliases.items() if k != SCHEME})


def test_the_transport_and_the_classes_that_go_through_a_fetch_are_ours() -> None:
    install()
    assert TRANSPORTS.by_name(SCHEME) is faust_driver.Transport
    assert fetcher.PartitionRecords is fetched_slices.LightRecords
    assert fetcher.MemoryRecords is fetched_slices.MemoryRecords
    assert fetcher.FetchResult is fetched_slices.SliceResult
    assert consumer.GroupCoordinator is GroupMember


def test_an_aiokafka_with_other_insides_keeps_its_own_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetched_slices, "light_records_work", lambda: False)
    install()
    assert TRANSPORTS.by_name(SCHEME) is faust_driver.Transport
    assert fetcher.PartitionRecords is OWN_RECORDS
    assert fetcher.MemoryRecords is memory_records.MemoryRecords
    assert fetcher.FetchResult is OWN_RESULT


def test_fausts_compiled_stream_iterator_is_present_and_its_absence_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert streams._CStreamIterator is not None
    monkeypatch.setattr(streams, "_CStreamIterator", None)
    with pytest.raises(ConfigError, match="compiled extension"):
        install()


def test_what_relies_on_it_is_refused_without_it() -> None:
    async def read_a_gap() -> None:
        async for _ in GapReader({}, "mentions").read(0, 0, 1):
            pass

    with pytest.raises(NotInstalledError, match=r"the Faust application: expected .*install\(\) to have been called"):
        create_app(Settings(), Config())
    with pytest.raises(NotInstalledError, match="the state loader"):
        asyncio.run(load_state({}, "brand-state", "mentions", 0, lambda: None))
    with pytest.raises(NotInstalledError, match="the gap reader"):
        asyncio.run(read_a_gap())
