"""Publishing without a broker: pace, keys, the final tick, and failures that nobody overlooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError

from pipeline.config.settings import Settings
from pipeline.engine.records import TICK_HEADER
from pipeline.errors import BrokerError
from pipeline.kafka import publishing
from pipeline.kafka.partitioning import partition_of
from pipeline.kafka.publishing import LineError, publish
from schemas.mention import event_seconds
from tests.fakes import Clock, FakeProducer, Waits
from tests.pipeline.mention_streams import START, mention

PARTITIONS = 4
Publish = Callable[..., publishing.PublishReport]


@pytest.fixture
def clock() -> Clock:
    return Clock(START + 86_400.0)


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> FakeProducer:
    """A producer in place of Kafka's, on a topic of four partitions, with the clock of the test."""
    fake = FakeProducer()

    @contextmanager
    def producer(*_: object, **__: object) -> Iterator[FakeProducer]:
        yield fake

    monkeypatch.setattr(publishing, "producer", producer)
    monkeypatch.setattr(publishing, "partition_count", lambda *_: PARTITIONS)
    monkeypatch.setattr(publishing, "time", SimpleNamespace(monotonic=clock, time=clock))
    return fake


def mentions(count: int, *, seconds: float = 0.0) -> list[bytes]:
    return [mention(id=str(number), at=START + seconds * number) for number in range(count)]


def test_a_line_goes_out_as_it_is_under_its_brand(sink: FakeProducer) -> None:
    lines = [mention(brand="acme"), mention(brand="bolt"), b"junk", b'{"brand": 7}']
    report = publish(Settings(), lines)
    assert [(value, key) for value, key, _, _ in sink.sent] == list(
        zip(lines, [b"acme", b"bolt", None, None], strict=True)
    )
    assert {partition for _, _, partition, _ in sink.sent} == {None}  # Kafka's own partitioner chooses
    assert (report.mentions, report.without_brand, report.ticks) == (4, 2, 0)


def test_brands_of_a_category_go_to_the_partition_of_their_category(sink: FakeProducer, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.toml"
    path.write_text('[brands.acme]\ncategory = "airlines"\n')
    publish(Settings(config=path), [mention(brand="acme"), mention(brand="bolt")])
    assert [partition for _, _, partition, _ in sink.sent] == [partition_of(b"airlines", PARTITIONS), None]


def test_mentions_go_out_at_the_rate_asked_for(sink: FakeProducer, clock: Clock) -> None:
    began = clock.now
    report = publish(Settings(), mentions(51), rate=100.0, stop=Waits(clock))
    assert clock.now - began == pytest.approx(0.5, abs=0.002)
    assert report.seconds == pytest.approx(0.5, abs=0.002)


def test_event_time_passes_at_the_speed_asked_for(sink: FakeProducer, clock: Clock) -> None:
    began = clock.now
    publish(Settings(), mentions(11, seconds=60.0), speed=1200.0, stop=Waits(clock))
    assert clock.now - began == pytest.approx(0.5, abs=0.002)


def test_after_a_first_line_that_was_long_in_coming_event_time_passes_no_faster(
    sink: FakeProducer, clock: Clock
) -> None:
    def late() -> Iterator[bytes]:
        clock.now += 100.0
        yield from mentions(11, seconds=60.0)

    began = clock.now
    publish(Settings(), late(), speed=1200.0, stop=Waits(clock))
    assert clock.now - began == pytest.approx(100.5, abs=0.002)


def test_without_a_pace_nothing_is_waited_for(sink: FakeProducer, clock: Clock) -> None:
    began = clock.now
    publish(Settings(), mentions(100, seconds=60.0), stop=Waits(clock))
    assert clock.now == began


def test_stopping_ends_in_mid_wait_without_the_final_tick(sink: FakeProducer, clock: Clock) -> None:
    class Stopped(Waits):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return super().wait(timeout)

    report = publish(Settings(), mentions(9, seconds=600.0), speed=1.0, final_tick=True, stop=Stopped(clock))
    assert (report.mentions, report.ticks, len(sink.sent)) == (1, 0, 1)


def test_the_final_tick_goes_to_every_partition_after_the_last_mention(sink: FakeProducer) -> None:
    report = publish(Settings(), mentions(2, seconds=10.0), final_tick=True)
    ticks = sink.sent[2:]
    assert report.latest_event_time == START + 10
    assert [(key, partition) for _, key, partition, _ in ticks] == [(None, number) for number in range(PARTITIONS)]
    closes = str((START + 300 + 120) * 1000 + 10_000).encode()  # a bucket, the lateness, and the mention's own seconds
    assert {tuple(headers) for _, _, _, headers in ticks} == {((TICK_HEADER, closes),)}


def test_a_line_that_the_worker_refuses_does_not_move_the_final_tick(sink: FakeProducer) -> None:
    far = mention(id="far", at=START + 400 * 86_400)
    unfit = mention(id="unfit", at=START + 3600, platform="")
    assert publish(Settings(), [mention(), far, unfit], final_tick=True).latest_event_time == START
    assert publish(Settings(), [far, b"junk"], final_tick=True).ticks == 0


def test_a_line_that_is_too_large_or_lacks_its_brand_is_named_after_those_before_it_were_sent(
    sink: FakeProducer,
) -> None:
    with pytest.raises(LineError, match="line 3: expected at most 1,047,552 bytes"):
        publish(Settings(), [*mentions(2), mention(text="x" * 1_048_576)])
    assert len(sink.sent) == 2
    with pytest.raises(LineError, match=r'line 2: expected a JSON object with a text "brand"'):
        publish(Settings(), [*mentions(1), b"junk"], require_brand=True)


@pytest.mark.parametrize("place", [1, 60, 100])
def test_a_record_that_is_not_acknowledged_is_an_error_wherever_it_stands(sink: FakeProducer, place: int) -> None:
    sink.fails[place] = KafkaTimeoutError("lost")
    with pytest.raises(BrokerError, match="a mention was not acknowledged"):
        publish(Settings(), mentions(100))


def test_a_tick_that_is_not_acknowledged_is_an_error_too(sink: FakeProducer) -> None:
    sink.fails[5] = KafkaTimeoutError("lost")
    with pytest.raises(BrokerError, match="was not acknowledged"):
        publish(Settings(), mentions(2), final_tick=True)


def test_progress_is_told_now_and_then_and_ends_at_the_number_sent(sink: FakeProducer, clock: Clock) -> None:
    told: list[int] = []
    publish(Settings(), mentions(101), rate=100.0, stop=Waits(clock), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 101
    assert 5 <= len(told) <= 12  # a second at ten times a second


@given(st.datetimes(datetime(1970, 1, 2), datetime(2199, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - zone added
def test_the_event_time_of_a_line_is_its_moment(moment: datetime) -> None:
    assert event_seconds(mention(at=moment.timestamp())) == pytest.approx(moment.timestamp(), abs=1e-5)


@given(st.binary(max_size=60) | st.sampled_from([b"[" * 100_000, b'{"event_time":"2026-01-01T00:00:00"}', b"{}"]))
def test_a_line_without_a_moment_has_none(line: Any) -> None:
    assert event_seconds(line) is None
