"""Sending dead letters again: what a producer says that another one has fenced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka import resending


@pytest.mark.parametrize(
    "error",
    [
        ProducerFencedError(),
        InvalidProducerEpochError(),
        KafkaError("Cannot perform send because at least one previous request has failed.", ProducerFencedError()),
    ],
    ids=["fenced", "an old epoch", "the call after it"],
)
def test_a_producer_that_was_fenced_says_that_another_one_has_begun(monkeypatch, error):
    @contextmanager
    def producer(*_: Any, **__: Any) -> Iterator[Any]:
        yield SimpleNamespace(init_transactions=lambda: None)

    monkeypatch.setattr(resending, "producer", producer)
    monkeypatch.setattr(resending, "partition_count", lambda *_: 4)
    with (
        pytest.raises(BrokerError, match="another one has begun since"),
        resending._Sender.started(Settings(), Config()),
    ):
        raise error
