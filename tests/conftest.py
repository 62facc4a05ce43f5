"""What holds for every test: profiles of Hypothesis, dispositions of signals, and which tests share a process."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# .ci/run sets CI. The hypothesis plugin's option --hypothesis-profile overrides this.
settings.load_profile("ci" if os.environ.get("CI") else "dev")  # noqa: TID251 - no setting of the product

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


INTEGRATION = "tests/integration/"
SECURED = {"least_privilege", "mutual_tls", "notify_permissions", "revoked_permission", "security", "worker_security"}
ON_THEIR_OWN = {"demo", "local_kafka"}
SECOND = {"partitions", "recreated_topics", "lost_mentions"}
"""Nearly half of the time of those that need a plain broker: they wait for it more than they work."""


def broker_of(nodeid: str) -> str | None:
    """The broker that a test shares with others."""
    integration = re.match(r"tests/integration/test_(\w+)\.py", nodeid)
    if integration is None or integration[1] in ON_THEIR_OWN:
        return None
    if integration[1] in SECURED:
        return "secured broker"
    return "second plain broker" if integration[1] in SECOND else "plain broker"


class ByBroker(LoadScopeScheduling):
    """With `-n`: tests that share a broker share a process, so that each is started once, and so do those of a module.

    xdist's own groups do not work with pytest 9.2, which knows no `_nodeid`.
    """

    def _split_scope(self, nodeid: str) -> str:
        module, _, _ = nodeid.partition("::")  # what its tests have in common is made once
        return broker_of(nodeid) or (nodeid if module.startswith(INTEGRATION) else module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByBroker:
    """How tests are dealt to the processes of `-n`: in the order of their collection, not those with the most first."""
    config.option.loadscopereorder = False
    return ByBroker(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first: those that share a broker, then those that have one each."""
    items.sort(key=lambda item: (broker_of(item.nodeid) is None, not item.nodeid.startswith(INTEGRATION)))


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
