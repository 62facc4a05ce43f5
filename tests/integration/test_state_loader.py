"""What the worker holds the partition of a category against."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.kafka.clients import aiokafka_options, topic_name
from pipeline.worker.state_loader import load_state
from tests.pipeline.worker.installed import install_until_the_test_ends

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker."""
    install_until_the_test_ends(monkeypatch)


def test_loading_the_state_tells_how_many_partitions_there_are(cluster_settings):
    async def load() -> int:
        state, mentions = topic_name(cluster_settings, "brand-state"), topic_name(cluster_settings, "mentions")
        return (await load_state(aiokafka_options(cluster_settings), state, mentions, 1, lambda: None)).partitions

    assert asyncio.run(load()) == 4
