"""What the tests of the worker share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiokafka.record import default_records

from pipeline.worker.driver import decompression
from pipeline.worker.driver.decompression import UNPACKED_BYTES
from tests.pipeline.worker.driver.packed_batches import CODECS


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """aiokafka's decoders with that bound until the test ends."""

    def install(limit: int = UNPACKED_BYTES) -> None:
        module = decompression.decoders_of_aiokafka()
        assert module is not None
        for name in CODECS:
            for owner in (module, default_records):
                monkeypatch.setattr(owner, f"{name}_decode", getattr(owner, f"{name}_decode"))
        decompression.install(module, limit)

    return install
