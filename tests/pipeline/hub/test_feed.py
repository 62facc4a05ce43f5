"""The topics into the store: one that an older installation has not made is said, and the others are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from pipeline.config.settings import Settings
from pipeline.hub import feed as module
from pipeline.hub.feed import Feed
from pipeline.hub.store.reader import Reader
from pipeline.hub.store.writer import Writer
from schemas.alert import encode_alert
from tests.pipeline.hub.world import episode


class Consumer:
    """A consumer whose first poll gives an alert, and whose second ends the reading."""

    def __init__(self) -> None:
        self.assigned: list[Any] = []
        self.feed: Feed | None = None
        self.records = [SimpleNamespace(topic="alerts", partition=0, offset=7, value=encode_alert(episode(1)))]

    def assign(self, partitions: list[Any]) -> None:
        self.assigned = partitions

    def poll(self, milliseconds: int) -> dict[str, list[Any]]:
        if not self.records:
            assert self.feed is not None
            self.feed.stop()
        return {"alerts": [self.records.pop()]} if self.records else {}

    def pause(self, *partitions: Any) -> None:
        """Nothing comes of them."""

    def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return {}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return None if topic == "alert-deliveries" else {0}


def test_without_the_topic_of_deliveries_the_others_are_read_and_it_is_said_what_to_do(tmp_path, monkeypatch, capsys):
    client = Consumer()

    @contextmanager
    def consumer(*_: Any, **__: Any) -> Iterator[Consumer]:
        yield client

    monkeypatch.setattr(module, "consumer", consumer)
    monkeypatch.setattr(module, "partition_count", lambda *_: 1)
    monkeypatch.setattr(module, "partitions_if_any", lambda *_: 0)
    with Writer(tmp_path / "store.sqlite") as writer:
        client.feed = Feed(Settings(), writer, lambda _: None)
        client.feed.run()
        assert {one.topic for one in client.assigned} == {"alerts", "brand-activity", "alert-feedback"}
        assert writer.next_offsets("alerts") == {0: 8}
        reader = Reader(writer.path)
        assert len(reader.open_episodes()) == 1
        reader.close()
    assert capsys.readouterr().out.count("run `tocsin topics apply`, then start the hub again") == 1
