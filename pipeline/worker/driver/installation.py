"""The changes to Faust and aiokafka that hold for the whole process, made in one place by the worker's command.

`install` puts our transport among Faust's and our classes in the place of aiokafka's that go through a fetch: for
every consumer of this process, those of the state loader and of the gap reader too. Who relies on that says so by
`require_installed`.
"""

from __future__ import annotations

from typing import Final

import aiokafka.consumer.consumer as aiokafka_consumer
import aiokafka.consumer.fetcher as aiokafka_fetcher
from faust import streams
from faust.transport.drivers import TRANSPORTS

from pipeline.errors import ConfigError
from pipeline.worker.driver import faust_driver, fetched_slices
from pipeline.worker.driver.group_member import GroupMember

SCHEME: Final = "tocsin"
"""Scheme of the broker URLs that select our transport."""
_TRANSPORT: Final = f"{faust_driver.__name__}:{faust_driver.Transport.__name__}"


class NotInstalledError(RuntimeError):
    """`install` was not called before something that relies on it: a mistake in our own code."""


def install() -> None:
    """Make the transport known to Faust under SCHEME, and put our classes in the place of aiokafka's, in this process.

    They hand out light records and checked batches, and notice a namesake in the consumer group.

    Raises:
        ConfigError: the installed Faust lacks its compiled stream iterator, whose pure-Python stand-in acknowledges
            messages that it skips.
    """
    if streams._CStreamIterator is None:  # noqa: SLF001 - the only sign of it
        raise ConfigError(
            "faust-streaming: expected its compiled extension (faust._cython.streams), got the pure-Python fall-back, "
            "which commits messages that it skips: install a wheel for this platform and unset NO_CYTHON"
        )
    if fetched_slices.light_records_work():
        aiokafka_fetcher.PartitionRecords = fetched_slices.LightRecords
        aiokafka_fetcher.MemoryRecords = fetched_slices.MemoryRecords
        aiokafka_fetcher.FetchResult = fetched_slices.SliceResult
    aiokafka_consumer.GroupCoordinator = GroupMember
    TRANSPORTS.aliases[SCHEME] = _TRANSPORT


def require_installed(what: str) -> None:
    """Nothing, after `install`.

    Args:
        what: relies on it; named in the error.

    Raises:
        NotInstalledError: it has not been called in this process.
    """
    if TRANSPORTS.aliases.get(SCHEME) != _TRANSPORT:
        raise NotInstalledError(
            f"{what}: expected pipeline.worker.driver.installation.install() to have been called in this process: "
            "without it a batch that aiokafka cannot read ends the worker"
        )
