"""What the tests of the worker share."""

from __future__ import annotations

import pytest

from tests.pipeline.worker.installed import install_until_the_test_ends


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The changes to Faust and aiokafka, until the test ends."""
    install_until_the_test_ends(monkeypatch)
