"""What holds for every test: profiles of Hypothesis, dispositions of signals, and which tests share a process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# .ci/run sets CI. The hypothesis plugin's option --hypothesis-profile overrides this.
settings.load_profile("ci" if os.environ.get("CI") else "dev")  # noqa: TID251 - no setting of the product

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n`, tests that need a broker run where that broker is: one process starts the plain, one the secured."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for broker in ("secured", "local_kafka"):
            if broker in fixtures:
                item.add_marker(pytest.mark.xdist_group(broker))
                break


@pytest.fixture
def heeded_signals() -> Iterator[None]:
    """Signals that are ignored here are not in the programs that the test starts, nor for what it runs itself.

    Under nohup and in a background job of a script SIGHUP and SIGINT are ignored, and every child inherits that. A
    handler is not inherited; one that does nothing keeps the session as deaf as it was asked to be.
    """
    ignored = [number for number in ENDING if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _nothing)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def _nothing(*_: object) -> None:
    """Handle a signal that the session was started to ignore."""
